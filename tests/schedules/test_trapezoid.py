"""Stable, then down: worked tables, the shapes of the paper, torch's schedulers one after another, refusals."""

import math
import pickle
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LinearLR, LRScheduler, SequentialLR

from lightning_regkit.errors import UnknownTotalError
from lightning_regkit.schedules import Horizon, Trapezoid, trapezoid
from lightning_regkit.schedules._shapes import Shape
from tests.refusals import refusal
from tests.schedules.references import torch_factors

HORIZON = Horizon(total_steps=100, epoch_ends=tuple(range(10, 101, 10)))
SHAPES: list[Shape] = ["linear", "sqrt", "cosine"]
SIZES = st.integers(1, 300).flatmap(lambda total: st.tuples(st.just(total), st.integers(1, total)))


@pytest.mark.parametrize(
    ("total_steps", "decay_steps", "final_factor", "shape", "table"),
    [
        (1, 1, 0.0, "linear", [1.0, 0.0, 0.0]),
        (1, 1, 0.5, "sqrt", [1.0, 0.5, 0.5]),
        (2, 1, 0.0, "linear", [1.0, 1.0, 0.0, 0.0]),
        (3, 2, 0.0, "cosine", [1.0, 1.0, 0.5, 0.0, 0.0]),
        (6, 4, 0.0, "linear", [1.0, 1.0, 1.0, 0.75, 0.5, 0.25, 0.0, 0.0]),
        (6, 4, 0.2, "linear", [1.0, 1.0, 1.0, 0.8, 0.6, 0.4, 0.2, 0.2]),
        (5, 4, 0.0, "sqrt", [1.0, 1.0, 0.5, 0.292893, 0.133975, 0.0, 0.0]),
        (5, 4, 0.0, "cosine", [1.0, 1.0, 0.853553, 0.5, 0.146447, 0.0, 0.0]),
        (5, 2, 1.0, "sqrt", [1.0] * 7),
    ],
)
def test_worked_tables(
    total_steps: int, decay_steps: int, final_factor: float, shape: Shape, table: list[float]
) -> None:
    schedule = trapezoid(total_steps=total_steps, decay_steps=decay_steps, final_factor=final_factor, shape=shape)
    assert [schedule(step) for step in range(len(table))] == pytest.approx(table, abs=1e-6)


@given(SIZES, st.floats(0, 1), st.sampled_from(SHAPES))
def test_it_is_one_until_the_fall_never_rises_and_ends_on_the_floor_exactly(
    sizes: tuple[int, int], final_factor: float, shape: Shape
) -> None:
    total_steps, decay_steps = sizes
    schedule = trapezoid(total_steps=total_steps, decay_steps=decay_steps, final_factor=final_factor, shape=shape)
    factors = [schedule(step) for step in range(total_steps + 3)]
    stable = total_steps - decay_steps + 1
    assert factors[:stable] == [1.0] * stable
    assert all(later <= earlier for earlier, later in pairwise(factors))
    assert factors[total_steps:] == [final_factor] * 3


def test_the_root_is_that_of_haegele_et_al() -> None:
    # Their f(n, N, N_decay) = 1 - sqrt((n - (N - N_decay)) / N_decay).
    schedule = trapezoid(total_steps=100, decay_steps=20, shape="sqrt")
    assert [schedule(n) for n in range(80, 101)] == pytest.approx(
        [1 - math.sqrt((n - 80) / 20) for n in range(80, 101)]
    )


@pytest.mark.filterwarnings("ignore:The epoch parameter in `scheduler.step:UserWarning")  # torch 2.6, of its own call
@pytest.mark.parametrize(("shape", "fall"), [("linear", LinearLR), ("cosine", CosineAnnealingLR)])
def test_torch_agrees_up_to_the_end(shape: Shape, fall: type[LRScheduler]) -> None:
    arguments = {
        LinearLR: {"start_factor": 1.0, "end_factor": 0.1, "total_iters": 20},
        CosineAnnealingLR: {"T_max": 20, "eta_min": 0.1},
    }[fall]

    def make(optimizer: Optimizer) -> LRScheduler:
        stable = ConstantLR(optimizer, factor=1.0)
        return SequentialLR(optimizer, [stable, fall(optimizer, **arguments)], milestones=[30])

    schedule = trapezoid(total_steps=50, decay_steps=20, final_factor=0.1, shape=shape)
    # The chained form of torch's cosine, and its linear, gather rounding.
    assert [schedule(step) for step in range(51)] == pytest.approx(torch_factors(make, 51), abs=1e-12)


@pytest.mark.parametrize(("warmup_steps", "decay"), [(0, "0.2run"), (10, "0.2run"), (10, "2ep"), (80, 20)])
def test_the_fall_is_the_last_part_of_the_run(warmup_steps: int, decay: str | int) -> None:
    schedule = Trapezoid(decay).build(HORIZON, warmup_steps)
    of_run = [schedule(step - warmup_steps) for step in (warmup_steps, 80, 85, 90, 100, 101)]
    assert of_run == pytest.approx([1.0, 1.0, 0.75, 0.5, 0.0, 0.0])


@pytest.mark.parametrize("total_steps", [1, 2, 3])
def test_the_shortest_runs_have_a_last_step_at_the_base_rate(total_steps: int) -> None:
    schedule = Trapezoid("0.1run").build(Horizon(total_steps=total_steps))
    assert [schedule(step) for step in range(total_steps + 1)] == [1.0] * total_steps + [0.0]


def test_the_default_is_a_fifth_of_the_run_straight_to_zero() -> None:
    assert Trapezoid() == Trapezoid("0.2run", final_factor=0.0, shape="linear")


def test_the_description_counts_from_the_start_of_the_run() -> None:
    text = "Trapezoid: x1 from step 5 to step 80, then sqrt to x0.1 at step 100, the end of the run"
    assert Trapezoid("2ep", final_factor=0.1, shape="sqrt").describe(HORIZON, 5) == text


def test_the_schedule_survives_pickling() -> None:
    assert pickle.loads(pickle.dumps(trapezoid(total_steps=4, decay_steps=2)))(3) == 0.5


def test_a_fall_longer_than_the_run_is_refused() -> None:
    with pytest.raises(
        ValueError, match=refusal("schedules.trapezoid: decay_steps must be at most total_steps, 4, got 5.")
    ):
        trapezoid(total_steps=4, decay_steps=5)
    text = "Trapezoid: decay must be at most the 85 steps after the warmup, got '0.9run'. It takes 90 steps."
    for act in (Trapezoid("0.9run").build, Trapezoid("0.9run").describe):
        with pytest.raises(ValueError, match=refusal(text)):
            act(HORIZON, 15)


@pytest.mark.parametrize(
    ("argument", "value", "text"),
    [
        ("final_factor", 1.1, "final_factor must be a number in [0, 1], got 1.1."),
        ("shape", "1-sqrt", "shape must be one of cosine, linear, sqrt, got '1-sqrt'."),
    ],
)
def test_arguments_out_of_range_are_refused(argument: str, value: float, text: str) -> None:
    with pytest.raises(ValueError, match=refusal(f"schedules.trapezoid: {text}")):
        partial(trapezoid, total_steps=10, decay_steps=5)(**{argument: value})
    with pytest.raises(ValueError, match=refusal(f"Trapezoid: {text}")):
        Trapezoid(**{argument: value})


def test_lengths_that_do_not_count_are_refused() -> None:
    for argument in ("total_steps", "decay_steps"):
        text = f"schedules.trapezoid: {argument} must be a positive integer, got 0."
        with pytest.raises(ValueError, match=refusal(text)):
            trapezoid(**{"total_steps": 10, "decay_steps": 5, argument: 0})
    with pytest.raises(ValueError, match=refusal("Trapezoid: decay must be longer than nothing, got '0run'.")):
        Trapezoid("0run")


def test_a_run_of_unknown_length_is_refused() -> None:
    for act in (Trapezoid(5).build, Trapezoid(5).describe):
        with pytest.raises(UnknownTotalError, match=r"^Trapezoid: the run must have a known number of steps"):
            act(Horizon(total_steps=None, epoch_ends=(10,)))


@pytest.mark.parametrize(("step", "error"), [(-1, ValueError), (0.5, TypeError)])
def test_what_is_no_step_is_refused(step: int, error: type[Exception]) -> None:
    text = f"schedules.trapezoid: step must be an integer of at least 0, got {step!r}."
    with pytest.raises(error, match=refusal(text)):
        trapezoid(total_steps=3, decay_steps=1)(step)
