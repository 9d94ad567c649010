"""The step a batch belongs to, against the optimizer steps that real fits have made when it comes."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import GradientAccumulationScheduler, ModelCheckpoint
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, IterableDataset

from lightning_regkit._durations import Horizon
from lightning_regkit._lightning import Progress
from tests.support import Classifier, images, loader, trainer


class Watches(pl.Callback):
    """A callback with a progress."""

    def __init__(self) -> None:
        self.progress = Progress("Watches")

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.progress.attach(trainer)


class Asks(Classifier):
    """Asks, where a batch arrives, for the step it belongs to; remembers the real steps by then too."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self.progress = progress
        self.said: list[int] = []
        self.said_begun: list[int] = []
        self.made: list[int] = []

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        if self.trainer.training:
            self.said.append(self.progress.step)
            self.made.append(len(self.rates))
        return batch

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        self.said_begun.append(self.progress.step_of_batch)

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        assert self.progress.step_of_batch == self.said_begun[-1]


class Manual(Asks):
    """Steps two optimizers, the second through the raw one, after every second batch only."""

    def __init__(self, progress: Progress) -> None:
        super().__init__(progress)
        self.automatic_optimization = False

    def configure_optimizers(self) -> Any:
        return [torch.optim.SGD(self.parameters(), lr=0.1), torch.optim.SGD(self.parameters(), lr=0.1)]

    def training_step(self, batch: Any, batch_idx: int) -> None:
        first, second = self.optimizers(use_pl_optimizer=False)  # type: ignore[misc]
        loss: Tensor = functional.cross_entropy(self(batch[0]), batch[1])
        loss.backward()
        if batch_idx % 2:
            first.step()
            second.step()


class Endless(IterableDataset[Any]):
    def __iter__(self) -> Iterator[Any]:
        yield from zip(*images(10), strict=True)


def fit(data: Any = None, *, kind: type[Asks] = Asks, fit: dict[str, Any] | None = None, **options: Any) -> Asks:
    watches = Watches()
    model = kind(watches.progress)
    callbacks = [*options.pop("callbacks", []), watches]
    trainer(callbacks=callbacks, **options).fit(model, loader() if data is None else data, **(fit or {}))
    return model


@pytest.mark.parametrize(
    "options",
    [
        {"max_epochs": 2},
        {"max_steps": 7},
        {"max_epochs": 3, "accumulate_grad_batches": 2},
        {"max_epochs": -1, "max_steps": 8, "accumulate_grad_batches": 2},
        {"max_epochs": 3, "callbacks": [GradientAccumulationScheduler({1: 2, 2: 4})]},
        {"max_epochs": 2, "limit_train_batches": 4, "accumulate_grad_batches": 3},
    ],
    ids=str,
)
def test_it_is_the_number_of_steps_made(options: dict[str, Any]) -> None:
    model = fit(**options)
    assert model.said == model.said_begun == model.made
    assert len(set(model.said)) > 2


def test_it_is_so_too_where_an_epoch_has_no_known_length() -> None:
    model = fit(DataLoader(Endless(), batch_size=2), max_epochs=2)
    assert model.said == model.said_begun == model.made == list(range(10))


def test_in_manual_optimization_every_batch_is_one() -> None:
    model = fit(kind=Manual, max_epochs=2)
    assert model.said == model.said_begun == list(range(10))
    assert model.progress.horizon == Horizon(total_steps=10, epoch_ends=(5, 10))


@pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`:UserWarning")
@pytest.mark.filterwarnings("ignore:You're resuming from a checkpoint that ended before the epoch:UserWarning")
def test_a_resumed_run_goes_on(tmp_path: Path) -> None:
    keep = ModelCheckpoint(tmp_path, filename="{step}", every_n_train_steps=1, save_top_k=-1)
    options: dict[str, Any] = {"max_epochs": 2, "accumulate_grad_batches": 2}
    whole = fit(callbacks=[keep], enable_checkpointing=True, **options)
    assert whole.said == whole.said_begun == [0, 0, 1, 1, 2, 3, 3, 4, 4, 5]
    for done, batches in ((1, 2), (3, 5), (4, 7)):
        rest = fit(fit={"ckpt_path": tmp_path / f"step={done}.ckpt", "weights_only": True}, **options)
        assert rest.said == rest.said_begun == whole.said[batches:]


def test_scheduled_accumulation_of_epochs_without_length_is_refused() -> None:
    text = (
        "Watches: the training data must have a length where accumulation is scheduled, got inf. "
        "Pass limit_train_batches= to the Trainer."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        fit(DataLoader(Endless(), batch_size=2), max_epochs=2, callbacks=[GradientAccumulationScheduler({1: 2})])


def test_detached_it_holds_no_trainer() -> None:
    model = fit(max_epochs=1)
    model.progress.detach()
    assert vars(model.progress)["_trainer"] is None
    model.progress.detach()
