"""Reasons in words, and found again under other settings."""

import math
from fractions import Fraction

import pytest

from lightning_regkit.stopping import (
    Moment,
    Stop,
    StoppingLimits,
    StoppingRule,
    StoppingState,
    StopReason,
    Wait,
    reason_to_stop,
)

WAITED = Wait(Fraction(10), "ep")


@pytest.mark.parametrize(
    ("stop", "sentence"),
    [
        (Stop(StopReason.PATIENCE, 0.9, 0.912, WAITED), "val_acc has not improved on 0.912 in 10 epochs"),
        (Stop(StopReason.PATIENCE, 0.9, 0.0, WAITED), "val_acc has not improved on 0 in 10 epochs"),
        (Stop(StopReason.PATIENCE, math.nan, None, WAITED), "val_acc has had no value that is a number in 10 epochs"),
        (Stop(StopReason.TARGET, 0.96, 0.95, WAITED), "val_acc is 0.96 and has reached the target, 0.95"),
        (Stop(StopReason.DIVERGENCE, 0.0, 0.1, WAITED), "val_acc is 0 and has passed the divergence threshold, 0.1"),
        (Stop(StopReason.NOT_FINITE, math.nan, None, WAITED), "val_acc is nan, which is not finite"),
        (Stop(StopReason.NOT_FINITE, -math.inf, None, WAITED), "val_acc is -inf, which is not finite"),
    ],
)
def test_each_reason_is_a_sentence(stop: Stop, sentence: str) -> None:
    assert stop.describe("val_acc") == sentence


def test_before_the_first_value_there_is_none() -> None:
    assert reason_to_stop(StoppingRule("max", 0), StoppingState()) is None


def test_settings_of_now_decide() -> None:
    at, since = Moment(Fraction(5), 50, 5), Moment(Fraction(2), 20, 2)
    state = StoppingState(best=0.8, best_at=since, last=0.7, last_at=at, since=since)
    assert reason_to_stop(StoppingRule("max", 3), state) == Stop(
        StopReason.PATIENCE, 0.7, 0.8, Wait(Fraction(3), "check")
    )
    assert reason_to_stop(StoppingRule("max", 4), state) is None
    assert reason_to_stop(StoppingRule("max", "30step"), state) is not None
    assert reason_to_stop(StoppingRule("max", "31step"), state) is None
    assert reason_to_stop(StoppingRule("max", 3, limits=StoppingLimits(min_epochs=6)), state) is None
    assert reason_to_stop(StoppingRule("max", 3, limits=StoppingLimits(min_steps=51)), state) is None
    assert reason_to_stop(StoppingRule("max", 3, limits=StoppingLimits(start_after=6)), state) is None


@pytest.mark.parametrize(
    ("limits", "value", "reason"),
    [
        (StoppingLimits(target=0.9), 0.9, StopReason.TARGET),
        (StoppingLimits(target=0.9), 0.89, None),
        (StoppingLimits(divergence=0.5), 0.5, None),
        (StoppingLimits(divergence=0.5), 0.49, StopReason.DIVERGENCE),
        (StoppingLimits(), math.nan, StopReason.NOT_FINITE),
        (StoppingLimits(check_finite=False), math.nan, None),
        (StoppingLimits(target=0.9, check_finite=False), math.inf, StopReason.TARGET),
    ],
)
def test_limits_of_the_last_value(limits: StoppingLimits, value: float, reason: StopReason | None) -> None:
    at = Moment(Fraction(5), 50, 5)
    stop = reason_to_stop(StoppingRule("max", 9, limits=limits), StoppingState(0.8, at, value, at, at))
    assert (stop and stop.reason) == reason


def test_an_improvement_never_exhausts_the_patience() -> None:
    at = Moment(Fraction(5), 50, 5)
    state = StoppingState(best=0.8, best_at=at, last=0.8, last_at=at, since=at)
    assert reason_to_stop(StoppingRule("max", 0), state) is None
