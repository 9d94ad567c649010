"""Script: a fit and a test on folders of images whose number two processes cannot share evenly."""

import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassAccuracy

from recipes.data.image_folder import FolderOptions, ImageFolderData, ImageOptions
from tests.ddp.support import ddp_trainer, leave, write
from tests.support import Classifier

TRAIN, VAL = (4, 3, 2), (2, 1, 4)


class Scored(Classifier):
    """Scores any image by its mean color; remembers its images by their sums."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        super().__init__()
        self.net = nn.Linear(3, 3)
        self.accuracy, self.mean = MulticlassAccuracy(3, average="micro"), MeanMetric()
        self.sums: dict[str, list[float]] = {"train": [], "val": [], "test": []}

    def forward(self, images: Any) -> Tensor:
        return self.net(torch.stack([image.mean((1, 2)) for image in images]))

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        self.sums["train"] += [image.sum().item() for image in batch[0]]
        return functional.cross_entropy(self(batch[0]), batch[1])

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.score("val", batch)

    def test_step(self, batch: Any, batch_idx: int) -> None:
        self.score("test", batch)

    def score(self, stage: str, batch: Any) -> None:
        self.sums[stage] += [image.sum().item() for image in batch[0]]
        logits = self(batch[0])
        self.accuracy(logits, batch[1])
        self.mean(functional.cross_entropy(logits, batch[1]), weight=len(batch[1]))
        self.log(f"{stage}_accuracy", self.accuracy)
        self.log(f"{stage}_mean", self.mean)


def folder_data(root: Path, test: Any) -> ImageFolderData:
    images = ImageOptions(crop_px=16, resize_px=(18, 30), test_resize_px=18, test=test)
    return ImageFolderData(str(root), 2, 0, images, FolderOptions(cache=str(root / "cache"), seed=3))


def tested(own: Any, root: Path, view: Any) -> dict[str, Any]:
    model = Scored()
    (metrics,) = own.test(model, folder_data(root, view), verbose=False)
    return {"metrics": metrics, "sums": model.sums["test"]}


def validated(own: Any, root: Path) -> dict[str, Any]:
    model = Scored()
    (metrics,) = own.validate(model, folder_data(root, "whole"), verbose=False)
    return {"metrics": metrics, "sums": model.sums["val"]}


def fitted(own: Any, root: Path) -> list[float]:
    model = Scored()
    own.fit(model, folder_data(root, "center"))
    return model.sums["train"]


def everything(make: Any, root: Path) -> dict[str, Any]:
    evaluated = {view: tested(make(), root, view) for view in ("center", "whole")}
    return {**evaluated, "val": validated(make(), root), "train": fitted(make(max_epochs=1), root)}


def main(folder: Path) -> None:
    found = everything(ddp_trainer, folder / "images")
    write(folder, torch.distributed.get_rank(), found)
    leave()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
