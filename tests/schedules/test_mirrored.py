"""A schedule upside down: by hand, and against the momentum of torch's OneCycleLR."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.optim import SGD
from torch.optim.lr_scheduler import OneCycleLR

from lightning_regkit.schedules import Constant, Horizon, Mirrored, OneCycle, constant, linear, mirrored


def test_by_hand() -> None:
    schedule = mirrored(linear(total_steps=4), 0.5)
    assert [schedule(step) for step in range(6)] == [0.5, 0.625, 0.75, 0.875, 1.0, 1.0]
    schedule = mirrored(linear(total_steps=4), 0.0)
    assert [schedule(step) for step in range(6)] == [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]
    assert mirrored(linear(total_steps=4), 1.0)(0) == 1.0
    assert mirrored(constant())(3) == 0.85 / 0.95


@given(st.floats(0, 1))
def test_both_ends_are_exact(low: float) -> None:
    schedule = mirrored(linear(total_steps=1), low)
    assert schedule(0) == low
    assert schedule(1) == 1.0


@given(st.floats(0, 1), st.floats(0, 1))
def test_between_the_ends_and_twice_is_as_before(low: float, factor: float) -> None:
    def schedule(step: int) -> float:
        return factor

    assert low <= mirrored(schedule, low)(0) <= 1
    assert mirrored(mirrored(schedule, 0.0), 0.0)(0) == pytest.approx(factor)


@pytest.mark.parametrize("shape", ["cosine", "linear"])
@pytest.mark.parametrize("is_three_phase", [False, True])
def test_momentum_equals_that_of_torch(shape: str, is_three_phase: bool) -> None:
    total, peak = 20, 5
    optimizer = SGD([nn.Parameter(torch.zeros(1))], lr=1.0, momentum=0.95)
    scheduler = OneCycleLR(
        optimizer,
        max_lr=1.0,
        total_steps=total + 1,
        pct_start=(peak + 1) / (total + 1),
        anneal_strategy="cos" if shape == "cosine" else "linear",
        three_phase=is_three_phase,
    )
    theirs = []
    for _ in range(total + 1):
        theirs.append(optimizer.param_groups[0]["momentum"])
        optimizer.step()
        scheduler.step() if len(theirs) <= total else None
    turns = [peak, 2 * peak] if is_three_phase else [peak]
    spec = Mirrored(OneCycle(turns, start_factor=0.0, final_factor=0.0, shape=shape))
    ours = spec.build(Horizon(total_steps=total))
    assert [0.95 * ours(step) for step in range(total + 1)] == pytest.approx(theirs, rel=1e-12)
    assert min(theirs) == pytest.approx(0.85)


def test_describe() -> None:
    text = Mirrored(Constant()).describe(Horizon(total_steps=9))
    assert text == "Mirrored: x1 at 0 and x0.895 at 1 of (Constant: x1 from step 0 on)"


def test_refusals() -> None:
    for low, kind in ((1.5, ValueError), (-0.1, ValueError), (math.nan, ValueError), ("0", TypeError)):
        for make, owner in ((mirrored, "schedules.mirrored"), (Mirrored, "Mirrored")):
            with pytest.raises(kind) as caught:
                make(constant() if make is mirrored else Constant(), low)
            assert str(caught.value) == f"{owner}: low must be a number in [0, 1], got {low!r}."
    with pytest.raises(TypeError) as caught:
        mirrored(Constant())
    assert str(caught.value) == (
        "schedules.mirrored: schedule must be a function of the step, got Constant(). "
        "For a spec, write Mirrored(spec, low)."
    )
    with pytest.raises(TypeError) as caught:
        Mirrored(constant())
    assert str(caught.value).startswith("Mirrored: spec must be a spec of lightning_regkit.schedules, got ")
