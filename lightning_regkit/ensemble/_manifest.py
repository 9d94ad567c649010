"""The list of an ensemble's members."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, final

from lightning_regkit._checks import message
from lightning_regkit._files import write_whole
from lightning_regkit.errors import CorruptCheckpointError

__all__ = ["MANIFEST", "Member", "corrupt", "read_manifest", "write_manifest"]

MANIFEST: Final = "members.json"
FORMAT: Final = 1


@final
@dataclass(frozen=True)
class Member:
    """One member as the list has it.

    Args:
        file: Name of its file in the folder.
        step: Optimizer steps done when it was taken.
        cycle: Which cycle it ends, from 0.
        rate: Learning rate of that last step, of the first parameter group.
        sha256: Checksum of the file, hexadecimal.
        score: What the monitored metric said of just these weights; None if nothing did.

    Returns:
        An immutable value.

    Example:
        >>> Member("step-00000100.safetensors", 100, 0, 0.0, sha256="ab").score is None
        True
    """

    file: str
    step: int
    cycle: int
    rate: float
    sha256: str
    score: float | None = None


def write_manifest(folder: Path, members: Sequence[Member]) -> None:
    """Write the list of members, ``members.json``, such that it is whole at every moment.

    Args:
        folder: Where their files are.
        members: In the order in which they were taken; a score that is no finite number is written as none.

    Raises:
        OSError: It could not be written; the list is as before.

    Example:
        >>> from tempfile import mkdtemp
        >>> folder = Path(mkdtemp())
        >>> write_manifest(folder, [Member("a", 1, 0, 0.0, "ab", score=math.nan)])
        >>> read_manifest(folder)[0].score is None
        True
    """
    entries = [{**asdict(member), "score": _finite(member.score)} for member in members]
    text = json.dumps({"format": FORMAT, "members": entries}, indent=2) + "\n"
    write_whole(folder / MANIFEST, text.encode())


def read_manifest(folder: Path) -> tuple[Member, ...]:
    """Read the list of members.

    Args:
        folder: Where ``members.json`` is.

    Returns:
        Members in the order in which they were taken; none if there is no list.

    Raises:
        CorruptCheckpointError: The list cannot be understood.

    Example:
        >>> read_manifest(Path("nowhere"))
        ()
    """
    path = folder / MANIFEST
    if not path.exists():
        return ()
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if found["format"] == FORMAT:
            return tuple(Member(**entry) for entry in found["members"])
    except (KeyError, TypeError, ValueError) as error:
        raise corrupt(path, "be a list of members", str(error)) from error
    raise corrupt(path, f"be a list of format {FORMAT}", found["format"])


def corrupt(path: Path, condition: str, found: object) -> CorruptCheckpointError:
    """Word what is wrong with a file."""
    return CorruptCheckpointError(message("ensemble", f"file {str(path)!r}", condition, found))


def _finite(score: float | None) -> float | None:
    return score if score is not None and math.isfinite(score) else None
