"""CIFAR-10 and CIFAR-100: photographs of 32 x 32 pixels, from a folder: nothing is downloaded."""

from pathlib import Path
from typing import Any, Final, final

import lightning.pytorch as pl
import numpy as np
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler
from typing_extensions import override

import lightning_regkit as rk
from recipes.data._batches import Sample, Standardize, collate
from recipes.data._cifar_files import NUM_IMAGES, SIDE_PX, Labels, read_cifar
from recipes.data._cifar_options import CIFAROptions
from recipes.data._jpeg import Pixels
from recipes.data._loading import in_precision, loading, silence_needless_advice
from recipes.data._refusals import refuse_below
from recipes.data._splits import stratified_order

__all__ = ["CIFARData", "CIFAROptions"]

OWNER: Final = "CIFARData"
EVAL_BATCH_SIZE: Final = 500
#: Mean and standard deviation of red, green and blue in [0, 1], of the training images.
SCALES: Final = {
    10: ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    100: ((0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)),
}


@final
class ByteImages(Dataset[Sample]):
    """Images in memory (N, 32, 32, 3), with their labels."""

    def __init__(self, images: Pixels, labels: Labels) -> None:
        self.images, self.labels = images, labels

    def __len__(self) -> int:
        return len(self.labels)

    @override
    def __getitem__(self, position: int) -> Sample:
        return self.images[position], int(self.labels[position])


@final
class CIFARData(pl.LightningDataModule):
    """The 50,000 and 10,000 photographs in 10 or 100 classes.

    A model gets pairs of images (B, 3, 32, 32), float32, standardized, channels last in memory, and labels (B,), int64.
    Loaders give bytes: the rest is done where the batch is, in ``on_after_batch_transfer``. Training images come in the
    order of ``ResumableSampler``, augmented by ``rk.augment.cifar_train`` with noise that is a function of (seed,
    epoch, image). Evaluation sees every image once, over all processes; ``predict`` runs on the test images.

    Args:
        root: Where an archive was unpacked, the one for Python or the binary one.
        num_classes: 10, or 100.
        batch_size: Training images in a batch of one process; the last batch of an epoch may be smaller.
        num_workers: Processes that augment.
        options: Validation part, augmentation, seeds; None for ``CIFAROptions()``.

    Raises:
        ValueError: A number is out of range; or in ``setup``, a file is not what it should be.
        FileNotFoundError: In ``setup``, files are missing.

    Example:
        >>> data = CIFARData("/data", batch_size=128)
        >>> # trainer.fit(model, data); trainer.test(model, data)

    Reference:
        A. Krizhevsky. Learning Multiple Layers of Features from Tiny Images. 2009.
    """

    def __init__(
        self,
        root: str,
        num_classes: int = 10,
        batch_size: int = 128,
        num_workers: int = 2,
        options: CIFAROptions | None = None,
    ) -> None:
        super().__init__()
        if num_classes not in SCALES:
            raise ValueError(f"{OWNER}: num_classes must be one of 10, 100, got {num_classes!r}.")
        refuse_below(OWNER, "batch_size", batch_size, 1)
        refuse_below(OWNER, "num_workers", num_workers, 0)
        self.root, self.num_classes, self.options = Path(root), num_classes, options or CIFAROptions()
        self.batch_size, self.num_workers = batch_size, num_workers
        self.train_size, self.image_bytes = NUM_IMAGES["train"] - self.options.val_size, 3 * SIDE_PX**2
        self._standardize = Standardize(*SCALES[num_classes])

    @override
    def setup(self, stage: str) -> None:
        """Read and divide; the same for every stage."""
        silence_needless_advice()
        images, labels = read_cifar(OWNER, self.root, self.num_classes, "train")
        order = stratified_order(labels, self.options.split_seed)
        val, train = np.sort(order[: self.options.val_size]), np.sort(order[self.options.val_size :])
        self.parts = {
            "train": ByteImages(images[train], labels[train]),
            "val": ByteImages(images[val], labels[val]),
            "test": ByteImages(*read_cifar(OWNER, self.root, self.num_classes, "test")),
        }

    @override
    def train_dataloader(self) -> DataLoader[Any]:
        """Return batches of ``batch_size`` in another order in each epoch."""
        part, options = self.parts["train"], self.options
        sampler = rk.samplers.ResumableSampler(part, seed=options.seed, keyed=options.augment)
        if not options.augment:
            return self._loader(part, self.batch_size, sampler)
        keyed = rk.augment.Keyed(part, rk.augment.cifar_train(), seed=sampler.seed)
        return self._loader(keyed, self.batch_size, sampler)

    @override
    def val_dataloader(self) -> list[DataLoader[Any]]:
        """Return the validation images once, over all processes; no loader if all are for training."""
        return [self._evaluation("val")] if len(self.parts["val"]) else []

    @override
    def test_dataloader(self) -> DataLoader[Any]:
        """Return the test images once, over all processes."""
        return self._evaluation("test")

    @override
    def predict_dataloader(self) -> DataLoader[Any]:
        """Return the test images."""
        return self.test_dataloader()

    def _evaluation(self, part: str) -> DataLoader[Any]:
        images = self.parts[part]
        return self._loader(images, EVAL_BATCH_SIZE, rk.samplers.ExactDistributedSampler(images))

    def _loader(self, images: Dataset[Any], batch_size: int, sampler: Sampler[Any]) -> DataLoader[Any]:
        options = loading(self.trainer, self.num_workers)
        return DataLoader(images, batch_size=batch_size, sampler=sampler, collate_fn=collate, **options)

    @override
    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> tuple[Tensor | list[Tensor], Tensor]:
        """Turn bytes into standardized floats, on the device, in the precision of the run."""
        images, labels = self._standardize(batch)
        return in_precision(self.trainer, images), labels
