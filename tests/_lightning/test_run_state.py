"""A run entered from any hook equals the uninterrupted one: noise, metrics, gradients, and the loggers' step."""

import random
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import GradientAccumulationScheduler
from lightning.pytorch.loggers.logger import DummyLogger
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics import MeanMetric
from typing_extensions import override

from lightning_regkit._lightning import RunState
from lightning_regkit.samplers import ResumableSampler
from tests.support import NUM_CLASSES, SIDE_PX, images, trainer

BATCH_SIZE = 2
BATCHES = 5
Rows = list[tuple[int | None, dict[str, float]]]


class Log(DummyLogger):
    def __init__(self) -> None:
        super().__init__()
        self.rows: Rows = []

    @override
    def log_metrics(self, metrics: Any, step: int | None = None) -> None:
        self.rows.append((step, {name: float(value) for name, value in metrics.items()}))


class Noisy(pl.LightningModule):
    """Draws from every global generator in each step, also in validation; keeps metrics of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(SIDE_PX**2, 4), nn.Dropout(0.5), nn.Linear(4, NUM_CLASSES))
        self.own, self.checked = MeanMetric(), MeanMetric()

    def loss(self, batch: Any) -> Tensor:
        inputs, targets = batch
        noise = random.random() + np.random.rand()  # noqa: NPY002
        return functional.cross_entropy(self.net(inputs + noise * torch.rand_like(inputs)), targets)

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        loss = self.loss(batch)
        self.log("loss", loss, on_step=True, on_epoch=True)
        if batch_idx == 0:
            self.log("first", loss, on_step=False, on_epoch=True)
        self.own(loss.detach())
        return loss

    def on_train_epoch_end(self) -> None:
        self.log("own", self.own.compute())
        self.own.reset()

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        loss = self.loss(batch)
        self.checked(loss)
        self.log("checked", self.checked, on_step=True, on_epoch=True)

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9)


class Manual(Noisy):
    """Steps every second batch, wherever the epoch ends."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch: Any, batch_idx: int) -> None:
        self.manual_backward(super().training_step(batch, batch_idx))
        if (batch_idx + 1) % 2 == 0:
            optimizer: Any = self.optimizers()
            optimizer.step()
            optimizer.zero_grad()


class Exact(pl.callbacks.Checkpoint):  # Lightning calls these last
    """Saves at every hook of epoch 1 if told where, and puts the state back in a resumed run."""

    def __init__(self, sampler: ResumableSampler, folder: Path | None) -> None:
        self.run, self.sampler, self.folder = RunState(), sampler, folder
        self.saved: dict[str, tuple[Path, int]] = {}
        self.draws = 1

    def write(self, hook: str, trainer: pl.Trainer) -> None:
        if self.folder is not None and trainer.current_epoch == 1:
            path = self.folder / f"{hook}.ckpt"
            trainer.save_checkpoint(path)
            logger: Any = trainer.logger
            self.saved[hook] = path, len(logger.rows)

    @override
    def on_save_checkpoint(self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: Any) -> None:
        checkpoint["run"] = self.run.save(trainer, pl_module)

    @override
    def on_load_checkpoint(self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: Any) -> None:
        place = self.run.load(trainer, checkpoint["loops"]["fit_loop"], checkpoint["run"])
        self.sampler.start_at(place.epoch, len(self.sampler) if place.is_over else place.batches * BATCH_SIZE)

    @override
    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.run.start_fit(trainer)

    @override
    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.run.start_training(trainer, pl_module, self.draws)

    @override
    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.write("epoch start", trainer)

    @override
    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        self.run.start_batch(trainer)

    @override
    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        self.run.end_batch(trainer, pl_module)
        self.write(f"batch {trainer.fit_loop.batch_idx}", trainer)

    @override
    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.write(f"validation after {trainer.fit_loop.batch_idx}", trainer)

    @override
    def on_validation_batch_end(self, trainer: pl.Trainer, *arguments: Any) -> None:
        index = trainer.fit_loop.epoch_loop.val_loop.batch_progress.current.completed
        self.write(f"validation batch {index} after {trainer.fit_loop.batch_idx}", trainer)

    @override
    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.write(f"validated after {trainer.fit_loop.batch_idx}", trainer)

    @override
    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.run.end_epoch(trainer, pl_module)
        self.write("epoch end", trainer)


class Outcome:
    """A run of three epochs of five batches, seeded unless resumed."""

    def __init__(self, model: Noisy, folder: Path | None = None, resumed: Path | None = None, **options: Any) -> None:
        data = TensorDataset(*images(BATCHES * BATCH_SIZE))
        sampler = ResumableSampler(data, seed=1)
        self.exact, self.log = Exact(sampler, folder), Log()
        callbacks = [*options.pop("callbacks", []), self.exact]
        seed = 0 if resumed is None else 99
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        torch.manual_seed(seed)
        quiet: dict[str, Any] = {
            "max_epochs": 3,
            "num_sanity_val_steps": 0,
            "log_every_n_steps": 1,
            "enable_checkpointing": True,
        }
        run = trainer(**{**quiet, **options}, callbacks=callbacks, logger=self.log)
        loaders = DataLoader(data, BATCH_SIZE, sampler=sampler), DataLoader(TensorDataset(*images(4)), BATCH_SIZE)
        run.fit(model, *loaders, ckpt_path=resumed, weights_only=True if resumed else None)
        self.bits = {
            "weights": [parameter.tolist() for parameter in model.parameters()],
            "momentum": [state["momentum_buffer"].tolist() for state in run.optimizers[0].state.values()],
            "metrics": {name: value.item() for name, value in run.callback_metrics.items()},
            "generators": (random.random(), np.random.rand(), torch.rand(()).item()),  # noqa: NPY002
            "steps": run.global_step,
        }


def model_of(kind: type[Noisy]) -> Noisy:
    torch.manual_seed(7)
    return kind()


SETUPS: dict[str, tuple[type[Noisy], dict[str, Any]]] = {
    "plain": (Noisy, {}),
    "accumulation": (Noisy, {"accumulate_grad_batches": 2}),
    "validation inside a window": (Noisy, {"accumulate_grad_batches": 2, "val_check_interval": 3}),
    "manual": (Manual, {"val_check_interval": 3}),
}


@pytest.mark.filterwarnings("ignore:You're resuming from a checkpoint that ended before the epoch")
@pytest.mark.parametrize("name", SETUPS)
def test_from_every_hook_of_an_epoch(name: str, tmp_path: Path) -> None:
    kind, options = SETUPS[name]
    plain, whole = Outcome(model_of(kind), **options), Outcome(model_of(kind), tmp_path, **options)
    assert whole.bits == plain.bits, "saving changes nothing"
    after = BATCHES - 1 if options.get("val_check_interval") is None else 2
    validation = [f"validation{part} after {after}" for part in ("", " batch 0", " batch 1")]
    hooks = ["epoch start", *(f"batch {index}" for index in range(BATCHES)), *validation, f"validated after {after}"]
    assert set(whole.exact.saved) == {*hooks, "epoch end"}
    for hook, (path, rows) in whole.exact.saved.items():
        again = Outcome(model_of(kind), resumed=path, **options)
        assert again.bits == whole.bits, hook
        # The batch of the save may log after it, and the batches of a validation that is repeated log again.
        assert any(again.log.rows == whole.log.rows[rows + shift :] for shift in (-2, -1, 0, 1)), hook


@pytest.mark.filterwarnings("ignore:You're resuming from a checkpoint that ended before the epoch")
def test_an_accumulation_schedule_is_where_it_was(tmp_path: Path) -> None:
    def options() -> dict[str, Any]:
        return {"callbacks": [GradientAccumulationScheduler({0: 1, 1: 2})]}

    whole = Outcome(model_of(Noisy), tmp_path, **options())
    assert whole.bits["steps"] == 5 + 3 + 3
    for hook in ("batch 0", "batch 3", "epoch end"):
        path, _ = whole.exact.saved[hook]
        assert Outcome(model_of(Noisy), resumed=path, **options()).bits == whole.bits


def saved_at(hook: str, folder: Path, **options: Any) -> dict[str, Any]:
    whole = Outcome(model_of(options.pop("kind", Noisy)), folder, **options)
    checkpoint: dict[str, Any] = torch.load(whole.exact.saved[hook][0], weights_only=True)
    run: dict[str, Any] = checkpoint["run"]
    return run


def test_what_is_saved_and_that_gradients_of_a_closed_window_are_not(tmp_path: Path) -> None:
    saved = saved_at("batch 1", tmp_path, accumulate_grad_batches=2)
    assert set(saved) == {"moment", "is_window_open", "world_size", "ranks"}
    (own,) = saved["ranks"]
    names = {"generators", "metrics", "validation_steps", "results", "callback_metrics", "gradients"}
    assert (saved["world_size"], set(own)) == (1, names)
    assert own["gradients"] is None
    assert set(own["metrics"]) == {"own"}


def test_gradients_of_an_open_window_and_of_manual_optimization_are_saved(tmp_path: Path) -> None:
    (own,) = saved_at("batch 2", tmp_path, accumulate_grad_batches=2)["ranks"]
    assert all(isinstance(gradient, Tensor) and gradient.abs().sum() > 0 for gradient in own["gradients"][:1])
    (own,) = saved_at("batch 1", tmp_path, kind=Manual)["ranks"]
    assert own["gradients"] == [None] * 4


class OtherWorld:
    """What of a Trainer is read when a checkpoint is loaded by another number of processes."""

    world_size, global_rank = 2, 1


def test_another_world_leaves_the_generators_alone(tmp_path: Path) -> None:
    whole = Outcome(model_of(Noisy), tmp_path)
    checkpoint = torch.load(whole.exact.saved["batch 2"][0], weights_only=True)
    state = RunState()
    other: Any = OtherWorld()
    place = state.load(other, checkpoint["loops"]["fit_loop"], checkpoint["run"])
    assert (place.epoch, place.batches, place.is_inside) == (1, 3, True)
    before = torch.get_rng_state()
    run, model = trainer(), model_of(Noisy)
    before = torch.get_rng_state()
    state.start_fit(run)
    state.start_training(run, model, 1)
    assert torch.equal(torch.get_rng_state(), before)
    assert model.own.update_count == 0
    state.start_batch(run)
    assert run.fit_loop.epoch_loop._batches_that_stepped == 8


def test_a_fit_that_is_not_resumed_is_left_alone() -> None:
    run, model = trainer(), model_of(Noisy)
    run.fit_loop.epoch_loop._batches_that_stepped = 4
    before = torch.get_rng_state()
    state = RunState()
    state.start_fit(run)
    state.start_training(run, model, 1)
    state.start_batch(run)
    assert torch.equal(torch.get_rng_state(), before)
    assert run.fit_loop.epoch_loop._batches_that_stepped == 4
