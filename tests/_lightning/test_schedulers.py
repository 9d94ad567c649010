"""Schedulers that would write too: refused, or taken out of the run."""

from types import SimpleNamespace
from typing import Any

import pytest
from lightning.pytorch.callbacks import (
    BackboneFinetuning,
    BaseFinetuning,
    LearningRateFinder,
    StochasticWeightAveraging,
    WeightAveraging,
)
from torch.optim import lr_scheduler

from lightning_regkit._lightning import pl
from lightning_regkit._lightning._schedulers import (
    attached_schedulers,
    claim_rates,
    is_among,
    refuse_rivals,
    refuse_schedulers,
)
from tests._lightning.test_rates import two_groups, values_of


def fake_trainer(*schedulers: Any, callbacks: tuple[Any, ...] = ()) -> Any:
    optimizer = schedulers[0].optimizer if schedulers else two_groups()
    configs = [SimpleNamespace(scheduler=scheduler) for scheduler in schedulers]
    return SimpleNamespace(
        optimizers=[optimizer], lr_scheduler_configs=configs, callbacks=list(callbacks), max_epochs=2
    )


def claim(trainer: Any, **options: Any) -> None:
    claim_rates("ScheduleLR", trainer, pl.Callback(), **{"replace_existing": False, **options})


def refusal(trainer: Any, **options: Any) -> str:
    with pytest.raises(ValueError, match="ScheduleLR") as caught:
        claim(trainer, **options)
    return str(caught.value)


def test_no_scheduler_passes() -> None:
    for replace_existing in (False, True):
        claim(fake_trainer(), replace_existing=replace_existing)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lr_scheduler.ReduceLROnPlateau, "ReduceLROnPlateau"),
        (lambda optimizer: lr_scheduler.StepLR(optimizer, 1), "StepLR"),
        (lambda optimizer: lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps=5), "OneCycleLR"),
    ],
)
def test_a_returned_scheduler_is_refused(make: Any, name: str) -> None:
    assert refusal(fake_trainer(make(two_groups()))) == (
        f"ScheduleLR: configure_optimizers must make no learning-rate scheduler, got '{name}'. "
        "Return the optimizer alone, pass replace_existing=True, or remove ScheduleLR."
    )


def test_a_scheduler_kept_aside_is_refused() -> None:
    trainer = fake_trainer()
    assert attached_schedulers(trainer.optimizers) == []
    lr_scheduler.StepLR(trainer.optimizers[0], 1)
    assert attached_schedulers(trainer.optimizers) == ["a torch scheduler attached to the optimizer"]
    assert "got 'a torch scheduler attached to the optimizer'. Return" in refusal(trainer)
    with pytest.raises(ValueError, match="got 'one'"):
        refuse_schedulers("ScheduleLR", ["one", "two"])


@pytest.mark.usefixtures("logs_of_lightning")
def test_schedulers_are_taken_out_of_the_run(caplog: pytest.LogCaptureFixture) -> None:
    trainer = fake_trainer(lr_scheduler.LinearLR(two_groups()))
    configs = trainer.lr_scheduler_configs
    claim(trainer, replace_existing=True)
    assert configs == [], "the list that Lightning reads, and no other"
    assert caplog.messages[-1] == "ScheduleLR: drives the rates in place of LinearLR."


@pytest.mark.parametrize(
    ("make", "is_returned"),
    [
        (lambda optimizer: lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps=5), True),
        (lambda optimizer: lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps=5, cycle_momentum=False), False),
        (lambda optimizer: lr_scheduler.CyclicLR(optimizer, 0.1, 1.0), False),
        (lambda optimizer: lr_scheduler.CyclicLR(optimizer, 0.1, 1.0, cycle_momentum=False), True),
    ],
    ids=["OneCycleLR returned", "OneCycleLR aside", "CyclicLR aside", "CyclicLR returned"],
)
def test_those_that_overwrite_the_rates_leave_none_to_start_from(make: Any, is_returned: bool) -> None:
    scheduler = make(two_groups())
    trainer = fake_trainer(scheduler)
    if not is_returned:
        trainer.lr_scheduler_configs.clear()
    found = type(scheduler).__name__ if is_returned else "a torch scheduler attached to the optimizer"
    assert values_of(scheduler.optimizer) != [0.1, 0.01]
    assert refusal(trainer, replace_existing=True) == (
        "ScheduleLR: configure_optimizers must make no learning-rate scheduler that overwrites the rates it finds, "
        f"got {found!r}. Return the optimizer alone."
    )


def test_the_finder_and_a_scheduler_leave_two_rates_to_start_from() -> None:
    trainer = fake_trainer(lr_scheduler.LinearLR(two_groups()), callbacks=(LearningRateFinder(),))
    assert refusal(trainer, replace_existing=True) == (
        "ScheduleLR: configure_optimizers must make no learning-rate scheduler where LearningRateFinder sets the rate, "
        "got 'LinearLR'. Return the optimizer alone."
    )


def test_the_place_in_the_list() -> None:
    ours, other = pl.Callback(), BaseFinetuning()
    assert is_among(fake_trainer(callbacks=(ours, other)), "BaseFinetuning")
    assert not is_among(fake_trainer(callbacks=(ours, other)), "BaseFinetuning", before=ours)
    assert is_among(fake_trainer(callbacks=(other, ours)), "BaseFinetuning", before=ours)
    claim_rates("ScheduleLR", fake_trainer(callbacks=(ours, other)), ours, replace_existing=False)
    with pytest.raises(ValueError, match="position") as caught:
        claim_rates("ScheduleLR", fake_trainer(callbacks=(other, ours)), ours, replace_existing=False)
    assert str(caught.value) == (
        "ScheduleLR: position must be before that of BaseFinetuning, got 'a later one'. "
        "On resume it puts back groups with the rates in use then."
    )


def test_callbacks_that_set_rates_late_in_the_run_are_refused_at_its_start() -> None:
    def refused(*callbacks: Any, **changed: Any) -> str:
        ours = pl.Callback()
        trainer = fake_trainer(callbacks=(ours, *callbacks))
        vars(trainer).update(changed)
        with pytest.raises(ValueError, match="ScheduleLR: callbacks") as caught:
            refuse_rivals("ScheduleLR", trainer, ours)
        with pytest.raises(ValueError, match="ScheduleLR: callbacks"):
            claim_rates("ScheduleLR", trainer, ours, replace_existing=True)
        return str(caught.value)

    assert refused(StochasticWeightAveraging(0.1)) == (
        "ScheduleLR: callbacks must leave the rates to it, got 'StochasticWeightAveraging'. "
        "It sets rates of its own from swa_epoch_start on; WeightAveraging averages without."
    )
    backbone = BackboneFinetuning(3)
    for max_epochs in (5, -1, None):
        assert refused(backbone, max_epochs=max_epochs) == (
            "ScheduleLR: callbacks must leave the rates to it, got 'BackboneFinetuning'. "
            "It sets the rate of its group in every epoch after the first; BaseFinetuning only adds the group."
        )
    for others, max_epochs in (((backbone,), 4), ((BaseFinetuning(), WeightAveraging()), 5)):
        ours = pl.Callback()
        trainer = fake_trainer(callbacks=(ours, *others))
        trainer.max_epochs = max_epochs
        refuse_rivals("ScheduleLR", trainer, ours)


def test_torch_names_what_the_claim_looks_for() -> None:
    optimizer = two_groups()
    lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps=5)
    assert {"initial_lr", "max_lr", "max_momentum"} <= set(optimizer.param_groups[0])
