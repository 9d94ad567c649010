"""Views of a batch of images, as tensors."""

from collections.abc import Iterable, Iterator
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_regkit._checks import message
from lightning_regkit.crops._view import View

__all__ = ["apply_view", "apply_views", "check_images"]

IMAGE_NDIM: Final = 4
#: torch resizes others on some devices only.
RESIZED_DTYPES: Final = frozenset({torch.float32, torch.float64})


def apply_view(images: Tensor, view: View) -> Tensor:
    """Resize, cut and mirror a batch of images of one size.

    Args:
        images: (B, C, H, W), any floating dtype; not modified.
        view: What to show of them.

    Returns:
        (B, C, height, width) of the box, of the dtype, device and memory format of ``images``. A view that is neither
        resized nor mirrored nor reaches outside shares their memory. Resizing is antialiased and bilinear, equal to
        torchvision's of tensors. Made without waiting for the device.

    Raises:
        TypeError: ``images`` is not a floating tensor.
        ValueError: ``images`` is not (B, C, H, W).

    Example:
        >>> from lightning_regkit.crops import Box
        >>> image = torch.arange(6.0).reshape(1, 1, 2, 3)
        >>> apply_view(image, View(size_px=(2, 3), box=Box(0, 1, 2, 2), is_mirrored=True))
        tensor([[[[2., 1.],
                  [5., 4.]]]])
    """
    check_images(images)
    return _cut(_resized(images, view.size_px), view)


def apply_views(images: Tensor, views: Iterable[View]) -> Iterator[Tensor]:
    """Show a batch of images in several views, one at a time; consecutive views of one scale share its resized images.

    Args:
        images: (B, C, H, W), any floating dtype; not modified.
        views: What to show of them; all views of a scale together, as layouts list them.

    Returns:
        An iterator over (B, C, height, width) tensors equal to :func:`apply_view` of every view, each made when it is
        asked for. At most one scale is held at a time; what is not mirrored shares its memory.

    Raises:
        TypeError: ``images`` is not a floating tensor.
        ValueError: ``images`` is not (B, C, H, W).

    Example:
        >>> from lightning_regkit.crops import ten
        >>> crops = apply_views(torch.zeros(2, 3, 40, 60), ten(40, 60, resize_px=[36], crop_px=32))
        >>> {tuple(crop.shape) for crop in crops}
        {(2, 3, 32, 32)}
    """
    check_images(images)
    return _apply_views(images, views)


def _apply_views(images: Tensor, views: Iterable[View]) -> Iterator[Tensor]:
    held: tuple[tuple[int, int], Tensor] | None = None
    for view in views:
        if held is None or held[0] != view.size_px:
            held = None  # so that two scales are never held at once
            held = (view.size_px, _resized(images, view.size_px))
        yield _cut(held[1], view)


def _resized(images: Tensor, size_px: tuple[int, int]) -> Tensor:
    if tuple(images.shape[2:]) == size_px:
        return images
    exact = images if images.dtype in RESIZED_DTYPES else images.float()
    resized = F.interpolate(exact, size=size_px, mode="bilinear", align_corners=False, antialias=True)
    return resized.to(images.dtype)


def _cut(resized: Tensor, view: View) -> Tensor:
    above, left, below, right = view.overhang
    if any(view.overhang):
        resized = F.pad(resized, (left, right, above, below), mode="reflect")
    box = view.box
    rows = slice(box.top + above, box.top + above + box.height)
    columns = slice(box.left + left, box.left + left + box.width)
    part = resized[:, :, rows, columns]
    return part.flip(-1) if view.is_mirrored else part


def check_images(images: object) -> None:
    """Refuse what is no floating tensor (B, C, H, W)."""
    if not isinstance(images, Tensor) or not images.is_floating_point():
        kind = images.dtype if isinstance(images, Tensor) else type(images).__name__
        remedy = "Convert and normalize first, for example images.float() / 255."
        raise TypeError(message("crops", "images", "be a floating point tensor", kind, remedy))
    if images.ndim != IMAGE_NDIM:
        raise ValueError(message("crops", "images", "be of shape (B, C, H, W)", tuple(images.shape)))
