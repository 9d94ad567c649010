"""Validation images that are training images."""

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from itertools import islice
from typing import Final

import torch
from torch import Tensor

from lightning_regkit._lightning import pl
from lightning_regkit.tuning._twin import twin_of

__all__ = ["first_tensor", "num_repeated", "overlap_of"]

#: Images that are looked at, of each part.
MOST: Final = 20_000


def first_tensor(batch: object) -> Tensor | None:
    """Find the first tensor of floats in a batch of any layout, else the first tensor, else None."""
    found = list(_tensors(batch))
    floats = [tensor for tensor in found if tensor.is_floating_point()]
    return next(iter(floats or found), None)


def _tensors(batch: object) -> Iterator[Tensor]:
    if isinstance(batch, Tensor):
        yield batch
    elif isinstance(batch, dict):
        for value in batch.values():
            yield from _tensors(value)
    elif isinstance(batch, list | tuple):
        for value in batch:
            yield from _tensors(value)


def num_repeated(train: Iterable[Tensor], val: Iterable[Tensor]) -> int:
    """Count the images of ``val`` that are in ``train`` too, byte for byte.

    Args:
        train: Images of any shape; dtype and shape count as content.
        val: The same.

    Returns:
        How many of ``val``, repeats included.

    Example:
        >>> num_repeated([torch.zeros(2)], [torch.zeros(2), torch.ones(2), torch.zeros(2, 1)])
        1
    """
    known = {_digest(image) for image in train}
    return sum(_digest(image) in known for image in val)


def overlap_of(data: object, trainer: "pl.Trainer") -> int:
    """Count them in a data module, on a copy: up to 20,000 images of each part, as the loaders give them.

    Args:
        data: A data module that has both parts; of anything else nothing is known, which counts as 0.
        trainer: As the data module would have it.
    """
    base = pl.LightningDataModule
    if not isinstance(data, base) or type(data).val_dataloader is base.val_dataloader:
        return 0
    twin = twin_of(data)
    twin.trainer = trainer
    twin.prepare_data()
    twin.setup(stage="fit")
    parts = (twin.train_dataloader(), twin.val_dataloader())
    train, val = (islice(_images(part), MOST) for part in parts)
    return num_repeated(train, val)


def _images(loaders: object) -> Iterator[Tensor]:
    combined = pl.utilities.combined_loader.CombinedLoader
    batches = loaders if isinstance(loaders, combined) else combined(loaders, "sequential")
    for batch, _, _ in batches:
        images = first_tensor(batch)
        yield from () if images is None else images


def _digest(image: Tensor) -> bytes:
    content = image.detach().cpu().contiguous()
    head = f"{tuple(content.shape)} {content.dtype}".encode()
    return blake2b(head + content.flatten().view(torch.uint8).numpy().tobytes(), digest_size=16).digest()
