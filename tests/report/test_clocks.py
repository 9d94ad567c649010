"""What else there is to draw over, and from which logs it is known."""

import math
from typing import Any

import pytest

from lightning_regkit.monitoring import Position, axis_step
from lightning_regkit.report import Group, Run, Series
from lightning_regkit.report._clocks import axes_of, clocks, plain_clocks

#: Batches of 32, ten a epoch, half a second each; logged in every second step.
ROWS = tuple(Position(step, 32 * (step + 1), (step + 1) / 10, 0.5 * (step + 1)) for step in range(1, 40, 2))


def center(x_axis: Any = "step", prefix: str = "center") -> Run:
    steps = tuple(axis_step(row, x_axis) for row in ROWS)
    names = ROWS[0].fields
    return Run("a", {f"{prefix}/{name}": Series(steps, tuple(row.fields[name] for row in ROWS)) for name in names})


def lightning(*epochs: int) -> Run:
    return Run("b", {"epoch": Series(tuple(10 * at + 9 for at in range(len(epochs))), tuple(map(float, epochs)))})


@pytest.mark.parametrize("prefix", ["center", "a/b"])
def test_the_command_center_knows_all(prefix: str) -> None:
    found = clocks(center(prefix=prefix))
    assert list(found) == ["epochs", "samples", "seconds"]
    assert found["samples"].steps == (-1, *(row.step for row in ROWS))
    assert found["samples"].values == (0, *(row.samples for row in ROWS))
    assert found["epochs"].values == (0, *(row.epoch for row in ROWS))
    assert found["seconds"].values == (0, *(row.seconds for row in ROWS))


@pytest.mark.parametrize("x_axis", ["samples", "epoch", "seconds"])
def test_rows_over_another_axis_say_nothing_of_steps(x_axis: str) -> None:
    moved = center(x_axis)
    assert clocks(moved) == {}
    assert list(clocks(Run("a", {**moved.series, **lightning(0, 1).series}))) == ["epochs"]


def test_lightnings_epochs_are_done_at_their_last_step() -> None:
    found = clocks(lightning(0, 0, 1, 1, 1, 2))["epochs"]
    assert (found.steps, found.values) == ((-1, 19, 49, 59), (0, 1, 2, 3))


def test_what_the_center_says_of_epochs_is_finer() -> None:
    both = Run("a", {**lightning(0, 0, 1).series, **center().series})
    assert clocks(both)["epochs"] == clocks(center())["epochs"]


def test_a_clock_never_goes_back_and_is_finite() -> None:
    run = Run("a", {"p/samples": Series((1, 2, 3, 4), (8.0, math.nan, 4.0, 16.0))})
    assert clocks(run) == {"samples": Series((-1, 1, 4), (0.0, 8.0, 16.0))}


def test_a_long_clock_is_thinned_and_keeps_its_end() -> None:
    count = 5000
    run = Run("a", {"p/samples": Series(tuple(range(count)), tuple(32.0 * (step + 1) for step in range(count)))})
    found = clocks(run)["samples"]
    assert 400 < len(found.steps) <= 501
    assert (found.steps[0], found.steps[-1]) == (-1, count - 1)
    assert all(value == 32 * (step + 1) for step, value in zip(found.steps, found.values, strict=True))


def test_nothing_is_known_without_logs() -> None:
    assert clocks(Run("a", {"samples": Series((1,), (2.0,)), "p/seconds": Series((1,), (2.0,))})) == {}
    assert clocks(Run("a", {"p/samples": Series((1,), (math.nan,)), "epoch": Series((), ())})) == {}
    assert axes_of([]) == []


def test_axes_are_those_that_every_group_knows() -> None:
    groups = [Group("a", (center(),), ("",)), Group("b", (lightning(0, 1),), ("",)), Group("c", (Run("c", {}),), ("",))]
    assert axes_of(groups[:1]) == ["epochs", "samples", "seconds"]
    assert axes_of(groups) == ["epochs"]
    assert axes_of([*groups, Group("d", (Run("d", {"val_loss": Series((1,), (0.5,))}),), ("",))]) == []


def test_they_are_written_in_plain_values() -> None:
    (found,) = plain_clocks(Group("b", (lightning(0, 1), center()), ("0", "1"))).values()
    assert found == {"x": (-1, 9, 19), "y": [0.0, 1.0, 2.0]}
