"""Repeated augmentation: several views of each image of an epoch, near each other in its order."""

from functools import lru_cache
from typing import Any, final

import numpy as np
from torch.utils.data import Dataset
from typing_extensions import override

import lightning_regkit as rk
from recipes.data._batches import Sample
from recipes.data._folder_dataset import TrainingImages

__all__ = ["Repeated"]


@final
class Repeated(Dataset[Sample]):
    """The views of epochs that show every image they show R times.

    Position p of epoch e is image order_e[p // R], cropped as epoch e R + p % R would crop it. An epoch has as many
    positions as there are images, so it shows ceil(n / R) of them; order_e is ``rk.samplers.sample_order``. Read in
    order, by a ``ResumableSampler`` that does not shuffle: with at least R processes, the views of an image are on as
    many of them.

    Args:
        images: Asked for by (epoch, position).
        repeats: R, >= 1.
        seed: Of the orders, >= 0.

    Returns:
        A data set of the length of ``images``: a function of (seed, epoch, position), so a run goes on exactly.

    Reference:
        Hoffer et al., "Augment Your Batch: Improving Generalization through Instance Repetition", CVPR 2020; Berman et
        al., "MultiGrain: a Unified Image Embedding for Classes and Instances", 2019, section 3.4.

    Differs from the paper:
        As in the code of DeiT, timm and torchvision, an epoch has n views, not n R. Those drop the last n mod 256 too.
    """

    def __init__(self, images: TrainingImages, repeats: int, seed: int) -> None:
        self.images, self.repeats, self.seed = images, repeats, seed

    def __len__(self) -> int:
        return len(self.images)

    @override
    def __getitem__(self, key: tuple[int, int]) -> Sample:
        epoch, position = key
        order = _order(len(self.images), self.seed, epoch)
        view = epoch * self.repeats + position % self.repeats
        return self.images[view, int(order[position // self.repeats])]


@lru_cache(maxsize=1)
def _order(num_examples: int, seed: int, epoch: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Keep the order of one epoch, in each process that loads."""
    return rk.samplers.sample_order(num_examples, seed=seed, epoch=epoch, shuffle=True)
