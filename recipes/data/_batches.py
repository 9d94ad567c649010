"""Batches of bytes on their way to the device, and of floats there."""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias, final

import torch
from torch import Tensor
from torch.utils.data import default_collate

from recipes.data._broken import BrokenImageError
from recipes.data._image_options import Triple
from recipes.data._jpeg import Pixels

__all__ = ["Packed", "Sample", "Standardize", "collate", "pack"]

#: Pixels (H, W, 3), and the label.
Sample: TypeAlias = tuple[Pixels, int]


class Packed(NamedTuple):
    """Images of many sizes in one tensor: one transfer, and one file handle, for all of them.

    Args:
        pixels: All their bytes, one image behind the other, (sum of H W, 3).
        sizes_px: (H, W) of each; numbers of the host, which nothing waits for.
        labels: Their classes (B,).
    """

    pixels: Tensor
    sizes_px: tuple[tuple[int, int], ...]
    labels: Tensor


def collate(samples: Sequence[Sample | None]) -> tuple[Tensor, Tensor]:
    """Stack images of one size.

    Args:
        samples: Images (H, W, 3) with their labels; None for those that were skipped.

    Returns:
        Images (B, 3, H, W), uint8, with channels last in memory, and labels (B,), int64.
    """
    images, labels = default_collate([(torch.from_numpy(pixels), label) for pixels, label in _present(samples)])
    return images.permute(0, 3, 1, 2), labels


def pack(samples: Sequence[Sample | None]) -> Packed:
    """Lay images of many sizes behind each other.

    Args:
        samples: Images (H, W, 3) with their labels; None for those that were skipped.
    """
    images, labels = zip(*_present(samples), strict=True)
    pixels = torch.cat([torch.from_numpy(image).flatten(0, 1) for image in images])  # (sum of H W, 3)
    return Packed(pixels, tuple(image.shape[:2] for image in images), torch.tensor(labels))


def _present(samples: Sequence[Sample | None]) -> list[Sample]:
    if present := [sample for sample in samples if sample is not None]:
        return present
    raise BrokenImageError("ImageFolderData: a batch must have a whole image, got none. Pass a larger batch_size.")


@final
class Standardize:
    """Bytes to standardized floats, on the device that they are on.

    A byte x becomes (x - 255 mean) * (1 / (255 std)): a subtraction and a product, which all devices round alike. (A
    division by a number is another one on a GPU, where torch multiplies by its inverse.)

    Args:
        mean: Of each channel in [0, 1].
        std: Of each channel, above 0.

    Example:
        >>> images = torch.full((1, 3, 2, 2), 255, dtype=torch.uint8)
        >>> Standardize((0.5, 0.5, 0.5), (0.25, 0.25, 0.5))((images, torch.tensor([7])))[0][0, :, 0, 0]
        tensor([2., 2., 1.])
    """

    def __init__(self, mean: Triple, std: Triple) -> None:
        self._scale = torch.tensor([[255 * value for value in mean], [1 / (255 * value) for value in std]])  # (2, 3)

    def __call__(self, batch: Any) -> tuple[Tensor | list[Tensor], Tensor]:
        """Convert one batch.

        Args:
            batch: A pair of images (B, 3, H, W), uint8, and labels; or a ``Packed``.

        Returns:
            Images (B, 3, H, W), float32, channels last in memory; or a list of such images (3, H, W). And the labels.
        """
        if isinstance(batch, Packed):
            pixels = self._standardized(batch.pixels)
            parts = pixels.split([height * width for height, width in batch.sizes_px])
            images = (
                part.view(*size_px, 3).permute(2, 0, 1) for part, size_px in zip(parts, batch.sizes_px, strict=True)
            )
            return list(images), batch.labels
        images, labels = batch
        return self._standardized(images.permute(0, 2, 3, 1)).permute(0, 3, 1, 2), labels

    def _standardized(self, pixels: Tensor) -> Tensor:
        """Map (..., 3) to the same; contiguous."""
        self._scale = self._scale.to(pixels.device)  # once: to wait for it in every batch would stop the device
        shift, factor = self._scale
        floats = pixels.to(torch.float32, memory_format=torch.contiguous_format)
        return floats.sub_(shift).mul_(factor)
