"""The table before the first step: whole tables by hand, refusals."""

import pytest

from lightning_regkit.errors import UnknownTotalError
from lightning_regkit.schedules import (
    Constant,
    Cosine,
    CosineRestarts,
    Horizon,
    Milestones,
    Scaled,
    ScheduleSpec,
    table,
)

HORIZON = Horizon(total_steps=90, epoch_ends=tuple(range(10, 91, 10)))


@pytest.mark.parametrize(
    ("spec", "horizon", "warmup", "start_factor", "lines"),
    [
        (
            Milestones(["3ep", "6ep", "9ep"]),
            HORIZON,
            "2ep",
            None,
            [
                "total steps  90",
                "warmup       x0.05 at step 0, straight to x1 at step 20 (2ep)",
                "schedule     Milestones: x0.1 at step 30 (3ep), 60 (6ep); never reached: step 90 (9ep), "
                "the end of the run",
                "last step    x0.01 at step 89",
            ],
        ),
        (
            CosineRestarts(20, cycle_mult=2),
            Horizon(total_steps=60),
            0,
            None,
            [
                "total steps  60",
                "warmup       none",
                "schedule     CosineRestarts: x1 at step 0, restarts at step 20 (x1), to x0 at step 60, "
                "the end of the run",
                "last step    x0.00154 at step 59",
            ],
        ),
        (
            Scaled(Constant(), 0.5),
            Horizon(total_steps=None),
            4,
            0.0,
            [
                "total steps  unknown",
                "warmup       x0 at step 0, straight to x0.5 at step 4",
                "schedule     Scaled: x0.5 times (Constant: x1 from step 4 on)",
                "last step    unknown",
            ],
        ),
        (
            Cosine(final_factor=0.1),
            Horizon(total_steps=1),
            "0ep",
            None,
            [
                "total steps  1",
                "warmup       none",
                "schedule     Cosine: x1 at step 0, curving to x0.1 at step 1, the end of the run",
                "last step    x1 at step 0",
            ],
        ),
    ],
)
def test_worked_tables(
    spec: ScheduleSpec, horizon: Horizon, warmup: str | int, start_factor: float | None, lines: list[str]
) -> None:
    known = Horizon(horizon.total_steps, horizon.epoch_ends or (10,))
    assert table(spec, known, warmup=warmup, start_factor=start_factor).split("\n") == lines


def test_rates_of_groups_are_base_times_factor() -> None:
    text = table(Milestones([4, 6], 0.5), Horizon(total_steps=8), warmup=2, base_rates=[0.4, 3.0, 0.4])
    assert text.split("\n")[4:] == [
        "rates        at step 0, 2, 4, 6, 7",
        "  group 0, 2  0.2, 0.4, 0.2, 0.1, 0.1",
        "  group 1    1.5, 3, 1.5, 0.75, 0.75",
    ]
    unknown = table(Constant(), Horizon(total_steps=None), warmup=3, base_rates=[0.3])
    assert unknown.split("\n")[4:] == ["rates        at step 0, 3", "  group 0    0.1, 0.3"]
    short = table(Cosine(), Horizon(total_steps=1), base_rates=[0.3])
    assert short.split("\n")[4:] == ["rates        at step 0", "  group 0    0.3"]


def test_of_many_groups_the_first_and_the_last_are_shown() -> None:
    text = table(Constant(), Horizon(total_steps=1), base_rates=[float(rate) for rate in range(1, 10)])
    rows = text.split("\n")[5:]
    assert rows == [*(f"  group {index}    {index + 1}" for index in range(6)), "  ...", "  group 8    9"]


def test_what_a_run_would_refuse_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^ScheduleLR: warmup must be shorter than the run of 90 steps, got '9ep'\."):
        table(Cosine(), HORIZON, warmup="9ep")
    with pytest.raises(UnknownTotalError, match=r"^Cosine: the run must have a known number of steps"):
        table(Cosine(), Horizon(total_steps=None))
