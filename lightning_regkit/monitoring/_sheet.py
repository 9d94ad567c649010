"""A sheet of images, and what to write under them."""

import math
from typing import Final

import torch
from torch import Tensor

from lightning_regkit._checks import message

__all__ = ["image_sheet", "mixture_captions", "target_captions"]

_IMAGES_NDIM: Final = 4
_COLORS: Final = 3
_PADDING_PX: Final = 2


def image_sheet(images: Tensor) -> Tensor:
    """Lay images out in rows on black, about as many in a row as there are rows.

    Args:
        images: (N, C, H, W), N >= 1, floating or uint8; not modified. One channel is shown gray, of more than three the
            first three, of two the first.

    Returns:
        uint8 (3, H', W'), on the device of the images. Floats are scaled so that the least of all finite values is
        black and the largest white; other values are shown black. Made without waiting for the device.

    Raises:
        ValueError: ``images`` is of another shape.

    Example:
        >>> image_sheet(torch.rand(5, 3, 8, 8)).shape
        torch.Size([3, 22, 32])
    """
    if images.ndim != _IMAGES_NDIM or not len(images):
        shape = tuple(images.shape)
        raise ValueError(message("monitoring.image_sheet", "images", "be of shape (N, C, H, W), N >= 1", shape))
    shown = _as_bytes(images.detach())
    shown = shown[:, :_COLORS] if shown.shape[1] >= _COLORS else shown[:, :1].expand(-1, _COLORS, -1, -1)
    columns = math.ceil(math.sqrt(len(shown)))
    rows = math.ceil(len(shown) / columns)
    height, width = (side + _PADDING_PX for side in shown.shape[2:])
    sheet = shown.new_zeros(_COLORS, rows * height + _PADDING_PX, columns * width + _PADDING_PX)
    for index, image in enumerate(shown):
        top, left = (index // columns) * height + _PADDING_PX, (index % columns) * width + _PADDING_PX
        sheet[:, top : top + image.shape[1], left : left + image.shape[2]] = image
    return sheet


def mixture_captions(labels: Tensor, weights: Tensor) -> list[str]:
    """Say of each example which labels it has, the heaviest first, with their weights where there are several.

    Args:
        labels: Class indices (M, B); equal ones of an example count once, with the sum of their weights.
        weights: Their weights (M, B), >= 0; labels of less than 0.005 are left out.

    Returns:
        B texts, which wait for the device.

    Example:
        >>> mixture_captions(torch.tensor([[3, 7], [5, 7]]), torch.tensor([[0.75, 0.6], [0.25, 0.4]]))
        ['3 (0.75) + 5 (0.25)', '7']
    """
    return [_caption(*pair) for pair in zip(labels.T.tolist(), weights.T.tolist(), strict=True)]


def target_captions(targets: Tensor) -> list[str]:
    """Say of each example which label it has, or which probabilities its labels have.

    Args:
        targets: Class indices (B,), or probabilities (B, K), of which the three largest are shown.

    Returns:
        B texts, which wait for the device; none for targets of another shape or kind.

    Example:
        >>> target_captions(torch.tensor([[0.25, 0.75, 0.0]]))
        ['1 (0.75) + 0 (0.25)']
    """
    if targets.ndim == 1 and not targets.is_floating_point():
        return [str(label) for label in targets.tolist()]
    if targets.ndim != 2 or not targets.is_floating_point():  # noqa: PLR2004  # (B, K)
        return []
    weights, labels = targets.topk(min(3, targets.shape[1]), dim=1)  # (B, M)
    return mixture_captions(labels.T, weights.T)


def _caption(labels: list[int], weights: list[float]) -> str:
    sums: dict[int, float] = {}
    for label, weight in zip(labels, weights, strict=True):
        sums[label] = sums.get(label, 0.0) + weight
    ranked = sorted(sums.items(), key=lambda pair: -pair[1])
    shown = [pair for pair in ranked if pair[1] >= 0.005]  # noqa: PLR2004  # what two decimals show
    return str(shown[0][0]) if len(shown) == 1 else " + ".join(f"{label} ({weight:.2f})" for label, weight in shown)


def _as_bytes(images: Tensor) -> Tensor:
    if images.dtype == torch.uint8:
        return images
    values = images.float()
    is_shown = values.isfinite()
    least = torch.where(is_shown, values, math.inf).amin()
    span = torch.where(is_shown, values, -math.inf).amax() - least
    scaled = torch.where(is_shown, (values - least) / span, 0.0).nan_to_num(0.0, 0.0, 0.0)
    return (scaled * 255).round().to(torch.uint8)
