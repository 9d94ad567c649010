"""Ranges as pairs of numbers."""

from collections.abc import Callable
from typing import Final, TypeVar

from lightning_regkit._checks import message

__all__ = ["ends"]

NUM_ENDS: Final = 2

Number = TypeVar("Number", int, float)


def ends(
    owner: str, argument: str, value: object, check: Callable[[str, str, object], Number]
) -> tuple[Number, Number]:
    """Return a range if it is a tuple (smallest, largest), else raise ``TypeError`` or ``ValueError``.

    Args:
        owner: Public name of what the user called.
        argument: Name of the argument at fault.
        value: The range.
        check: Returns one end if it is right, else raises.

    Example:
        >>> from lightning_regkit._checks import positive_int
        >>> ends("augment.resnet_train", "resize_px", (256, 480), positive_int)
        (256, 480)
    """
    if not isinstance(value, tuple) or len(value) != NUM_ENDS:
        raise TypeError(message(owner, argument, "be a tuple (smallest, largest)", value))
    low, high = (check(owner, argument, end) for end in value)
    if low > high:
        raise ValueError(message(owner, argument, "have its ends in order", value))
    return low, high
