"""Images of unequal size: those of one size are a batch, and what is made of them is put back in order."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from lightning_regkit.crops._views import check_images

__all__ = ["by_size", "in_order", "together"]

#: Where in a batch the images are that something was made of.
Places = Sequence[int]


def by_size(images: Tensor | Sequence[Tensor]) -> list[tuple[Places, Tensor]]:
    """Sort images into batches of one size each.

    Args:
        images: A batch (B, C, H, W), or a list of B images (C, H, W), any floating dtype; not modified.

    Returns:
        For each size, in order of first appearance, the places of its images in the batch and those images
        (b, C, H, W). A batch that is a tensor is returned itself.

    Raises:
        TypeError: ``images`` are no floating tensors.
        ValueError: They have other dimensions.

    Example:
        >>> found = by_size([torch.zeros(1, 2, 3), torch.zeros(1, 4, 4), torch.zeros(1, 2, 3)])
        >>> [(places, tuple(batch.shape)) for places, batch in found]
        [([0, 2], (2, 1, 2, 3)), ([1], (1, 1, 4, 4))]
    """
    if isinstance(images, Tensor):
        check_images(images)
        return [(range(len(images)), images)]
    places: dict[torch.Size, list[int]] = {}
    for place, image in enumerate(images):
        check_images(image[None])
        places.setdefault(image.shape, []).append(place)
    return [(found, torch.stack([images[place] for place in found])) for found in places.values()]


def in_order(parts: Sequence[tuple[Places, Tensor]], dim: int = 0) -> Tensor:
    """Join what was made of batches that were taken apart.

    Args:
        parts: Places of images, and a tensor whose dimension ``dim`` belongs to them; at least one.
        dim: Which dimension that is.

    Returns:
        One tensor, in the order of the places. Made without waiting for the device.

    Example:
        >>> in_order([([0, 2], torch.tensor([1, 3])), ([1], torch.tensor([2]))])
        tensor([1, 2, 3])
    """
    places = [place for found, _ in parts for place in found]
    joined = torch.cat([tensor for _, tensor in parts], dim)
    if places == sorted(places):
        return joined
    rows = joined.unbind(dim)  # an index tensor would have to be sent to the device
    return torch.stack([rows[at] for at in sorted(range(len(places)), key=places.__getitem__)], dim)


def together(parts: Sequence[tuple[Places, Iterable[Tensor]]]) -> Iterable[Tensor]:
    """Join streams that were made of batches of one size each, item by item.

    Args:
        parts: Places of images, and as many tensors (b, ...) for each size, such as the scores of every view.

    Returns:
        As many tensors (B, ...), in the order of the places. A single stream is returned itself, unread; of several,
        one after the other is read to its end.

    Example:
        >>> second, first = iter([torch.tensor([2]), torch.tensor([4])]), iter([torch.tensor([1]), torch.tensor([3])])
        >>> together([([1], second), ([0], first)])
        (tensor([1, 2]), tensor([3, 4]))
    """
    if len(parts) == 1:
        return parts[0][1]
    return in_order([(places, torch.stack(list(stream))) for places, stream in parts], dim=1).unbind(0)
