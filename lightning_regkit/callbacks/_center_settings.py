"""What CommandCenter logs, as declared: a value that is checked once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

from lightning_regkit._checks import message, non_negative_int, one_of
from lightning_regkit._durations import parse
from lightning_regkit.monitoring._position import AXES, Axis

__all__ = ["OWNER", "CenterSettings"]

OWNER: Final = "CommandCenter"

_PAIR: Final = 2


@final
@dataclass(frozen=True)
class CenterSettings:
    """The arguments of ``CommandCenter`` that are checked, under their names."""

    x_axis: Axis
    prefix: str
    gaps: Mapping[str, tuple[str, str]] | None
    images: int
    images_every: int | str

    def __post_init__(self) -> None:
        one_of(OWNER, "x_axis", self.x_axis, AXES)
        if not _is_name(self.prefix):
            raise ValueError(message(OWNER, "prefix", "be a name", self.prefix))
        for name, pair in ({} if self.gaps is None else self.gaps).items():
            if not _is_pair_of_names(pair):
                condition = "name two metrics for each gap, of training and of validation"
                raise ValueError(message(OWNER, "gaps", condition, {name: pair}))
        non_negative_int(OWNER, "images", self.images)
        every = parse(self.images_every, owner=OWNER, argument="images_every")
        if every.unit == "run" or every.value.denominator != 1 or not every.value:
            condition = "be a whole number of epochs or steps, such as '1ep' or '500step'"
            raise ValueError(message(OWNER, "images_every", condition, self.images_every))

    def is_sheet_due(self, epoch: int, step: int, last: tuple[int, int] | None) -> bool:
        """Tell whether a logging step is to show a sheet of images, when the last one was at (epoch, step)."""
        every = parse(self.images_every, owner=OWNER, argument="images_every")
        if last is None or not self.images:
            return self.images > 0
        return (epoch - last[0] if every.unit == "ep" else step - last[1]) >= every.value


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip("/"))


def _is_pair_of_names(value: object) -> bool:
    return isinstance(value, list | tuple) and len(value) == _PAIR and all(isinstance(name, str) for name in value)
