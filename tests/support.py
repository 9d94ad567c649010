"""What the tests of the Lightning side share: tiny modules in the shapes users write, loaders, a quiet Trainer."""

from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, TensorDataset

NUM_CLASSES = 3
SIDE_PX = 4


def images(count: int) -> tuple[Tensor, Tensor]:
    """Return ``count`` images (N, 1, 4, 4), all different, and labels (N,) that cycle through the classes."""
    generator = torch.Generator().manual_seed(count)
    inputs = torch.randn(count, 1, SIDE_PX, SIDE_PX, generator=generator)
    return inputs, torch.arange(count) % NUM_CLASSES


def loader(count: int = 10, batch_size: int = 2, **options: Any) -> DataLoader[Any]:
    return DataLoader(TensorDataset(*images(count)), batch_size=batch_size, **options)


def trainer(**options: Any) -> pl.Trainer:
    """Return a CPU Trainer that writes nothing to disk or screen, unless asked to."""
    quiet: dict[str, Any] = {
        "accelerator": "cpu",
        "devices": 1,
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    return pl.Trainer(**{**quiet, **options})


class Items(Dataset[Any]):
    """A data set of ready-made items."""

    def __init__(self, items: list[Any]) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Any:
        return self.items[index]


class Classifier(pl.LightningModule):
    """The plainest image classifier; remembers every training batch it saw and every rate it stepped with."""

    def __init__(self, lr: float = 0.1, momentum: float = 0.0) -> None:
        super().__init__()
        self.lr = lr
        self.momentum = momentum
        self.net: Any = nn.Sequential(nn.Flatten(), nn.Linear(SIDE_PX * SIDE_PX, NUM_CLASSES))
        self.seen: list[Any] = []
        self.rates: list[float] = []
        self.outputs: list[Tensor] = []

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.net(inputs)
        return logits

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        self.seen.append(batch)
        inputs, targets = batch
        return functional.cross_entropy(self(inputs), targets)

    def test_step(self, batch: Any, batch_idx: int) -> None:
        self._evaluate(batch)

    def predict_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self._evaluate(batch)

    def _evaluate(self, batch: Any) -> Tensor:
        self.outputs.append(self(batch[0]))
        return self.outputs[-1]

    def configure_optimizers(self) -> torch.optim.Optimizer:
        optimizer = torch.optim.SGD(self.parameters(), lr=self.lr, momentum=self.momentum)
        optimizer.register_step_pre_hook(self._record_rate)
        return optimizer

    def _record_rate(self, optimizer: torch.optim.Optimizer, *_: object) -> None:
        self.rates.append(optimizer.param_groups[0]["lr"])


class Validated(Classifier):
    """Also has a validation loop; Lightning warns about one that gets no data."""

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self._evaluate(batch)


class LayoutClassifier(Classifier):
    """Takes a batch of any layout and returns a loss that has nothing to do with it."""

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        self.seen.append(batch)
        return torch.stack([parameter.square().sum() for parameter in self.parameters()]).sum()
