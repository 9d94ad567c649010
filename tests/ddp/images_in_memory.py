"""Script: validation, test and prediction on images in memory whose number two processes cannot share evenly."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import lightning.pytorch as pl
import torch
from torch import Tensor

from recipes.classifier import ImageClassifier
from recipes.data import CIFARData, DigitsData, FashionMNISTData, _cifar_files
from recipes.data.cifar import CIFAROptions
from tests.ddp.support import ddp_trainer, leave, write

STAGES: Final = ("validate", "test", "predict")
#: Images for the test, and for validation, of each.
FASHION: Final = {"train": 228, "val": 19, "test": 51}  # one in twelve validates
CIFAR: Final = {"train": 250, "val": 49, "test": 41}
DIGITS: Final = {"train": 101, "val": 301, "test": 1395}
SIZES: Final = {"digits": DIGITS, "fashion": FASHION, "cifar": CIFAR}
#: Channels and side of the images.
SHAPES: Final = {"digits": (1, 8), "fashion": (1, 28), "cifar": (3, 32)}


class Sums(pl.Callback):
    """Remembers the images of an evaluation by their sums."""

    def __init__(self) -> None:
        self.sums: list[float] = []

    def keep(self, batch: Any) -> None:
        images: Tensor = batch[0]
        self.sums += images.double().sum((1, 2, 3)).tolist()

    def on_validation_batch_start(self, trainer: pl.Trainer, module: pl.LightningModule, batch: Any, *_: Any) -> None:
        self.keep(batch)

    def on_test_batch_start(self, trainer: pl.Trainer, module: pl.LightningModule, batch: Any, *_: Any) -> None:
        self.keep(batch)

    def on_predict_batch_start(self, trainer: pl.Trainer, module: pl.LightningModule, batch: Any, *_: Any) -> None:
        self.keep(batch)


def data(name: str, folder: Path) -> pl.LightningDataModule:
    if name == "digits":
        return DigitsData(DIGITS["train"], DIGITS["val"])
    if name == "fashion":
        return FashionMNISTData(str(folder / "fashion"), 100)
    return CIFARData(str(folder / "cifar"), num_workers=0, options=CIFAROptions(val_size=CIFAR["val"]))


def module(name: str) -> ImageClassifier:
    torch.manual_seed(0)
    channels, side_px = SHAPES[name]
    options = {"in_chans": channels, "side_px": side_px}
    found = ImageClassifier("softmax_regression", 10, model_options=options)
    for parameter in found.parameters():  # they begin at zero
        torch.nn.init.normal_(parameter)
    return found


def evaluated(make: Callable[..., pl.Trainer], name: str, stage: str, folder: Path) -> dict[str, Any]:
    seen = Sums()
    own = make(callbacks=[seen])
    if stage == "predict":
        own.predict(module(name), data(name, folder), return_predictions=False)
        return {"sums": seen.sums, "metrics": {}}
    (metrics,) = getattr(own, stage)(module(name), data(name, folder), verbose=False)
    return {"sums": seen.sums, "metrics": metrics}


def everything(make: Callable[..., pl.Trainer], folder: Path) -> dict[str, Any]:
    with patch.dict(_cifar_files.NUM_IMAGES, train=CIFAR["train"], test=CIFAR["test"]):
        return {name: {stage: evaluated(make, name, stage, folder) for stage in STAGES} for name in SIZES}


def main(folder: Path) -> None:
    found = everything(ddp_trainer, folder)
    write(folder, torch.distributed.get_rank(), found)
    leave()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
