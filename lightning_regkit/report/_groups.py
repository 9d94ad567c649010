"""Runs that differ by their seed alone."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

from lightning_regkit._checks import message
from lightning_regkit.report._run import Run

__all__ = ["Group", "group_by_seed", "settings"]

SEED_KEYS: Final = ("seed_everything", "seed")
#: Settings that say where a run was written, not what it did.
PLACE_KEYS: Final = frozenset({"default_root_dir", "dirpath", "save_dir"})
LOGGER_KEYS: Final = frozenset({"name", "version"})
SEED_IN_NAME: Final = re.compile(r"(?<![a-z])seed[ _=-]*(\d+)", re.IGNORECASE)
VERSION_IN_NAME: Final = re.compile(r"version_\d+")


@final
@dataclass(frozen=True)
class Group:
    """Runs that differ by their seed alone, or one run.

    Args:
        label: What to call them.
        runs: At least one.
        seeds: The seed of each, as text; empty for a run whose seed is not known.

    Example:
        >>> Group("mixup", (Run("mixup/seed-0", {}), Run("mixup/seed-1", {})), ("0", "1")).seeds
        ('0', '1')
    """

    label: str
    runs: tuple[Run, ...]
    seeds: tuple[str, ...]


def group_by_seed(runs: Sequence[Run]) -> tuple[Group, ...]:
    """Put runs together whose seeds are known and which are otherwise the same.

    The seed is a setting named ``seed_everything`` or ``seed``, else the number after ``seed`` in the name. Other
    settings must agree, but for those that say where a run was written, and so must the names, without seed and
    ``version_0``; where settings are whole (``config.yaml``), they alone decide.

    Args:
        runs: In any order.

    Returns:
        The groups in the order of their first runs. Runs of unknown seed stay alone.

    Raises:
        ValueError: There are no runs, or two have the same name.

    Example:
        >>> runs = [Run(f"{name}/seed-{seed}", {}) for name in ("plain", "mixup") for seed in (0, 1)]
        >>> [(group.label, group.seeds) for group in group_by_seed(runs)]
        [('plain', ('0', '1')), ('mixup', ('0', '1'))]
    """
    names = [run.name for run in runs]
    if not names or len(set(names)) < len(names):
        raise ValueError(message("report.group_by_seed", "runs", "be at least one, of different names", names))
    found: dict[object, list[Run]] = {}
    for run in runs:
        found.setdefault(_likeness(run), []).append(run)
    stems = Counter(_stem(alike[0].name) for alike in found.values() if len(alike) > 1)
    return tuple(Group(_label(alike, stems), tuple(alike), tuple(map(_seed, alike))) for alike in found.values())


def settings(run: Run) -> dict[str, str]:
    """Return what a run was told to do: its settings without seeds, and without where it was written."""
    return {key: value for key, value in run.config.items() if not _is_left_out(key)}


def _likeness(run: Run) -> object:
    """Return what runs of a group have in common; a run of unknown seed has it with no other."""
    if not _seed(run):
        return run.name
    return frozenset(settings(run).items()), run.is_whole or _stem(run.name)


def _seed(run: Run) -> str:
    whole_numbers = [(key.rpartition(".")[2], value) for key, value in run.config.items() if value.isdecimal()]
    given = next((value for name in SEED_KEYS for last, value in whole_numbers if last == name), "")
    named = SEED_IN_NAME.search(run.name)
    return given or (named[1] if named else "")


def _is_left_out(key: str) -> bool:
    *above, last = key.split(".")
    return last in SEED_KEYS or last in PLACE_KEYS or (last in LOGGER_KEYS and "logger" in above)


def _stem(name: str) -> str:
    return VERSION_IN_NAME.sub("", SEED_IN_NAME.sub("", name)).strip("/_- ")


def _label(alike: Sequence[Run], stems: Counter[str]) -> str:
    """Return the name without seed where it tells the group from others, else the name of its first run."""
    stem = _stem(alike[0].name)
    return stem if len(alike) > 1 and stem and stems[stem] == 1 else alike[0].name
