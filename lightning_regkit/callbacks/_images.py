"""What noise on images asks of the inputs of a batch."""

from typing import TYPE_CHECKING, Final

from lightning_regkit._checks import message

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["image_size", "refuse_maps"]

_IMAGE_NDIM: Final = 4
_TABLE_NDIM: Final = 2


def image_size(owner: str, inputs: "Tensor") -> tuple[int, int]:
    """Return (H, W) of a batch of images (B, C, H, W), or refuse what is none.

    Args:
        owner: The callback's name, for the message.
        inputs: The inputs of a batch; their shape only.

    Returns:
        Height and width in pixels.

    Raises:
        ValueError: The inputs have another number of dimensions.
    """
    if inputs.ndim != _IMAGE_NDIM:
        raise ValueError(message(owner, "inputs", "be images (B, C, H, W)", tuple(inputs.shape)))
    height, width = inputs.shape[-2:]
    return height, width


def refuse_maps(owner: str, targets: "Tensor | None") -> None:
    """Refuse targets that have a place in the image: pasting a box moves some of them, which no weight says.

    Args:
        owner: The callback's name, for the message.
        targets: The targets of a batch; their shape only.

    Raises:
        ValueError: They have more than two dimensions.
    """
    if targets is not None and targets.ndim > _TABLE_NDIM:
        remedy = "Mixup mixes maps of labels, pixel by pixel."
        raise ValueError(message(owner, "targets", "be of shape (B,) or (B, K)", tuple(targets.shape), remedy))
