"""Photographs of clothes in 10 classes, from Debian's package or a folder: nothing is downloaded."""

from pathlib import Path
from typing import Any, Final, final

import lightning.pytorch as pl
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset
from typing_extensions import override

import lightning_regkit as rk
from recipes.data._batches import collate
from recipes.data._fashion_files import NUM_TRAIN, read_part, refuse_missing
from recipes.data._fashion_options import SHIFT_PX, FashionMNISTOptions
from recipes.data._idx import NUM_CLASSES, SIDE_PX, Bytes
from recipes.data._loading import in_precision, silence_needless_advice
from recipes.data._refusals import refuse_below
from recipes.data._splits import stratified_order
from recipes.data.cifar import ByteImages

__all__ = ["DEBIAN", "MEAN", "NUM_CLASSES", "STD", "FashionMNISTData", "FashionMNISTOptions"]

OWNER: Final = "FashionMNISTData"
DEBIAN: Final = "/usr/share/datasets/fashion-mnist"
VAL_SHARE: Final = 12
EVAL_BATCH_SIZE: Final = 500
#: Of all pixels of the 60,000 training images, in [0, 1].
MEAN: Final = 0.28604
STD: Final = 0.35302


@final
class FashionMNISTData(pl.LightningDataModule):
    """The 60,000 and 10,000 images of 28 x 28 pixels, or fewer of the first.

    A model gets pairs of images (B, 1, 28, 28), float32, standardized by ``MEAN`` and ``STD``, and labels (B,), int64.
    Loaders give bytes (B, 1, 28, 28), uint8: the rest is done where the batch is, in ``on_after_batch_transfer``.
    One in twelve of the training images, 5,000, is for validation. Training images come in the order of
    ``ResumableSampler``, which ``seed_everything`` decides, with noise that is a function of (seed, epoch, image).
    Evaluation sees every image once, over all processes; ``predict`` runs on the test images. ``setup`` silences
    Lightning's advice to load in more processes, which is wrong for images in memory, and to validate on some.

    Args:
        root: Folder of the four gzipped idx files; by default that of Debian's package ``dataset-fashion-mnist``.
        train_size: Images to train on, at least 10 and at most 55,000; None for all 60,000, with none to validate on.
            Each class has its share, and fewer images are among more.
        batch_size: Training images in a batch; the last batch of an epoch may be smaller.
        seed: Which images are for training and validation; at least 0.
        options: Size and augmentation; None for ``FashionMNISTOptions()``.

    Raises:
        ValueError: A number is out of range; or in ``setup``, the files are not what they should be.
        FileNotFoundError: In ``setup``, files are missing.

    Example:
        >>> data = FashionMNISTData(train_size=2000, batch_size=100)
        >>> # trainer.fit(model, data); trainer.test(model, data)

    Reference:
        H. Xiao, K. Rasul, R. Vollgraf. Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
        Algorithms. arXiv 1708.07747, 2017.
    """

    def __init__(
        self,
        root: str = DEBIAN,
        train_size: int | None = 2000,
        batch_size: int = 100,
        seed: int = 0,
        options: FashionMNISTOptions | None = None,
    ) -> None:
        super().__init__()
        refuse_below(OWNER, "train_size", NUM_CLASSES if train_size is None else train_size, NUM_CLASSES)
        refuse_below(OWNER, "batch_size", batch_size, 1)
        refuse_below(OWNER, "seed", seed, 0)
        self.root, self.batch_size, self.seed = Path(root), batch_size, seed
        self.options = options or FashionMNISTOptions()
        self.frame_px = (self.options.side_px - SIDE_PX) // 2
        self._num_train = train_size
        self.train_size, self.image_bytes = NUM_TRAIN if train_size is None else train_size, SIDE_PX**2

    @override
    def setup(self, stage: str) -> None:
        """Read and split; the same for every stage."""
        silence_needless_advice()
        refuse_missing(OWNER, self.root)
        images, labels = read_part(OWNER, self.root, "train")
        order = stratified_order(labels, self.seed)
        num_val = 0 if self._num_train is None else len(labels) // VAL_SHARE
        num_train = len(labels) if self._num_train is None else self._num_train
        if num_train > len(labels) - num_val:
            raise ValueError(
                f"{OWNER}: train_size must be at most {len(labels) - num_val}, as {num_val} images are for validation, "
                f"got {num_train}. Pass None for all {len(labels)}."
            )
        val, train = order[:num_val], order[num_val : num_val + num_train]
        self.parts = {
            "train": _tensors(images[train], labels[train]),
            "val": _tensors(images[val], labels[val]),
            "test": _tensors(*read_part(OWNER, self.root, "test")),
        }

    @override
    def on_after_batch_transfer(self, batch: tuple[Tensor, Tensor], dataloader_idx: int) -> Any:
        """Turn bytes into standardized floats, on the device, in the precision of the run."""
        images, labels = batch
        framed = F.pad(images, [self.frame_px] * 4)
        return in_precision(self.trainer, (framed.float() / 255 - MEAN) / STD), labels

    @override
    def train_dataloader(self) -> DataLoader[Any]:
        """Return batches of ``batch_size`` in another order in each epoch."""
        part = self.parts["train"]
        sampler = rk.samplers.ResumableSampler(part, keyed=self.options.augment)
        if not self.options.augment:
            return DataLoader(part, batch_size=self.batch_size, sampler=sampler)
        pixels, labels = part.tensors[0].permute(0, 2, 3, 1).numpy(), part.tensors[1].numpy()  # (N, 28, 28, 1), (N,)
        policy = rk.augment.cifar_train(SIDE_PX, pad_px=SHIFT_PX)
        images = rk.augment.Keyed(ByteImages(pixels, labels), policy, seed=sampler.seed)
        return DataLoader(images, batch_size=self.batch_size, sampler=sampler, collate_fn=collate)

    @override
    def val_dataloader(self) -> list[DataLoader[tuple[Tensor, ...]]]:
        """Return the validation images once, over all processes; no loader if all are for training."""
        return [self._evaluation("val")] if len(self.parts["val"]) else []

    @override
    def test_dataloader(self) -> DataLoader[tuple[Tensor, ...]]:
        """Return the test images once, over all processes."""
        return self._evaluation("test")

    @override
    def predict_dataloader(self) -> DataLoader[tuple[Tensor, ...]]:
        """Return the test images."""
        return self.test_dataloader()

    def _evaluation(self, part: str) -> DataLoader[tuple[Tensor, ...]]:
        images = self.parts[part]
        sampler = rk.samplers.ExactDistributedSampler(images)
        return DataLoader(images, batch_size=EVAL_BATCH_SIZE, sampler=sampler)


def _tensors(images: Bytes, labels: Bytes) -> TensorDataset:
    return TensorDataset(torch.tensor(images)[:, None], torch.tensor(labels).long())  # (N, 1, 28, 28), (N,)
