"""Verdicts: every short history against a slow loop, mirrored, cut, and against Lightning's own EarlyStopping."""

import math
from fractions import Fraction
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from lightning.pytorch.callbacks import EarlyStopping

from lightning_regkit.stopping import Moment, StoppingLimits, StoppingRule, StoppingState, StopReason, Verdict, judge
from tests.stopping.references import moments, slowly, stream

NAN, INF = math.nan, math.inf
#: Three values, of which two differ by less than min_delta, and NaN.
ALPHABET = (0.0, 1.0, 1.25, NAN)
RULES = [
    StoppingRule("max", 2),
    StoppingRule("min", 3, 0.25, StoppingLimits(min_epochs=4, check_finite=False)),
    StoppingRule("max", 0, 0.5, StoppingLimits(min_steps=30, target=1.25, divergence=0.5)),
]

values = st.lists(st.sampled_from((*ALPHABET, -1.0, 0.5, INF, -INF)), min_size=1, max_size=30)
bounds = st.none() | st.sampled_from((-0.5, 0.5, 1.25))


@st.composite
def rules(draw: Any) -> StoppingRule:
    mode, bound = draw(st.sampled_from(("min", "max"))), draw(bounds)
    other = None if bound is None else draw(st.none() | st.just(bound + 0.25))
    target, divergence = (bound, other) if mode == "min" else (other, bound)
    limits = StoppingLimits(
        min_epochs=draw(st.integers(0, 6)),
        min_steps=draw(st.integers(0, 60)),
        target=target,
        divergence=divergence,
        check_finite=draw(st.booleans()),
    )
    return StoppingRule(mode, draw(st.integers(0, 6)), draw(st.sampled_from((0.0, 0.25, 0.5))), limits)


def check(rule: StoppingRule, history: list[float], verdict: Verdict) -> None:
    expected = slowly(rule, history)
    assert verdict.is_best == (expected.best == len(history) - 1)
    assert verdict.state.best == (None if expected.best is None else history[expected.best])
    assert verdict.state.best_at.checks == (0 if expected.best is None else expected.best + 1)
    assert (verdict.stop.reason.value if verdict.stop else None) == expected.reason


def check_all(rule: StoppingRule, history: list[float], state: StoppingState, length: int) -> int:
    """Check every history of up to ``length`` values that begins with this one; return how many there are."""
    count = 0
    at = Moment(Fraction(len(history) + 1), 10 * len(history) + 10)
    for value in ALPHABET if len(history) < length else ():
        longer, verdict = [*history, value], judge(rule, state, value, at)
        check(rule, longer, verdict)
        count += 1 + check_all(rule, longer, verdict.state, length)
    return count


@pytest.mark.parametrize("rule", RULES, ids=["plain", "delta", "bounds"])
def test_every_history_up_to_eight_values(rule: StoppingRule) -> None:
    assert check_all(rule, [], StoppingState(), 8) == sum(len(ALPHABET) ** length for length in range(1, 9))


@given(rules(), values)
def test_long_histories(rule: StoppingRule, history: list[float]) -> None:
    check(rule, history, stream(rule, history)[-1])


@given(rules(), values)
def test_min_is_max_in_a_mirror(rule: StoppingRule, history: list[float]) -> None:
    limits = rule.limits
    mirrored = StoppingRule(
        "max" if rule.mode == "min" else "min",
        rule.patience,
        rule.min_delta,
        StoppingLimits(
            limits.min_epochs,
            limits.min_steps,
            limits.start_after,
            None if limits.target is None else -limits.target,
            None if limits.divergence is None else -limits.divergence,
            limits.check_finite,
        ),
    )
    for one, other in zip(stream(rule, history), stream(mirrored, [-value for value in history]), strict=True):
        assert one.is_best == other.is_best
        assert (one.stop and one.stop.reason) == (other.stop and other.stop.reason)
        assert one.state.since == other.state.since


@given(rules(), values, st.integers(0, 30))
def test_a_stream_may_be_cut_and_gone_on_with(rule: StoppingRule, history: list[float], cut: int) -> None:
    state = StoppingState()
    for index, (value, at) in enumerate(zip(history, moments(len(history)), strict=True)):
        if index == cut:
            state = StoppingState.from_plain(state.plain())
        state = judge(rule, state, value, at).state
    assert repr(state) == repr(stream(rule, history)[-1].state)


@given(rules(), values)
def test_nan_is_never_the_best(rule: StoppingRule, history: list[float]) -> None:
    for value, verdict in zip(history, stream(rule, history), strict=True):
        assert not (math.isnan(value) and verdict.is_best)
        assert verdict.state.best is None or not math.isnan(verdict.state.best)


@given(
    st.lists(st.floats(-5, 5, width=32), min_size=1, max_size=20), st.integers(1, 5), st.sampled_from(("min", "max"))
)
def test_without_bounds_it_stops_where_lightning_does(history: list[float], patience: int, mode: Any) -> None:
    theirs = EarlyStopping("m", patience=patience, mode=mode)
    for value, verdict in zip(history, stream(StoppingRule(mode, patience), history), strict=True):
        stops, _ = theirs._evaluate_stopping_criteria(torch.tensor(value))
        assert (verdict.stop is not None) == stops
        assert verdict.state.best == theirs.best_score


@pytest.mark.parametrize(
    ("patience", "stopped_at"), [("2ep", Fraction(13, 4)), ("150step", Fraction(11, 4)), (3, Fraction(2))]
)
def test_patience_in_each_unit_with_four_checks_an_epoch(patience: int | str, stopped_at: Fraction) -> None:
    rule, state = StoppingRule("max", patience), StoppingState()
    for quarter in range(1, 40):  # the best is at one epoch and a quarter
        at = Moment(Fraction(quarter, 4), 25 * quarter)
        verdict = judge(rule, state, float(quarter if quarter <= 5 else 0), at)
        state = verdict.state
        if verdict.stop:
            break
    assert at.epochs == stopped_at


def test_a_stop_before_min_epochs_is_not_remembered() -> None:
    # Lightning latches the stop: with these values it ends as soon as its min_epochs are over, improving or not.
    rule = StoppingRule("max", 2, limits=StoppingLimits(min_epochs=8))
    history = [0.5, 0.4, 0.4, *(0.6 + epoch / 100 for epoch in range(7))]
    assert [verdict.stop for verdict in stream(rule, history)] == [None] * 10
    stopped = stream(rule, [0.5, *[0.4] * 7])
    assert [bool(verdict.stop) for verdict in stopped] == [False] * 7 + [True]


@pytest.mark.parametrize("start_after", ["3ep", "30step", 3])
def test_waiting_starts_after_the_warmup(start_after: int | str) -> None:
    rule = StoppingRule("max", 2, limits=StoppingLimits(start_after=start_after, divergence=0.1))
    falling = [0.9, 0.05, 0.5, 0.5, 0.5, 0.5]
    verdicts = stream(rule, falling)
    assert [bool(verdict.stop) for verdict in verdicts] == [False] * 4 + [True, True]
    assert verdicts[0].is_best, "the best is judged all the time"
    assert verdicts[-1].state.best == 0.9
    assert stream(rule, [0.9, 0.8, 0.05])[-1].stop, "where it ends, limits hold"


def test_moments_count_their_own_checks() -> None:
    first = judge(StoppingRule("max", 2), StoppingState(), 1.0, Moment(Fraction(1), 10, checks=77))
    assert first.state.last_at.checks == 1


def test_worked_reasons() -> None:
    limits = StoppingLimits(target=0.9, divergence=0.1)
    for value, reason in ((0.9, "TARGET"), (0.95, "TARGET"), (0.0999, "DIVERGENCE"), (NAN, "NOT_FINITE")):
        stop = stream(StoppingRule("max", 5, limits=limits), [0.5, value])[-1].stop
        assert stop is not None
        assert stop.reason is StopReason[reason]
    assert stream(StoppingRule("max", 5, limits=limits), [0.5, 0.1])[-1].stop is None
