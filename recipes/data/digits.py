"""Scans of handwritten digits, shipped inside scikit-learn: nothing to download."""

from dataclasses import dataclass
from typing import Final, TypeAlias, final

import lightning.pytorch as pl
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset
from typing_extensions import override

import lightning_regkit as rk
from recipes.data._loading import silence_needless_advice
from recipes.data._refusals import refuse_below

__all__ = ["NUM_CLASSES", "DigitsData", "Split", "split_indices"]

Integers: TypeAlias = np.ndarray[tuple[int], np.dtype[np.int64]]

OWNER: Final = "DigitsData"
NUM_IMAGES: Final = 1797
NUM_CLASSES: Final = 10
EVAL_BATCH_SIZE: Final = 500
IMAGE_BYTES: Final = 8 * 8 * 4  # float32


@final
@dataclass(frozen=True)
class Split:
    """Positions of the training, validation and test images; every image is in exactly one of them."""

    train: Integers
    val: Integers
    test: Integers


def split_indices(labels: Integers, train_size: int, val_size: int, seed: int) -> Split:
    """Split stratified by class: the test part is what training and validation leave.

    Args:
        labels: Class of each image (N,).
        train_size: Images to train on.
        val_size: Images to validate on.
        seed: What decides which image goes where.

    Returns:
        Disjoint parts that cover all images, each with the classes in their overall shares up to rounding; equal for
        equal arguments.

    Example:
        >>> part = split_indices(np.arange(60) % 2, train_size=20, val_size=10, seed=0)
        >>> len(part.train), len(part.val), len(part.test)
        (20, 10, 30)
    """
    everything = np.arange(len(labels))
    train, rest = train_test_split(everything, train_size=train_size, stratify=labels, random_state=seed)
    val, test = train_test_split(rest, train_size=val_size, stratify=labels[rest], random_state=seed)
    return Split(train, val, test)


@final
class DigitsData(pl.LightningDataModule):
    """The 1,797 scans of 8 x 8 pixels in 10 classes, of which few are for training, so that regularization matters.

    Batches are pairs of images (B, 1, 8, 8), float32, standardized by mean and standard deviation of the training
    part, and labels (B,), int64. The training part is shuffled anew in each epoch. Evaluation sees every image once,
    over all processes; ``predict`` runs on the test part. ``setup`` silences Lightning's advice to load in more
    processes, which is wrong for images in memory.

    Args:
        train_size: Images to train on, at least 10.
        val_size: Images to validate on, at least 10; the others, at least 10, are for the test.
        batch_size: Training images in a batch; the last batch of an epoch may be smaller.
        seed: Which images go where; at least 0.
        num_workers: Processes that load; the images are in memory, so 0 is fastest.

    Raises:
        ValueError: A size is out of range.

    Example:
        >>> data = DigitsData(train_size=100, batch_size=25)
        >>> data.setup("fit")
        >>> images, labels = next(iter(data.train_dataloader()))
        >>> tuple(images.shape), labels.dtype
        ((25, 1, 8, 8), torch.int64)

    Reference:
        E. Alpaydin, C. Kaynak. Optical Recognition of Handwritten Digits. UCI Machine Learning Repository, 1998 (its
        test part).
    """

    def __init__(
        self, train_size: int = 100, val_size: int = 300, batch_size: int = 25, seed: int = 0, num_workers: int = 0
    ) -> None:
        super().__init__()
        refuse_below(OWNER, "train_size", train_size, NUM_CLASSES)
        refuse_below(OWNER, "val_size", val_size, NUM_CLASSES)
        refuse_below(OWNER, "batch_size", batch_size, 1)
        refuse_below(OWNER, "seed", seed, 0)
        refuse_below(OWNER, "num_workers", num_workers, 0)
        if (left := NUM_IMAGES - train_size - val_size) < NUM_CLASSES:
            raise ValueError(
                f"{OWNER}: train_size + val_size must leave {NUM_CLASSES} of {NUM_IMAGES} images for the test, "
                f"got {train_size} + {val_size}, which leaves {left}. Lower one of them."
            )
        self.train_size, self.val_size = train_size, val_size
        self.batch_size, self.seed, self.num_workers = batch_size, seed, num_workers
        self.image_bytes = IMAGE_BYTES

    @override
    def setup(self, stage: str) -> None:
        """Split and standardize; the same for every stage."""
        silence_needless_advice()
        images, labels = load_digits(return_X_y=True)
        split = split_indices(labels, self.train_size, self.val_size, self.seed)
        mean, std = images[split.train].mean(), images[split.train].std()
        inputs = torch.from_numpy((images - mean) / std).float().reshape(-1, 1, 8, 8)  # (N, 1, 8, 8)
        targets = torch.from_numpy(labels).long()
        self.parts = {
            name: TensorDataset(inputs[rows], targets[rows])
            for name, rows in (("train", split.train), ("val", split.val), ("test", split.test))
        }

    @override
    def train_dataloader(self) -> DataLoader[tuple[torch.Tensor, ...]]:
        """Return shuffled batches of ``batch_size``."""
        return DataLoader(self.parts["train"], batch_size=self.batch_size, shuffle=True, num_workers=self.num_workers)

    @override
    def val_dataloader(self) -> DataLoader[tuple[torch.Tensor, ...]]:
        """Return the validation part once, over all processes."""
        return self._evaluation("val")

    @override
    def test_dataloader(self) -> DataLoader[tuple[torch.Tensor, ...]]:
        """Return the test part once, over all processes."""
        return self._evaluation("test")

    @override
    def predict_dataloader(self) -> DataLoader[tuple[torch.Tensor, ...]]:
        """Return the test part."""
        return self.test_dataloader()

    def _evaluation(self, part: str) -> DataLoader[tuple[torch.Tensor, ...]]:
        images = self.parts[part]
        sampler = rk.samplers.ExactDistributedSampler(images)
        return DataLoader(images, batch_size=EVAL_BATCH_SIZE, sampler=sampler, num_workers=self.num_workers)
