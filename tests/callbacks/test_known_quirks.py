"""Quirks that users reported, one test each; the thread is in the name.

Those that every schedule is tested for are in test_every_schedule.py, those of plateaus in test_driven_run.py.
"""

import warnings
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import GradientAccumulationScheduler, ModelCheckpoint
from lightning.pytorch.plugins import MixedPrecision

from lightning_regkit.callbacks import ScheduleLR
from lightning_regkit.schedules import (
    Constant,
    Cosine,
    CosineRestarts,
    Join,
    Linear,
    Milestones,
    OneCycle,
    Plateau,
    ScheduleSpec,
    StepDecay,
    simulate,
)
from tests._lightning.test_clock import Overflows
from tests.callbacks.test_driven_run import RESUMING, VALUES, Watched
from tests.callbacks.test_schedule_lr import Recording
from tests.support import Classifier, Validated, loader, trainer


def used(spec: ScheduleSpec, *callbacks: pl.Callback, warmup: int | str = 0, **options: Any) -> list[float]:
    """Factors of the steps of a fit of 5 batches an epoch."""
    model = Classifier(lr=1.0)
    trainer(callbacks=[ScheduleLR(spec, warmup), *callbacks], **{"max_epochs": 2, **options}).fit(model, loader())
    return model.rates


def declared(spec: ScheduleSpec, total: int, **options: Any) -> list[float]:
    return list(simulate(spec, total_steps=total, **options)[:total])


# Epoch, step and batch are confused.


def test_lightning_1476_warmup_counts_steps_not_forward_passes() -> None:
    rates = used(Constant(), warmup=4, accumulate_grad_batches=5, max_epochs=6)
    assert rates == [0.25, 0.4375, 0.625, 0.8125, 1.0, 1.0]


def test_lightning_945_20436_the_rate_moves_within_an_epoch() -> None:
    assert len(set(used(OneCycle(), max_epochs=1))) == 5


@pytest.mark.parametrize("typo", ["5steps", "5 step", "5epochs", "step"])
def test_lightning_9475_a_typo_is_no_unit(typo: str) -> None:
    with pytest.raises(ValueError, match="warmup must be a duration such as '5ep'"):
        ScheduleLR(Cosine(), warmup=typo)


def test_lightning_9475_an_unknown_option_is_no_option() -> None:
    with pytest.raises(TypeError, match="interval"):
        ScheduleLR(Cosine(), interval="steps")  # type: ignore[call-arg]


@pytest.mark.parametrize("window", [1, 2, 5])
def test_lightning_12894_2817_2242_831_5631_timm_1235_accumulation_does_not_hurry_the_cosine(window: int) -> None:
    total = -(-5 // window) * 4
    rates = used(Cosine(), accumulate_grad_batches=window, max_epochs=4)
    assert rates == declared(Cosine(), total)
    assert rates[total // 2] == pytest.approx(0.5), "half the run is half the run"


def test_lightning_21491_changing_accumulation_ends_where_it_should() -> None:
    rates = used(Linear(), GradientAccumulationScheduler({1: 2, 2: 5}), max_epochs=3)
    assert rates == declared(Linear(), 5 + 3 + 1)


def test_lightning_21534_accumulation_changed_by_step_never_raises_the_rate_again() -> None:
    class Accumulates(pl.Callback):
        def on_train_batch_start(self, trainer: pl.Trainer, *_: Any) -> None:
            trainer.accumulate_grad_batches = 1 if trainer.global_step >= 2 else 2

    rates = used(Linear(), Accumulates(), accumulate_grad_batches=2)
    assert rates == [*declared(Linear(), 6), *[0.0] * (len(rates) - 6)], "more steps than planned stay at the end"


def test_lightning_21808_accumulation_longer_than_the_epoch() -> None:
    with pytest.raises(ValueError, match="accumulate_grad_batches must be at most the 5 batches of an epoch, got 8"):
        used(Cosine(), accumulate_grad_batches=8)


def test_lightning_19684_max_steps_with_a_dropped_last_batch() -> None:
    model = Classifier(lr=1.0)
    data = loader(11, drop_last=True)
    trainer(max_steps=7, callbacks=[ScheduleLR(Linear())]).fit(model, data)
    assert model.rates == declared(Linear(), 7)
    model = Classifier(lr=1.0)
    trainer(max_epochs=2, callbacks=[ScheduleLR(Linear())]).fit(model, data)
    assert model.rates == declared(Linear(), 10)


def test_lightning_11599_solo_learn_264_271_a_length_has_its_unit() -> None:
    in_epochs, in_steps = used(StepDecay("1ep"), max_epochs=3), used(StepDecay("5step"), max_epochs=3)
    assert in_epochs == in_steps == pytest.approx([1.0] * 5 + [0.1] * 5 + [0.01] * 5)


def test_bolts_716_cycles_cycle() -> None:
    rates = used(CosineRestarts(5))
    assert [step for step, rate in enumerate(rates) if rate == 1.0] == [0, 5]
    assert rates == declared(CosineRestarts(5), 10)


@pytest.mark.parametrize("warmup", [10, "2ep", "1run", 11])
def test_litgpt_1393_warmup_as_long_as_the_run(warmup: int | str) -> None:
    with pytest.raises(ValueError, match="warmup must be shorter than the run of 10 steps"):
        used(Cosine(), warmup=warmup)


# Warmup, and schedules in a row.


def test_lightning_328_17972_pytorch_warmup_8_the_first_step_has_the_first_rate_of_the_warmup() -> None:
    assert used(Cosine(), warmup=5)[:6] == pytest.approx([0.2, 0.36, 0.52, 0.68, 0.84, 1.0])


def test_lightning_4902_2934_two_hands_on_the_rate_are_refused() -> None:
    class Recipe(Classifier):
        def optimizer_step(self, epoch: int, batch_idx: int, optimizer: Any, closure: Any = None) -> None:
            optimizer.step(closure=closure)
            optimizer.param_groups[0]["lr"] = 0.1 * (batch_idx + 1)  # the warmup of the old documentation

    model = Recipe()
    with pytest.raises(RuntimeError, match=r"lr of group 0 must be left to it, got 0\.1 where it wrote") as caught:
        trainer(max_epochs=1, callbacks=[ScheduleLR(Linear())]).fit(model, loader())
    assert str(caught.value).endswith("Remove what else sets it.")
    assert len(model.rates) == 2, "found at the next step"


def test_lightning_10759_7553_warmup_then_plateau() -> None:
    model = Watched(VALUES)
    schedule = ScheduleLR(Constant(), warmup=2, plateau=Plateau("val_loss", factor=0.5, patience=0))
    trainer(max_epochs=3, callbacks=[schedule]).fit(model, loader(), loader(2))
    assert [lr for lr, _ in model.used["lr"]] == pytest.approx([0.05, 0.075] + [0.1] * 8 + [0.05] * 5)


@RESUMING
@pytest.mark.parametrize(
    "spec", [Cosine(), Milestones([3, 6]), Join([Linear(0.5), Cosine()], [4])], ids=["Cosine", "Milestones", "Join"]
)
def test_torch_29697_60265_67586_lightning_4655_5486_1772_no_step_late_after_a_resume(
    spec: ScheduleSpec, tmp_path: Path
) -> None:
    keep = ModelCheckpoint(tmp_path, filename="{step}", every_n_train_steps=1, save_top_k=-1)
    whole = used(spec, keep, warmup=2, enable_checkpointing=True)
    for done in (1, 4, 5, 9):
        model = Classifier(lr=1.0)
        trainer(max_epochs=2, callbacks=[ScheduleLR(spec, warmup=2)]).fit(
            model, loader(), ckpt_path=tmp_path / f"step={done}.ckpt", weights_only=True
        )
        assert model.rates == whole[done:]


def test_torch_119168_making_a_schedule_changes_no_optimizer() -> None:
    model = Classifier(lr=1.0)
    ScheduleLR(Join([Linear(0.5), Cosine()], [4]), warmup=2)
    assert model.configure_optimizers().param_groups[0]["lr"] == 1.0


def test_lightning_4815_6379_12169_optimizers_have_clocks_of_their_own() -> None:
    model = Recording(every=2)
    schedule = ScheduleLR([Linear(), Cosine()], total_steps=[10, 4])
    trainer(max_epochs=2, callbacks=[schedule]).fit(model, loader())
    assert model.used[0] == pytest.approx([0.1 * factor for factor in declared(Linear(), 10)])
    assert model.used[1] == declared(Cosine(), 4)


# Mixed precision.


def test_torch_44511_67590_a_skipped_first_step_warns_of_nothing() -> None:
    class FirstOverflows(Overflows):
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            return super().training_step(batch, 1 if batch_idx == 0 else 0)

    scaler = torch.amp.GradScaler("cpu", init_scale=1.0)
    model = FirstOverflows()
    plugin = MixedPrecision("16-mixed", "cpu", scaler)
    schedule = ScheduleLR(Linear())
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.filterwarnings("ignore", message=".*does not have many workers|The number of training batches")
        trainer(max_epochs=1, callbacks=[schedule], plugins=[plugin]).fit(model, loader())
    assert schedule._clock.steps == [4]


# Resume.


@RESUMING
def test_lightning_12812_17539_18588_after_a_resume_the_rate_still_moves(tmp_path: Path) -> None:
    keep = ModelCheckpoint(tmp_path, filename="last")
    used(Linear(), keep, max_epochs=1, enable_checkpointing=True)
    model = Classifier(lr=1.0)
    run = trainer(max_epochs=2, callbacks=[ScheduleLR(Linear())])
    run.fit(model, loader(), ckpt_path=tmp_path / "last.ckpt", weights_only=True)
    assert model.rates == declared(Linear(), 10)[5:]
    assert run.optimizers[0].param_groups[0]["lr"] == 0.0


@RESUMING
def test_lightning_20495_validation_every_second_epoch(tmp_path: Path) -> None:
    class Half(Validated):
        def validation_step(self, batch: Any, batch_idx: int) -> None:
            self.log("val_loss", 1.0)

    def run(*callbacks: pl.Callback, **options: Any) -> Half:
        model = Half(lr=1.0)
        ours = trainer(
            max_epochs=4,
            callbacks=[ScheduleLR(Linear()), *callbacks],
            check_val_every_n_epoch=2,
            enable_checkpointing=bool(callbacks),
        )
        ours.fit(model, loader(), loader(2), **options)
        return model

    whole = run(ModelCheckpoint(tmp_path, filename="{step}", monitor="val_loss", save_top_k=-1))
    resumed = run(ckpt_path=tmp_path / "step=10.ckpt", weights_only=True)
    assert whole.rates == declared(Linear(), 20)
    assert resumed.rates == declared(Linear(), 20)[10:]


@RESUMING
def test_lightning_4111_1182_5325_interrupted_in_an_epoch(tmp_path: Path) -> None:
    class Stops(pl.Callback):
        def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
            if trainer.global_step == 3:
                trainer.save_checkpoint(tmp_path / "interrupted.ckpt")
                raise KeyError("power cut")

    with pytest.raises(KeyError, match="power cut"):
        used(Linear(), Stops())
    model = Classifier(lr=1.0)
    trainer(max_epochs=2, callbacks=[ScheduleLR(Linear())]).fit(
        model, loader(), ckpt_path=tmp_path / "interrupted.ckpt", weights_only=True
    )
    assert model.rates == declared(Linear(), 10)[3:]


@RESUMING
def test_composer_3154_a_changed_rate_is_not_ignored_on_resume(tmp_path: Path) -> None:
    keep = ModelCheckpoint(tmp_path, filename="last")
    used(Linear(), keep, max_epochs=1, enable_checkpointing=True)
    model = Classifier(lr=0.5)
    trainer(max_epochs=2, callbacks=[ScheduleLR(Linear())]).fit(
        model, loader(), ckpt_path=tmp_path / "last.ckpt", weights_only=True
    )
    assert model.rates == [0.5 * factor for factor in declared(Linear(), 10)[5:]]


@RESUMING
def test_composer_3725_resumed_again_and_again(tmp_path: Path) -> None:
    path, rates = None, []
    for epochs in range(1, 5):
        model = Classifier(lr=1.0)
        keep = ModelCheckpoint(tmp_path / f"{epochs}", filename="last")
        schedule = ScheduleLR(Linear(), total_steps=20)
        run = trainer(max_epochs=epochs, callbacks=[schedule, keep], enable_checkpointing=True)
        run.fit(model, loader(), ckpt_path=path, weights_only=True if path else None)
        rates += model.rates
        path = tmp_path / f"{epochs}" / "last.ckpt"
    assert rates == declared(Linear(), 20)
