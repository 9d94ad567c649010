"""What data modules of JPEG folders have in common."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler
from typing_extensions import override

import lightning_regkit as rk
from recipes.data._batches import Standardize, collate, pack
from recipes.data._broken import Ledger
from recipes.data._decode import Encoded
from recipes.data._folder_dataset import EvaluationImages, TrainingImages, central_crop
from recipes.data._folder_options import FolderOptions
from recipes.data._folder_parts import FolderParts, read_parts
from recipes.data._image_options import ImageOptions
from recipes.data._loading import in_precision, loading
from recipes.data._refusals import refuse_below
from recipes.data._repeated import Repeated
from recipes.data._val_labels import check_classes

__all__ = ["FolderData"]


class FolderData(pl.LightningDataModule, ABC):
    """Base of data modules that read a folder of JPEG files.

    Args:
        root: Holds ``train`` and ``val``.
        batch_size: Images in a batch of one process.
        num_workers: Processes that decode.
        images: What becomes of the images.
        folder: How files are found and read.
    """

    def __init__(
        self, root: str, batch_size: int, num_workers: int, images: ImageOptions, folder: FolderOptions
    ) -> None:
        super().__init__()
        refuse_below(self.owner, "batch_size", batch_size, 1)
        refuse_below(self.owner, "num_workers", num_workers, 0)
        self.root, self.batch_size, self.num_workers = Path(root), batch_size, num_workers
        self.images, self.folder = images, folder
        self.image_bytes = images.crop_px**2 * 3
        self._standardize = Standardize(images.mean, images.std)
        self._parts: FolderParts | None = None
        self._ledgers: dict[str, Ledger] = {}

    @property
    def owner(self) -> str:
        """Name for messages."""
        return type(self).__name__

    @abstractmethod
    def make(self) -> None:
        """Write the folder, where that is what this class is for; on one process of each machine."""

    @property
    def parts(self) -> FolderParts:
        """Which files there are; listed when first asked for, and by ``setup``."""
        if self._parts is None:
            self._parts = read_parts(self.owner, self.root, self.folder)
        return self._parts

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes: the label is the position."""
        return self.parts.train.classes

    @property
    def train_size(self) -> int:
        """Number of training images: what the options say, or what the folder has."""
        return self.folder.train_size or len(self.parts.train)

    @property
    def skipped(self) -> list[str]:
        """Paths of the files that this process has skipped since the folder changed."""
        indices = vars(self.parts)
        return [indices[part].path(row) for part, ledger in self._ledgers.items() for row in ledger.skipped]

    @override
    def prepare_data(self) -> None:
        """List the files once for all processes of a machine."""
        self.make()
        read_parts(self.owner, self.root, self.folder)

    @override
    def setup(self, stage: str) -> None:
        """List the files; the same for every stage."""
        before, self._parts = self._parts, None
        if self.folder.on_error == "skip" and (not self._ledgers or not self.parts.has_files_of(before)):
            self._ledgers = {part: Ledger(len(index)) for part, index in vars(self.parts).items()}

    @override
    def train_dataloader(self) -> DataLoader[Any]:
        """Return random crops in another order in each epoch."""
        index, repeats = self.parts.train, self.folder.repeats
        sampler = rk.samplers.ResumableSampler(index, shuffle=repeats == 1, seed=self.folder.seed, keyed=True)
        images = TrainingImages(index, self.images, sampler.seed, self._ledgers.get("train"))
        return self._loader(images if repeats == 1 else Repeated(images, repeats, sampler.seed), sampler, collate)

    @override
    def val_dataloader(self) -> DataLoader[Any]:
        """Return the center of every validation image once, over all processes."""
        center = partial(central_crop, self.images)
        images = EvaluationImages(self.parts.val, center, self._ledgers.get("val"))
        return self._loader(images, rk.samplers.ExactDistributedSampler(images), collate)

    @override
    def test_dataloader(self) -> DataLoader[Any]:
        """Return what the options say of every validation image once, over all processes."""
        if self.images.test == "center":
            return self.val_dataloader()
        images = EvaluationImages(self.parts.val, Encoded.whole, self._ledgers.get("val"))
        return self._loader(images, rk.samplers.ExactDistributedSampler(images), pack)

    @override
    def predict_dataloader(self) -> DataLoader[Any]:
        """Return what ``test_dataloader`` does."""
        return self.test_dataloader()

    def _loader(self, images: Dataset[Any], sampler: Sampler[Any], collate_fn: Callable[[Any], Any]) -> DataLoader[Any]:
        options = loading(self.trainer, self.num_workers)
        return DataLoader(images, batch_size=self.batch_size, sampler=sampler, collate_fn=collate_fn, **options)

    @override
    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> tuple[Tensor | list[Tensor], Tensor]:
        """Turn bytes into standardized floats, on the device, in the precision of the run."""
        images, labels = self._standardize(batch)
        return in_precision(self.trainer, images), labels

    @override
    def state_dict(self) -> dict[str, Any]:
        """Keep the names of the classes in checkpoints."""
        return {"classes": list(self.classes)}

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Refuse a checkpoint of other classes, whose labels would mean something else."""
        check_classes(self.owner, "root must have the classes of the checkpoint", self.classes, state_dict["classes"])
