import math

import pytest

from lightning_regkit.monitoring import Position, axis_step
from lightning_regkit.monitoring._position import AXES, Axis, Odometer, epochs_done

SOME = Position(step=9, samples=320, epoch=0.5, seconds=2.9)


@pytest.mark.parametrize(("axis", "expected"), [("step", 9), ("samples", 320), ("epoch", 500), ("seconds", 2)])
def test_a_whole_number_stands_for_it_on_every_axis(axis: Axis, expected: int) -> None:
    found = axis_step(SOME, axis)
    assert found == expected
    assert isinstance(found, int)


def test_axes_are_the_fields_of_a_position() -> None:
    assert set(AXES) == {"step", *SOME.fields}
    assert SOME.fields == {"samples": 320, "epoch": 0.5, "seconds": 2.9}


@pytest.mark.parametrize(
    ("epoch", "batches", "num_batches", "expected"),
    [(0, 1, 4, 0.25), (3, 4, 4, 4.0), (2, 5, math.inf, 2.0), (1, 0, 0, 1), (0, 1, 3, 0.333333333)],
)
def test_epochs_done(epoch: int, batches: int, num_batches: float, expected: float) -> None:
    assert epochs_done(epoch, batches, num_batches) == expected


def test_thousandths_of_an_epoch_are_whole_where_it_has_so_many_batches() -> None:
    """In floating point 1.001 * 1000 is below 1001."""
    steps = [axis_step(Position(0, 0, epochs_done(1, batch, 1000), 0.0), "epoch") for batch in range(1, 1001)]
    assert steps == list(range(1001, 2001))


class Clock:
    now_s = 50.0

    def __call__(self) -> float:
        return self.now_s


def test_an_odometer_goes_on_where_the_run_was() -> None:
    clock = Clock()
    odometer = Odometer(clock)
    odometer.start()
    odometer.add(8)
    odometer.add(4)
    clock.now_s += 3
    assert odometer.position(step=1, epoch=0.5) == Position(step=1, samples=12, epoch=0.5, seconds=3.0)
    odometer.start(100, 10.0)
    odometer.add(1)
    clock.now_s += 2
    assert odometer.position(step=2, epoch=1.0) == Position(step=2, samples=101, epoch=1.0, seconds=12.0)


def test_before_a_start_it_stands_at_zero() -> None:
    clock = Clock()
    odometer = Odometer(clock)
    assert (odometer.samples, odometer.seconds) == (0, 0)
