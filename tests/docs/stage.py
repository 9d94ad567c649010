"""What the examples of the pages find when they run: a small module, small data, and a Trainer that needs one CPU."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import lightning.pytorch as pl
import numpy as np
import torch
from timm.models.resnet import BasicBlock, ResNet
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader
from torchmetrics.classification import MulticlassAccuracy

import lightning_regkit as rk
from tests.recipes.data.cifar_files import write_cifar
from tests.recipes.data.zoo import write_folder
from tests.support import Items

NUM_CLASSES: Final = 4
#: What the examples ask for -> what there is.
SMALLER: Final = {
    '"/data': '"data',
    "search(module, datamodule, setup": "search(module, datamodule, budget=rk.tuning.Budget(num_trials=1), setup",
    "Trainer(max_epochs=90)": "Trainer(max_epochs=2)",
    "max_epochs=200": "max_epochs=10",
    "max_epochs=300": "max_epochs=10",
    "num_samples=16": "num_samples=2",
    "num_trials=20": "num_trials=1",
    "num_workers=8": "num_workers=0",
}


class Classifier(pl.LightningModule):
    """What a reader has: a residual network with torchvision's names, a loss, metrics, an optimizer."""

    def __init__(self, num_classes: int = NUM_CLASSES) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.dropout = nn.Dropout(0.1)
        self.net = narrow_resnet(num_classes)
        self.accuracy = MulticlassAccuracy(num_classes, average="micro")

    def forward(self, inputs: Tensor) -> Any:
        return self.net(self.dropout(inputs))

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        loss = functional.cross_entropy(self(batch[0]), batch[1])
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self._evaluate("val", batch)

    def test_step(self, batch: Any, batch_idx: int) -> None:
        self._evaluate("test", batch)

    def predict_step(self, batch: Any, batch_idx: int) -> Any:
        return self(batch[0])

    def _evaluate(self, stage: str, batch: Any) -> None:
        logits = self(batch[0])
        self.accuracy(logits, batch[1])
        self.log(f"{stage}_acc", self.accuracy, batch_size=len(batch[1]))
        self.log(f"{stage}_loss", functional.cross_entropy(logits, batch[1]), batch_size=len(batch[1]))

    def configure_optimizers(self) -> Any:
        return rk.optim.create(self, "momentum", lr=0.01)


def net_of_width(width: int = 16) -> Classifier:  # a search sets it
    return Classifier()


def narrow_resnet(num_classes: int = NUM_CLASSES) -> nn.Module:
    # Narrower ones corrupt memory in torch 2.14.1: the backward pass of channels-last convolutions on the CPU.
    return ResNet(BasicBlock, (1, 1, 1, 1), num_classes=num_classes, channels=(16, 16, 16, 16), stem_width=16)


class Data(pl.LightningDataModule):
    def train_dataloader(self) -> Any:
        return DataLoader(labeled(8, 32), batch_size=4)

    def val_dataloader(self) -> Any:
        return DataLoader(labeled(4, 32), batch_size=4)

    def test_dataloader(self) -> Any:
        return DataLoader(labeled(4, 48), batch_size=4)


def labeled(count: int, side_px: int) -> Items:
    generator = torch.Generator().manual_seed(0)
    return Items(
        [(torch.randn(3, side_px, side_px, generator=generator), index % NUM_CLASSES) for index in range(count)]
    )


def pictures(count: int) -> Items:
    """Images as arrays, with labels."""
    pixels = np.random.default_rng(0).integers(0, 256, (count, 240, 320, 3), dtype=np.uint8)
    return Items([(image, index % NUM_CLASSES) for index, image in enumerate(pixels)])


class Trainer(pl.Trainer):
    """The Trainer that an example asks for, on one CPU, quiet, with a batch an epoch."""

    def __init__(self, *positional: Any, **options: Any) -> None:
        one = {"accelerator": "cpu", "devices": 1, "num_nodes": 1, "strategy": "auto", "precision": "32-true"}
        quiet = {"enable_progress_bar": False, "enable_model_summary": False}
        small = {"limit_train_batches": 1, "limit_val_batches": 1, "num_sanity_val_steps": 0}
        super().__init__(*positional, **{**options, **one, **quiet, **small})


def names() -> dict[str, Any]:
    """Return what the examples use without saying where it comes from."""
    data = Data()
    whole = labeled(2, 260)
    return {
        "Any": Any,
        "Classifier": Classifier,
        "Net": net_of_width,
        "datamodule": data,
        "dataset": labeled(8, 32),
        "images": pictures(8),
        "loader": data.test_dataloader(),
        "module": Classifier(),
        "net": narrow_resnet(),
        "nn": nn,
        "pl": pl,
        "rk": rk,
        "test_loader": DataLoader(whole, batch_size=2),
        "test_set": whole,
        "torch": torch,
        "train_loader": data.train_dataloader(),
        "train_set": labeled(8, 32),
    }


def checkpoints_of_five_runs() -> None:
    for seed in range(5):
        own = Trainer(max_epochs=1)
        own.fit(Classifier(), Data())
        own.save_checkpoint(f"runs/{seed}/last.ckpt")


def folder_of_four_classes() -> None:
    write_folder(Path("data/imagenet"), {"train": (2, 2, 2, 2), "val": (1, 1, 1, 1)}, (240, 320))


def hundred_classes() -> None:
    write_cifar(Path("data"), 100, is_binary=True, num_train=50_000, num_test=10_000)


def logged_run() -> None:
    folder = Path("lightning_logs/version_0")
    folder.mkdir(parents=True)
    (folder / "metrics.csv").write_text("step,train_loss,val_loss\n1,2.0,2.1\n2,1.5,1.8\n")


#: What must be there before the examples of a page, in the folder they run in.
BEFORE: Final[dict[str, Callable[[], None]]] = {
    "cifar_data": hundred_classes,
    "ensemble_checkpoints": checkpoints_of_five_runs,
    "image_folder_data": folder_of_four_classes,
    "report": logged_run,
}
#: Classes of the data, where they are not four.
CLASSES: Final = {"cifar_data": 100, "photo_patches_data": 10}


def play(page: str, blocks: list[str]) -> dict[str, Any]:
    """Run the examples of a page, one after the other, in the current folder.

    Args:
        page: Name of the page without suffix.
        blocks: Its examples.

    Returns:
        The names they leave behind.
    """
    BEFORE.get(page, lambda: None)()
    found = names()
    if page in CLASSES:
        found["module"] = Classifier(CLASSES[page])
    for number, block in enumerate(blocks):
        exec(compile(smaller(block), f"{page}, example {number + 1}", "exec"), found)
    return found


def smaller(block: str) -> str:
    for large, small in SMALLER.items():
        block = block.replace(large, small)
    return block
