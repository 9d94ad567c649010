"""Whole images of many sizes for a network that may need a fixed one."""

import traceback
from typing import TYPE_CHECKING, Final, final

import torch

from lightning_regkit._checks import message

if TYPE_CHECKING:
    from torch import Tensor

    from lightning_regkit._lightning._calls import Images
    from lightning_regkit._lightning._predictor import Predict

__all__ = ["AnySize"]

#: How torch says on the CPU that there is no memory left.
CPU_MEMORY: Final = "can't allocate memory"
OURS: Final = __name__.partition(".")[0]
REMEDY: Final = "Pass 'multiscale_50', or another layout of crops of one size."


@final
class AnySize:
    """Predicts, and says in one sentence that the network needs a fixed size where it raises.

    Args:
        owner: The callback's name, for messages.
        layout: Name of the layout.
        predict: Runs the network.

    Raises:
        ValueError: In a call, the network raised what networks of fixed size raise; that is the cause.
    """

    def __init__(self, owner: str, layout: str, *, predict: "Predict") -> None:
        self._owner, self._layout, self._predict = owner, layout, predict

    def __call__(self, images: "Images") -> "Tensor":
        """Run the network."""
        try:
            return self._predict(images)
        except (AssertionError, RuntimeError, ValueError) as error:
            if _is_memory(error) or _is_ours(error):
                raise
            height, width = images[0].shape[-2:]
            condition = f"suit the network, which takes no images of {height} x {width}"
            raise ValueError(message(self._owner, "layout", condition, self._layout, REMEDY)) from error


def _is_memory(error: Exception) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or CPU_MEMORY in str(error)


def _is_ours(error: Exception) -> bool:
    """Tell a refusal of this package, of scores that are probabilities say, from an error of the network."""
    last = [frame for frame, _ in traceback.walk_tb(error.__traceback__)][-1]
    return isinstance(error, ValueError) and str(last.f_globals.get("__name__")).partition(".")[0] == OURS
