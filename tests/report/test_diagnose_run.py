"""Curves of logs, put on one clock for ``tuning.diagnose``."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_regkit.report import Run, Series, diagnose_run
from lightning_regkit.report._diagnose_run import at_checks
from lightning_regkit.tuning import Curves, diagnose

EPOCHS = 30
FALLING = tuple(2.3 * 0.8**epoch for epoch in range(EPOCHS))
RISING = tuple(0.9 - 0.8 * 0.8**epoch for epoch in range(EPOCHS))
ENDS = tuple(10 * epoch + 9 for epoch in range(EPOCHS))
STEPS = st.sets(st.integers(0, 40), min_size=1).map(sorted).map(tuple)


def said(**curves: tuple[float, ...]) -> str:
    return diagnose(Curves(**curves)).sentence


def shifted(values: tuple[float, ...], by: float) -> tuple[float, ...]:
    return tuple(value + by for value in values)


def test_curves_of_epochs_are_judged_as_they_are() -> None:
    curves = {"train_loss": FALLING, "val_loss": shifted(FALLING, 1.0), "train_acc": RISING, "val_acc": RISING}
    run = Run("a", {name: Series(ENDS, values) for name, values in curves.items()})
    assert diagnose_run(run) == said(**curves)


def test_a_wide_gap_is_seen() -> None:
    run = Run("a", {"Loss/train": Series(ENDS, FALLING), "Loss/valid": Series(ENDS, shifted(FALLING, 1.0))})
    assert diagnose_run(run) == said(train_loss=FALLING, val_loss=shifted(FALLING, 1.0))
    assert diagnose_run(run) != said(train_loss=FALLING)


def test_training_logged_in_steps_is_averaged_between_checks() -> None:
    steps = tuple(range(10 * EPOCHS))
    values = tuple(FALLING[step // 10] + (1 if step % 2 else -1) for step in steps)
    run = Run("a", {"train_loss": Series(steps, values), "val_loss": Series(ENDS, shifted(FALLING, 1.0))})
    expected = tuple(sum(values[10 * epoch : 10 * epoch + 10]) / 10 for epoch in range(EPOCHS))
    assert diagnose_run(run) == said(train_loss=expected, val_loss=shifted(FALLING, 1.0))


def test_long_curves_are_judged_by_their_means() -> None:
    values = tuple(3.0 + 0.5 * (step % 2) - step / 1000 for step in range(2000))
    means = tuple(sum(values[start : start + 10]) / 10 for start in range(0, 2000, 10))
    assert diagnose_run(Run("a", {"loss": Series(tuple(range(2000)), values)})) == said(train_loss=means)
    assert said(train_loss=means) != said(train_loss=values)


def test_checks_without_a_value_of_every_curve_are_left_out() -> None:
    run = Run("a", {"train_loss": Series(ENDS[3:], FALLING[3:]), "val_loss": Series(ENDS, shifted(FALLING, 1.0))})
    assert diagnose_run(run) == said(train_loss=FALLING[3:], val_loss=shifted(FALLING, 1.0)[3:])
    run = Run("a", {"train_loss": Series(ENDS, FALLING), "val_acc": Series(ENDS[5:], RISING[5:])})
    assert diagnose_run(run) == said(train_loss=FALLING[5:], val_acc=RISING[5:])
    apart = Run("a", {"train_loss": Series((500,), (1.0,)), "val_loss": Series((9,), (1.0,))})
    assert diagnose_run(apart) == ""


def test_what_is_not_finite_is_not_averaged_away() -> None:
    values = (*FALLING[:-1], math.inf)
    assert diagnose_run(Run("a", {"loss": Series(ENDS, values)})).startswith("train_loss is nan at check 29")


def test_percents_are_left_out() -> None:
    percents = tuple(100 * value for value in RISING)
    run = Run("a", {"train_loss": Series(ENDS, FALLING), "train_acc": Series(ENDS, percents)})
    assert diagnose_run(run) == said(train_loss=FALLING)


def test_of_several_losses_the_shortest_name_counts() -> None:
    worse = Series(ENDS, (1.0,) * EPOCHS)
    run = Run("a", {"center/train_loss": worse, "train_loss": Series(ENDS, FALLING), "train_loss_step": worse})
    assert diagnose_run(run) == said(train_loss=FALLING)


@pytest.mark.parametrize("name", ["val_loss", "train_acc", "lr"])
def test_without_a_training_loss_nothing_is_said(name: str) -> None:
    assert diagnose_run(Run("a", {name: Series(ENDS, FALLING)})) == ""


@given(STEPS, STEPS)
def test_checks_have_the_mean_since_the_check_before(steps: tuple[int, ...], checks: tuple[int, ...]) -> None:
    series = Series(steps, tuple(float(step * step) for step in steps))
    expected: dict[int, list[float]] = {}
    for step, value in zip(series.steps, series.values, strict=True):  # the slow way
        later = [check for check in checks if check >= step]
        if later:
            expected.setdefault(later[0], []).append(value)
    found = at_checks(series, Series(checks, (0.0,) * len(checks)))
    assert found == pytest.approx({check: sum(values) / len(values) for check, values in expected.items()})
