"""A run that never runs: the numbers torch's LambdaLR would write, epochs, refusals."""

import re

import pytest
from torch.optim.lr_scheduler import LambdaLR

from lightning_regkit.errors import UnknownTotalError
from lightning_regkit.schedules import (
    Constant,
    Cosine,
    Horizon,
    Linear,
    Milestones,
    OneCycle,
    ScheduleSpec,
    compose,
    simulate,
)
from tests.schedules.references import torch_factors


def test_worked_values() -> None:
    assert simulate(Linear(), total_steps=1) == (1.0, 0.0)
    assert simulate(Linear(), total_steps=4, warmup=2) == (0.5, 0.75, 1.0, 0.5, 0.0)
    assert simulate(Linear(), total_steps=4, warmup="0.5run", start_factor=0.0) == (0.0, 0.5, 1.0, 0.5, 0.0)
    assert simulate(Milestones(["1ep", "2ep"], 0.5), total_steps=7, steps_per_epoch=3) == (
        1,
        1,
        1,
        0.5,
        0.5,
        0.5,
        0.25,
        0.25,
    )


def test_a_run_may_be_shorter_than_an_epoch() -> None:
    assert simulate(Constant(), total_steps=3, warmup="0.2ep", start_factor=0.5, steps_per_epoch=10) == (
        0.5,
        0.75,
        1,
        1,
    )


@pytest.mark.parametrize("spec", [Constant(), Cosine(0.1), Milestones(["3ep", "0.5run"])])
@pytest.mark.parametrize("steps_per_epoch", [7, 10])
def test_it_is_what_an_optimizer_would_be_given_and_the_end(spec: ScheduleSpec, steps_per_epoch: int) -> None:
    horizon = Horizon(total_steps=100, epoch_ends=tuple(steps_per_epoch * k for k in range(1, 101)))
    schedule = compose(spec, horizon, warmup="1.5ep", start_factor=0.2)
    theirs = torch_factors(lambda optimizer: LambdaLR(optimizer, schedule), 101)
    factors = simulate(spec, total_steps=100, warmup="1.5ep", start_factor=0.2, steps_per_epoch=steps_per_epoch)
    assert list(factors) == theirs


@pytest.mark.parametrize("argument", ["total_steps", "steps_per_epoch"])
@pytest.mark.parametrize(("value", "error"), [(0, ValueError), (2.5, TypeError)])
def test_a_number_that_does_not_count_is_refused(argument: str, value: int, error: type[Exception]) -> None:
    text = f"schedules.simulate: {argument} must be a positive integer, got {value!r}."
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        simulate(Cosine(), **{"total_steps": 10, argument: value})


def test_what_a_run_would_refuse_is_refused() -> None:
    with pytest.raises(UnknownTotalError, match=r"^ScheduleLR: warmup must be in steps where the length of the epoch"):
        simulate(Cosine(), total_steps=10, warmup="1ep")
    with pytest.raises(ValueError, match=r"^ScheduleLR: warmup must be shorter than the run of 10 steps, got 10\."):
        simulate(Cosine(), total_steps=10, warmup=10)
    with pytest.raises(ValueError, match=r"^OneCycle: the warmup must be 0 steps, got 1\."):
        simulate(OneCycle(), total_steps=10, warmup=1)
