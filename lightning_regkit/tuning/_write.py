"""Results as files."""

import io
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lightning_regkit._files import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Drawn", "plain", "write_json", "write_picture"]


class Drawn(Protocol):
    """What can be drawn."""

    def draw(self, axes: "Axes") -> None:
        """Draw it."""


def plain(value: object) -> object:
    """Turn a result into what JSON has: a number that is not finite becomes a text.

    Args:
        value: A dataclass, mapping, sequence, path, number, text or None.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return str(value) if isinstance(value, Path) else value


def write_json(folder: Path | None, name: str, result: object) -> None:
    """Write ``folder/name.json`` whole, if there is a folder."""
    if folder is not None:
        write_whole(folder / f"{name}.json", f"{json.dumps(plain(result), indent=2)}\n".encode())


def write_picture(folder: Path | None, name: str, result: Drawn) -> None:
    """Write ``folder/name.png`` whole, if there are a folder and matplotlib."""
    if folder is None:
        return
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415  # optional
    except ImportError:
        return
    figure = Figure(figsize=(6, 4), layout="constrained")
    result.draw(figure.add_subplot())
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=120)
    write_whole(folder / f"{name}.png", content.getvalue())
