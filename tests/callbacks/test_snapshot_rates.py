"""Who drives the rate of a snapshot run: it, a ScheduleLR, or neither, and never two."""

from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import BaseFinetuning, StochasticWeightAveraging

import lightning_regkit as rk
from lightning_regkit.callbacks import ScheduleLR, SnapshotEnsemble
from lightning_regkit.callbacks._snapshot_rates import SnapshotRates
from lightning_regkit.errors import UnknownTotalError
from lightning_regkit.schedules import Constant, Cosine, CyclicCosine, Horizon, compose
from tests.callbacks.ensembles import Scored, data
from tests.support import trainer

STEPS = 12  # 4 epochs of 3


class Scheduled(Scored):
    def configure_optimizers(self) -> Any:
        optimizer = super().configure_optimizers()
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.1)]


class Unfreezes(BaseFinetuning):
    def freeze_before_training(self, pl_module: Any) -> None:
        """Freeze nothing."""

    def finetune_function(self, pl_module: Any, epoch: int, optimizer: Any) -> None:
        """Unfreeze nothing."""


class Adds(pl.Callback):
    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        if trainer.current_epoch == 2:
            group = {"params": [torch.nn.Parameter(torch.ones(1))], "lr": 1.0}
            trainer.optimizers[0].add_param_group(group)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
        self.rates = [group["lr"] for group in trainer.optimizers[0].param_groups]


def fitted(folder: Path, *others: Any, model: Scored | None = None, **options: Any) -> Scored:
    fitted_model = model or Scored()
    snapshots = SnapshotEnsemble(3, folder, **options)
    trainer(max_epochs=4, callbacks=[*others, snapshots]).fit(fitted_model, data())
    return fitted_model


@pytest.mark.parametrize("warmup", [0, "1ep"])
def test_it_drives_what_schedule_lr_would(warmup: int | str, tmp_path: Path) -> None:
    schedule = compose(CyclicCosine(3), Horizon(STEPS, (3, 6, 9, 12)), warmup=warmup)
    assert fitted(tmp_path, warmup=warmup).rates == pytest.approx([0.1 * schedule(step) for step in range(STEPS)])


@pytest.mark.parametrize("is_first", [True, False])
def test_it_rides_on_a_schedule_of_as_many_cycles(is_first: bool, tmp_path: Path) -> None:
    rider, model = ScheduleLR(CyclicCosine(3, final_factor=0.1), warmup="1ep"), Scored()
    snapshots = SnapshotEnsemble(3, tmp_path)
    callbacks = [rider, snapshots] if is_first else [snapshots, rider]
    trainer(max_epochs=4, callbacks=callbacks).fit(model, data())
    members = rk.ensemble.read_manifest(tmp_path)
    assert [member.step for member in members] == [6, 9, 12], "after its warmup"
    assert [member.rate for member in members] == pytest.approx([0.01] * 3), "of the last step, not the next"
    assert model.rates[5] == pytest.approx(0.01)


@pytest.mark.parametrize("model", [Scored, Scheduled])
def test_no_cycle_leaves_the_runs_own_schedule(model: type[Scored], tmp_path: Path) -> None:
    alone = model()
    trainer(max_epochs=4).fit(alone, data())
    assert fitted(tmp_path, model=model(), control="no_cycle").rates == alone.rates
    assert [member.step for member in rk.ensemble.read_manifest(tmp_path)] == [4, 8, 12]
    assert len(fitted(tmp_path / "b", ScheduleLR(Cosine()), control="no_cycle").rates) == STEPS


def test_a_group_that_is_added_gets_its_rate_at_once(tmp_path: Path) -> None:
    adds = Adds()
    trainer(max_epochs=4, max_steps=7, callbacks=[adds, SnapshotEnsemble(1, tmp_path)]).fit(Scored(), data())
    first, second = adds.rates
    assert second == pytest.approx(10 * first)
    assert 0 <= second < 0.1, "it came with a rate of 1"


CYCLES = "have 3 cosine cycles"
REMEDY = "Write ScheduleLR(CyclicCosine(3)), or remove it."


@pytest.mark.parametrize(
    ("others", "options", "model", "text"),
    [
        ([ScheduleLR(Cosine())], {}, Scored, f"ScheduleLR must {CYCLES}, got Cosine(final_factor=0.0). {REMEDY}"),
        (
            [ScheduleLR([CyclicCosine(2)])],
            {},
            Scored,
            f"ScheduleLR must {CYCLES}, got CyclicCosine(num_cycles=2, final_factor=0.0). {REMEDY}",
        ),
        (
            [ScheduleLR(CyclicCosine(3))],
            {"warmup": "1ep"},
            Scored,
            "warmup must be that of ScheduleLR, which drives the rate, got '1ep'.",
        ),
        (
            [ScheduleLR(CyclicCosine(3), total_steps=12)],
            {},
            Scored,
            "ScheduleLR must have no total_steps of its own, got 12.",
        ),
        (
            [ScheduleLR(CyclicCosine(3))],
            {"control": "no_cycle"},
            Scored,
            "ScheduleLR must have no cycles with control='no_cycle', got CyclicCosine(num_cycles=3, final_factor=0.0).",
        ),
        (
            [],
            {},
            Scheduled,
            "configure_optimizers must make no learning-rate scheduler, got 'StepLR'. "
            "Return the optimizer alone, or add ScheduleLR(CyclicCosine(3)).",
        ),
        (
            [Unfreezes()],
            {},
            Scored,
            "position must be before that of BaseFinetuning, got 'a later one'. "
            "On resume it puts back groups with the rates in use then.",
        ),
        (
            [StochasticWeightAveraging(swa_lrs=0.1)],
            {},
            Scored,
            "callbacks must leave the rates to it, got 'StochasticWeightAveraging'. "
            "It sets rates of its own from swa_epoch_start on; WeightAveraging averages without.",
        ),
    ],
)
def test_two_drivers_are_refused(
    others: list[Any], options: dict[str, Any], model: type[Scored], text: str, tmp_path: Path
) -> None:
    given = model()
    with pytest.raises(ValueError, match="SnapshotEnsemble") as refusal:
        fitted(tmp_path, *others, model=given, **options)
    assert str(refusal.value) == f"SnapshotEnsemble: {text}"
    assert given.rates == []


def test_a_warmup_with_nothing_to_warm_up_is_refused() -> None:
    with pytest.raises(ValueError, match="Snapshot") as refusal:
        SnapshotEnsemble(3, control="no_cycle", warmup="1ep")
    condition = "warmup must be left out with control='no_cycle', got '1ep'. Nothing is driven then."
    assert str(refusal.value) == f"SnapshotEnsemble: {condition}"


def ends(rates: SnapshotRates, horizon: Horizon, *others: pl.Callback) -> list[int]:
    plan = rates.plan(trainer(callbacks=list(others)), horizon)
    return [step for step in range((horizon.total_steps or 0) + 1) if plan.is_end(step)]


def test_a_run_of_unknown_length_is_refused() -> None:
    with pytest.raises(UnknownTotalError) as refusal:
        SnapshotRates(3, 0, is_cyclic=True).plan(trainer(), Horizon(None))
    assert str(refusal.value) == (
        "SnapshotEnsemble: the run must have a known number of steps, got None. "
        "Pass max_steps= or max_time= to the Trainer, or max_epochs= with limit_train_batches=."
    )


def test_constant_is_what_no_cycle_leaves_by_default() -> None:
    assert ends(SnapshotRates(3, 0, is_cyclic=False), Horizon(9), ScheduleLR(Constant())) == [3, 6, 9]


def test_the_warmup_is_that_of_what_drives() -> None:
    horizon, rider = Horizon(STEPS, (3, 6, 9, 12)), ScheduleLR(CyclicCosine(3), warmup="1ep")
    assert ends(SnapshotRates(3, "1ep", is_cyclic=True), horizon) == [6, 9, 12]
    assert ends(SnapshotRates(3, 0, is_cyclic=True), horizon, rider) == [6, 9, 12]
    assert ends(SnapshotRates(3, 0, is_cyclic=False), horizon, rider) == [4, 8, 12]


@pytest.mark.parametrize("max_time", [None, "00:01:00:00"])
def test_the_warmup_rises_whoever_counts(max_time: str | None) -> None:
    plan = SnapshotRates(3, "1ep", is_cyclic=True).plan(trainer(max_time=max_time), Horizon(STEPS, (3, 6, 9, 12)))
    assert [plan.factor(step) for step in range(4)] == pytest.approx([1 / 3, 5 / 9, 7 / 9, 1])


@pytest.mark.parametrize("is_first", [True, False])
def test_a_schedule_that_knows_no_time_is_refused_beside_a_time_limit(is_first: bool, tmp_path: Path) -> None:
    rider, snapshots = ScheduleLR(CyclicCosine(3)), SnapshotEnsemble(3, tmp_path)
    callbacks = [rider, snapshots] if is_first else [snapshots, rider]
    model = Scored()
    with pytest.raises(ValueError, match="Snapshot") as refusal:
        trainer(max_epochs=4, max_time="00:01:00:00", callbacks=callbacks).fit(model, data())
    assert str(refusal.value) == (
        "SnapshotEnsemble: ScheduleLR must be left out with max_time, "
        "got CyclicCosine(num_cycles=3, final_factor=0.0). It knows no time; without it the rate is driven here."
    )
    assert model.rates == []


def test_no_cycle_leaves_any_schedule_beside_a_time_limit(tmp_path: Path) -> None:
    model = Scored()
    others = [ScheduleLR(Cosine()), SnapshotEnsemble(3, tmp_path, control="no_cycle")]
    trainer(max_epochs=4, max_time="00:01:00:00", callbacks=others).fit(model, data())
    whole = compose(Cosine(), Horizon(STEPS))
    assert model.rates == pytest.approx([0.1 * whole(step) for step in range(STEPS)])
    assert [member.step for member in rk.ensemble.read_manifest(tmp_path)] == [4, 8, 12]
