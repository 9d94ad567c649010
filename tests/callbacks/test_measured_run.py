"""Samples, seconds and speed of whole fits, told by a clock that moves when a test says so."""

from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import LearningRateFinder, StochasticWeightAveraging
from torch.utils.data import DataLoader, Dataset

from lightning_regkit._lightning._override import Override
from lightning_regkit.callbacks._measured_run import MeasuredRun
from lightning_regkit.monitoring import Throughput
from lightning_regkit.monitoring._position import Odometer
from tests.support import Classifier, Validated, images, loader, trainer


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Slow(Dataset[Any]):
    """Each item takes a second."""

    def __init__(self, clock: Clock, count: int) -> None:
        self.clock, self.inputs = clock, images(count)

    def __len__(self) -> int:
        return len(self.inputs[0])

    def __getitem__(self, index: int) -> Any:
        self.clock.now_s += 1
        return tuple(tensor[index] for tensor in self.inputs)


class Paced(Validated):
    """A training step takes three seconds, a validation a thousand."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        self.clock.now_s += 3
        return super().training_step(batch, batch_idx)

    def on_validation_epoch_end(self) -> None:
        self.clock.now_s += 1000


def measured(clock: Clock) -> MeasuredRun:
    run = MeasuredRun("Run")
    run.odometer, run.throughput = Odometer(clock), Throughput(clock)
    run._fetching._begin, run._fetching._end = run.throughput.begin_wait, run.throughput.end_wait
    return run


class Takes(pl.Callback):
    """Takes the figures at the end of every batch."""

    def __init__(self, run: MeasuredRun) -> None:
        self.run = run
        self.found: list[dict[str, float]] = []
        self.at: list[tuple[int, float]] = []

    def on_train_batch_end(self, *_: Any) -> None:
        self.found.append(self.run.throughput.take())
        self.at.append((self.run.odometer.samples, self.run.odometer.seconds))


def test_a_fit_with_validations_by_hand() -> None:
    clock = Clock()
    run = measured(clock)
    takes = Takes(run)
    fit = trainer(max_epochs=2, callbacks=[run, takes])
    fit.fit(Paced(clock), DataLoader(Slow(clock, 5), batch_size=2), loader(2))
    # A batch of two is waited for two seconds and trained on for three; the last of an epoch has one.
    whole, last = {"samples_per_s": 2 / 5, "wait_share": 2 / 5}, {"samples_per_s": 1 / 4, "wait_share": 1 / 4}
    assert takes.found == [pytest.approx(each) for each in (whole, whole, last) * 2]
    assert [samples for samples, _ in takes.at] == [2, 4, 5, 7, 9, 10]
    assert [seconds for _, seconds in takes.at] == [5, 10, 14, 1019, 1024, 1028]


def counted(*callbacks: pl.Callback, **options: Any) -> MeasuredRun:
    run = MeasuredRun("Run")
    trainer(**{"max_epochs": 2, **options}, callbacks=[run, *callbacks]).fit(Validated(), loader(5), loader(4))
    return run


def test_samples_are_those_of_training_alone() -> None:
    assert counted().odometer.samples == 10
    assert counted(accumulate_grad_batches=2).odometer.samples == 10


def test_trials_of_a_finder_do_not_count() -> None:
    finder = LearningRateFinder(num_training_steps=3, min_lr=1e-3, max_lr=1e-1, early_stop_threshold=None)
    assert counted(finder).odometer.samples == 10


class Normalized(Validated):
    def __init__(self) -> None:
        super().__init__()
        self.net = torch.nn.Sequential(torch.nn.BatchNorm2d(1), self.net)


def test_batches_that_only_renew_statistics_do_not_count() -> None:
    run = MeasuredRun("Run")
    average = StochasticWeightAveraging(swa_lrs=0.1, swa_epoch_start=1)
    trainer(max_epochs=3, callbacks=[run, average]).fit(Normalized(), loader(6), loader(4))
    assert run.odometer.samples == 18


def test_a_resumed_run_goes_on_counting(tmp_path: Path) -> None:
    clock = Clock()
    first = trainer(max_epochs=1, callbacks=[measured(clock)])
    first.fit(Paced(clock), loader(5), loader(2))
    seconds = clock.now_s - 1000  # of the sanity check
    first.save_checkpoint(tmp_path / "one.ckpt")
    saved = torch.load(tmp_path / "one.ckpt", weights_only=True)["lightning_regkit"]["Run"]
    assert saved == {"samples": 5, "seconds": seconds}

    clock.now_s += 5000  # between the two
    run = measured(clock)
    takes = Takes(run)
    trainer(max_epochs=2, callbacks=[run, takes], num_sanity_val_steps=0).fit(
        Paced(clock), loader(5), loader(2), ckpt_path=tmp_path / "one.ckpt", weights_only=True
    )
    assert takes.at == [(7, seconds + 3), (9, seconds + 6), (10, seconds + 9)]


def test_a_checkpoint_that_knows_nothing_of_it_starts_at_zero(tmp_path: Path) -> None:
    first = trainer(max_epochs=1)
    first.fit(Classifier(), loader(5))
    first.save_checkpoint(tmp_path / "one.ckpt")
    run = MeasuredRun("Run")
    trainer(max_epochs=2, callbacks=[run]).fit(
        Classifier(), loader(5), ckpt_path=tmp_path / "one.ckpt", weights_only=True
    )
    assert run.odometer.samples == 5


def test_a_new_fit_starts_at_zero_and_one_that_is_continued_does_not() -> None:
    run = MeasuredRun("Run")
    fit = trainer(max_epochs=1, callbacks=[run])
    fit.fit(Classifier(), loader(5))
    fit.fit_loop.max_epochs = 2
    fit.fit(Classifier(), loader(5))
    assert run.odometer.samples == 10
    trainer(max_epochs=1, callbacks=[run]).fit(Classifier(), loader(5))
    assert run.odometer.samples == 5


def test_an_evaluation_of_a_checkpoint_changes_nothing(tmp_path: Path) -> None:
    run = counted()
    fit = trainer(callbacks=[run])
    fit.strategy.connect(Validated())
    fit.save_checkpoint(tmp_path / "one.ckpt")
    other = MeasuredRun("Run")
    trainer(callbacks=[other]).validate(
        Validated(), loader(4), ckpt_path=str(tmp_path / "one.ckpt"), verbose=False, weights_only=True
    )
    assert other.odometer.samples == 0
    assert other._saved == {}


class Breaks(pl.Callback):
    def on_train_batch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        assert isinstance(vars(trainer.fit_loop.epoch_loop)["_on_before_fetch"], Override)
        raise RuntimeError("in the middle")


def test_nothing_is_left_of_it_however_a_fit_ends() -> None:
    for callbacks in ([], [Breaks()]):
        fit = trainer(max_epochs=1, callbacks=[MeasuredRun("Run"), *callbacks])
        if callbacks:
            with pytest.raises(RuntimeError, match="in the middle"):
                fit.fit(Classifier(), loader())
        else:
            fit.fit(Classifier(), loader())
        assert "_on_before_fetch" not in vars(fit.fit_loop.epoch_loop)
