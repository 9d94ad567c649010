"""Which steps of the protocol are done, in a file."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, final

from lightning_regkit._files import write_whole
from lightning_regkit.tuning._space import Among, Between, Space, Value
from lightning_regkit.tuning._verdict import Verdict

__all__ = ["NAME", "Found", "StepDone", "read_progress", "write_progress"]

NAME: Final = "protocol.json"


@final
@dataclass(frozen=True)
class Found:
    """What a step, or several, hand on to later ones.

    Args:
        facts: Numbers by name.
        space: Where to search next.
        best: Values of the best trial.
    """

    facts: Mapping[str, list[float]] = field(default_factory=dict)
    space: Space = field(default_factory=dict)
    best: Mapping[str, Value] = field(default_factory=dict)


@final
@dataclass(frozen=True)
class StepDone:
    """One step that is over.

    Args:
        step: 1 to 7.
        title: What it does.
        cause: Of its verdict.
        sentence: Of its verdict.
        facts: Numbers that later steps need, by name.
        space: Of a search: where to look next.
        best: Of a search: values of the best trial.

    Example:
        >>> StepDone(1, "initial loss", "healthy", "The loss is 2.3.", {}).verdict.is_healthy
        True
    """

    step: int
    title: str
    cause: str
    sentence: str
    facts: Mapping[str, list[float]]
    space: Space = field(default_factory=dict)
    best: Mapping[str, Value] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """What it concluded."""
        return Verdict(self.cause, self.sentence)


def read_progress(folder: Path) -> dict[int, StepDone]:
    """Read what has been done in ``folder``, by step; nothing where there is no file.

    Raises:
        ValueError: The file is not one of ours.
    """
    path = folder / NAME
    if not path.is_file():
        return {}
    try:
        done = [_step_of(entry) for entry in json.loads(path.read_text())]
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"tuning.Protocol: {path} must be a list of steps. Remove it to begin anew.") from error
    return {each.step: each for each in done}


def write_progress(folder: Path, done: dict[int, StepDone]) -> None:
    """Write what has been done, in order."""
    text = json.dumps([asdict(done[step]) for step in sorted(done)], indent=2)
    write_whole(folder / NAME, f"{text}\n".encode())


def _step_of(entry: dict[str, Any]) -> StepDone:
    space = {name: _range_of(each) for name, each in entry.get("space", {}).items()}
    return StepDone(**{**entry, "space": space})


def _range_of(entry: dict[str, Any]) -> Between | Among:
    return Among(tuple(entry["values"])) if "values" in entry else Between(**entry)
