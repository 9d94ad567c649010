"""Every checkpoint of the Trainer can be gone on from exactly; other checkpoints are refused, other uses untouched."""

import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import BatchSizeFinder, Checkpoint, LearningRateFinder, ModelCheckpoint
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset
from typing_extensions import override

from lightning_regkit.callbacks._continued_run import ContinuedRun
from lightning_regkit.samplers import LoaderPlan, ResumableSampler
from tests.support import NUM_CLASSES, SIDE_PX, images, trainer

DATA = TensorDataset(*images(10))


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return our lines in the log Lightning prints."""
    lines: list[str] = []

    def info(text: str, **_: object) -> None:
        if text.startswith("ExactResume"):
            lines.append(text)

    log = SimpleNamespace(info=info, debug=lambda *_, **__: None)
    monkeypatch.setattr("lightning_utilities.core.rank_zero.log", log)
    return lines


class Noisy(pl.LightningModule):
    def __init__(self, lr: float = 0.1, batch_size: int = 2) -> None:
        super().__init__()
        self.lr, self.batch_size = lr, batch_size
        self.net = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(SIDE_PX**2, NUM_CLASSES))
        self.seen: list[Tensor] = []

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        self.seen.append(batch[0])
        return functional.cross_entropy(self.net(batch[0]), batch[1])

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("noise", torch.rand(()))

    def test_step(self, batch: Any, batch_idx: int) -> None:
        pass

    def train_dataloader(self) -> DataLoader[Any]:
        return DataLoader(DATA, batch_size=self.batch_size, sampler=ResumableSampler(DATA, seed=1))

    def val_dataloader(self) -> DataLoader[Any]:
        return DataLoader(DATA, batch_size=5)

    def test_dataloader(self) -> DataLoader[Any]:
        return DataLoader(DATA, batch_size=5, generator=torch.Generator())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=self.lr, momentum=0.9)


class Save(Checkpoint):
    """Saves at the end of one batch, or of an epoch (batch -1)."""

    def __init__(self, path: Path, epoch: int, batch: int) -> None:
        self.path, self.at = path, (epoch, batch)

    @override
    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if (trainer.current_epoch, trainer.fit_loop.batch_idx) == self.at:
            trainer.save_checkpoint(self.path)

    @override
    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if (trainer.current_epoch, -1) == self.at:
            trainer.save_checkpoint(self.path)


def runner(folder: Path, *callbacks: pl.Callback, exact: ContinuedRun | None = None, **options: Any) -> pl.Trainer:
    """Return a Trainer whose checkpoints can be gone on from."""
    quiet = {"max_epochs": 3, "enable_checkpointing": True, "num_sanity_val_steps": 0}
    exact = exact or ContinuedRun(str(folder / "exact"))
    return trainer(**{**quiet, **options}, callbacks=[exact, *callbacks])


def model_of(seed: int = 0) -> Noisy:
    torch.manual_seed(seed)
    return Noisy()


def bits(model: Noisy, run: pl.Trainer) -> list[Any]:
    momentum = [state["momentum_buffer"].tolist() for state in run.optimizers[0].state.values()]
    return [[each.tolist() for each in model.parameters()], momentum, run.callback_metrics["noise"].item()]


def saved_by(folder: Path, epoch: int = 1, batch: int = 2, **options: Any) -> tuple[Path, list[Any], list[Tensor]]:
    """Return a checkpoint, and how its run ended and what it had seen."""
    path, model = folder / "save.ckpt", model_of()
    run = runner(folder, Save(path, epoch, batch), **options)
    run.fit(model)
    return path, bits(model, run), model.seen


@pytest.mark.parametrize(("epoch", "batch", "left"), [(0, 0, 14), (1, 2, 7), (1, 4, 5), (1, -1, 5)])
@pytest.mark.parametrize("options", [{}, {"accumulate_grad_batches": 2}], ids=["plain", "accumulation"])
def test_a_resumed_run_ends_like_the_whole_one(
    epoch: int, batch: int, left: int, options: dict[str, Any], tmp_path: Path
) -> None:
    path, whole, seen = saved_by(tmp_path, epoch, batch, **options)
    model, run = model_of(9), runner(tmp_path, **options)
    run.fit(model, ckpt_path=path, weights_only=True)
    assert bits(model, run) == whole
    assert len(model.seen) == left
    assert all(map(torch.equal, model.seen, seen[-left:]))


def test_it_makes_no_files_and_saves_no_state_of_a_checkpoint_callback(tmp_path: Path) -> None:
    path, _, _ = saved_by(tmp_path)
    assert ContinuedRun("x").state_dict() == {}
    assert {each.name for each in tmp_path.rglob("*.ckpt")} == {"save.ckpt"}
    entry = torch.load(path, weights_only=True)["lightning_regkit"]["ExactResume"]
    plan = LoaderPlan(num_examples=10, batch_size=2, drop_last=False, shuffle=True, seed=1)
    assert set(entry) == {"moment", "is_window_open", "world_size", "ranks", "plans", "is_exact"}
    assert entry["plans"] == [vars(plan)]
    assert (entry["is_exact"], entry["world_size"]) == (True, 1)


def test_a_checkpoint_saved_without_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.ckpt"
    keep = Save(path, 0, -1)
    trainer(max_epochs=1, enable_checkpointing=True, callbacks=[keep], num_sanity_val_steps=0).fit(model_of())
    with pytest.raises(ValueError, match="ExactResume") as refused:
        runner(tmp_path).fit(model_of(), ckpt_path=path, weights_only=True)
    assert str(refused.value) == (
        "ExactResume: the checkpoint must have been saved with ExactResume among the callbacks, got one without. "
        "Go on without ExactResume, or load its weights only and start a new fit."
    )


@pytest.mark.parametrize("has_entry", [True, False])
def test_evaluation_from_a_checkpoint_touches_nothing(has_entry: bool, tmp_path: Path) -> None:
    path, _, _ = saved_by(tmp_path)
    if not has_entry:
        checkpoint = torch.load(path, weights_only=True)
        del checkpoint["lightning_regkit"]
        torch.save(checkpoint, path)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    run = runner(tmp_path)
    run.test(model_of_same_generator(), ckpt_path=path, weights_only=True, verbose=False)
    assert torch.equal(torch.rand(3), expected)
    run.validate(Noisy(), ckpt_path=path, weights_only=True, verbose=False)


def model_of_same_generator() -> Noisy:
    with torch.random.fork_rng():
        return Noisy()


@pytest.mark.filterwarnings("ignore:.*does not have many workers")
@pytest.mark.parametrize("finder", ["rate", "batch size"])
def test_a_finder_before_the_fit_saves_and_loads_without_it(
    finder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    finders: dict[str, pl.Callback] = {
        "rate": LearningRateFinder(num_training_steps=5, update_attr=True),
        "batch size": BatchSizeFinder(max_trials=1, steps_per_trial=1, mode="power"),
    }
    model, path = model_of(), tmp_path / "save.ckpt"
    run = runner(tmp_path, finders[finder], Save(path, 0, 0), default_root_dir=tmp_path, max_epochs=2)
    run.fit(model)
    assert run.current_epoch == 2
    again, resumed = Noisy(model.lr, model.batch_size), runner(tmp_path, max_epochs=2)
    resumed.fit(again, ckpt_path=path, weights_only=True)
    assert bits(again, resumed) == bits(model, run)


def filters() -> list[Any]:
    return list(warnings.filters)


class Filters(pl.Callback):
    """Remembers the filters of the user's own code."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    @override
    def on_train_batch_end(self, *_: Any) -> None:
        self.seen.append(filters())


def test_the_warning_of_a_loader_without_a_state_is_silenced_and_no_other(tmp_path: Path) -> None:
    path, _, _ = saved_by(tmp_path)
    before, own = filters(), Filters()
    # Warnings are errors here: Lightning's would end this run.
    runner(tmp_path, own).fit(model_of(), ckpt_path=path, weights_only=True)
    assert filters() == before
    assert own.seen == [before] * 7


def test_the_filters_are_put_back_when_no_batch_comes(tmp_path: Path) -> None:
    path, _, _ = saved_by(tmp_path, epoch=2, batch=4)
    before = filters()
    runner(tmp_path).fit(model_of(), ckpt_path=path, weights_only=True)
    assert filters() == before


def edited(path: Path, **changes: Any) -> Path:
    checkpoint = torch.load(path, weights_only=True)
    checkpoint["lightning_regkit"]["ExactResume"].update(changes)
    torch.save(checkpoint, path)
    return path


def test_another_world_goes_on_with_the_samples_and_says_so(tmp_path: Path, said: list[str]) -> None:
    path, _, whole = saved_by(tmp_path, epoch=1, batch=0)
    model = model_of(9)
    runner(tmp_path).fit(model, ckpt_path=edited(path, world_size=2), weights_only=True)
    assert said == [
        "ExactResume: 2 processes wrote the checkpoint, 1 go on: the samples keep their order, noise and running "
        "metrics start anew."
    ]
    # A batch each of two processes: two of these.
    assert len(model.seen) == 3 + 5
    assert all(map(torch.equal, model.seen, whole[-8:]))


def test_a_checkpoint_from_inside_a_batch_says_that_it_is_not_exact(tmp_path: Path, said: list[str]) -> None:
    path, _, _ = saved_by(tmp_path)
    runner(tmp_path).fit(model_of(), ckpt_path=edited(path, is_exact=False), weights_only=True)
    assert said == [
        "ExactResume: the checkpoint was saved inside a batch, which is trained on again: the run goes on, not exactly."
    ]


def test_a_second_fit_starts_anew(tmp_path: Path) -> None:
    path, whole, _ = saved_by(tmp_path)
    exact = ContinuedRun(str(tmp_path / "exact"))
    runner(tmp_path, exact=exact).fit(model_of(9), ckpt_path=path, weights_only=True)
    model = model_of()
    run = runner(tmp_path, exact=exact)
    run.fit(model)
    assert len(model.seen) == 15
    assert bits(model, run) == whole


@pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`:UserWarning")
def test_other_checkpoint_callbacks_of_the_run_are_exact_too(tmp_path: Path) -> None:
    model = model_of()
    keep = ModelCheckpoint(tmp_path / "keep", filename="{epoch}", save_top_k=-1)
    run = runner(tmp_path, keep)
    run.fit(model)
    again, resumed = model_of(9), runner(tmp_path)
    resumed.fit(again, ckpt_path=tmp_path / "keep" / "epoch=1.ckpt", weights_only=True)
    assert bits(again, resumed) == bits(model, run)
