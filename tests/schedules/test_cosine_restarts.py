"""Warm restarts: worked tables, torch's and timm's schedulers inside the run, and the end, which restarts nothing."""

import pickle
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from timm.scheduler.cosine_lr import CosineLRScheduler
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts

from lightning_regkit.errors import UnknownTotalError
from lightning_regkit.schedules import CosineRestarts, Horizon, compose, cosine, cosine_restarts
from tests.refusals import refusal
from tests.schedules.references import timm_factors, torch_factors

# 7 epochs of 10 steps.
HORIZON = Horizon(total_steps=70, epoch_ends=tuple(range(10, 71, 10)))
SIZES = st.integers(1, 300).flatmap(lambda total: st.tuples(st.just(total), st.integers(1, total)))


def starts(total_steps: int, cycle_steps: int, cycle_mult: int) -> list[int]:
    found, length = [0], cycle_steps
    while found[-1] + length < total_steps:
        found.append(found[-1] + length)
        length *= cycle_mult
    return found


@pytest.mark.parametrize(
    ("total_steps", "cycle_steps", "cycle_mult", "peak_decay", "final_factor", "table"),
    [
        (1, 1, 1, 1.0, 0.0, [1.0, 0.0, 0.0]),
        (2, 1, 1, 1.0, 0.0, [1.0, 1.0, 0.0, 0.0]),
        (2, 2, 1, 1.0, 0.0, [1.0, 0.5, 0.0, 0.0]),
        (3, 1, 2, 1.0, 0.0, [1.0, 1.0, 0.5, 0.0, 0.0]),
        (3, 2, 1, 1.0, 0.0, [1.0, 0.5, 1.0, 0.5, 0.5]),
        (6, 2, 2, 0.5, 0.0, [1.0, 0.5, 0.5, 0.426777, 0.25, 0.073223, 0.0, 0.0]),
        (6, 2, 1, 0.5, 0.0, [1.0, 0.5, 0.5, 0.25, 0.25, 0.125, 0.0, 0.0]),
        (6, 2, 1, 0.5, 0.4, [1.0, 0.7, 0.5, 0.45, 0.4, 0.4, 0.4, 0.4]),
        (5, 2, 2, 0.5, 0.0, [1.0, 0.5, 0.5, 0.426777, 0.25, 0.073223, 0.073223]),
    ],
)
def test_worked_tables(
    total_steps: int, cycle_steps: int, cycle_mult: int, peak_decay: float, final_factor: float, table: list[float]
) -> None:
    lengths = {"total_steps": total_steps, "cycle_steps": cycle_steps, "cycle_mult": cycle_mult}
    schedule = cosine_restarts(**lengths, peak_decay=peak_decay, final_factor=final_factor)
    assert [schedule(step) for step in range(len(table))] == pytest.approx(table, abs=1e-6)


@given(SIZES, st.integers(1, 4), st.floats(0.1, 1), st.floats(0, 1))
def test_cycles_start_at_their_peak_and_never_rise_inside_nor_after_the_end(
    sizes: tuple[int, int], cycle_mult: int, peak_decay: float, final_factor: float
) -> None:
    total_steps, cycle_steps = sizes
    lengths = {"total_steps": total_steps, "cycle_steps": cycle_steps, "cycle_mult": cycle_mult}
    schedule = cosine_restarts(**lengths, peak_decay=peak_decay, final_factor=final_factor)
    bounds = [*starts(total_steps, cycle_steps, cycle_mult), total_steps]
    for index, (start, end) in enumerate(pairwise(bounds)):
        factors = [schedule(step) for step in range(start, end)]
        assert factors[0] == pytest.approx(max(peak_decay**index, final_factor), abs=1e-15)
        assert all(final_factor <= later <= earlier <= 1 for earlier, later in pairwise(factors))
    assert schedule(0) == 1.0
    assert schedule(total_steps) <= schedule(total_steps - 1)
    assert {schedule(total_steps + past) for past in range(50)} == {schedule(total_steps)}


@pytest.mark.parametrize(("cycle_steps", "cycle_mult"), [(1, 1), (2, 1), (10, 1), (1, 2), (5, 2), (3, 3)])
@pytest.mark.parametrize("final_factor", [0.0, 0.1])
def test_torch_agrees_up_to_the_end(cycle_steps: int, cycle_mult: int, final_factor: float) -> None:
    lengths = {"total_steps": 97, "cycle_steps": cycle_steps, "cycle_mult": cycle_mult}
    schedule = cosine_restarts(**lengths, final_factor=final_factor)
    make = partial(CosineAnnealingWarmRestarts, T_0=cycle_steps, T_mult=cycle_mult, eta_min=final_factor)
    assert [schedule(step) for step in range(97)] == pytest.approx(torch_factors(make, 97), abs=1e-12)


def test_torch_restarts_at_the_end_and_we_do_not() -> None:
    assert torch_factors(partial(CosineAnnealingWarmRestarts, T_0=5), 11)[10] == 1.0
    assert cosine_restarts(total_steps=10, cycle_steps=5)(10) == 0.0


@pytest.mark.parametrize(("cycle_steps", "cycle_mult", "cycles"), [(10, 1, 4), (5, 2, 3), (3, 3, 3)])
@pytest.mark.parametrize("peak_decay", [0.5, 1.0])
@pytest.mark.parametrize("warmup", [0, 3])
def test_timm_agrees_past_the_end_too(
    cycle_steps: int, cycle_mult: int, cycles: int, peak_decay: float, warmup: int
) -> None:
    make = partial(
        CosineLRScheduler,
        t_initial=cycle_steps,
        lr_min=0.1,
        cycle_mul=cycle_mult,
        cycle_decay=peak_decay,
        cycle_limit=cycles,
        warmup_t=warmup,
        warmup_lr_init=0.01,
        warmup_prefix=True,
        t_in_epochs=False,
    )
    total = warmup + sum(cycle_steps * cycle_mult**k for k in range(cycles))
    spec = CosineRestarts(cycle_steps, cycle_mult, peak_decay, final_factor=0.1)
    schedule = compose(spec, Horizon(total_steps=total), warmup=warmup, start_factor=0.01)
    ours = [schedule(step) for step in range(total + 5)]
    assert ours == pytest.approx(timm_factors(make, total + 5), abs=1e-12)


def test_one_cycle_is_the_cosine() -> None:
    ours, theirs = cosine_restarts(total_steps=50, cycle_steps=50), cosine(total_steps=50)
    assert [ours(step) for step in range(60)] == [theirs(step) for step in range(60)]


def test_the_spec_runs_from_the_end_of_warmup_to_the_end_of_the_run() -> None:
    schedule = CosineRestarts("1ep", cycle_mult=2, peak_decay=0.5).build(HORIZON, 10)
    assert [schedule(step) for step in (0, 5, 10, 20, 30)] == pytest.approx([1.0, 0.5, 0.5, 0.25, 0.25])
    assert schedule(60) == schedule(61) == pytest.approx(0.125 - 0.125 * 2**-0.5)  # three quarters into 40


@pytest.mark.parametrize(
    ("spec", "warmup_steps", "text"),
    [
        (
            CosineRestarts("1ep", 2),
            0,
            "x1 at step 0, restarts at step 10 (x1), 30 (x1), to x0 at step 70, the end of the run",
        ),
        (
            CosineRestarts(20, 2, peak_decay=0.5),
            10,
            "x1 at step 10, restarts at step 30 (x0.5), to x0 at step 70, the end of the run",
        ),
        (
            CosineRestarts(40, peak_decay=0.5, final_factor=0.1),
            10,
            "x1 at step 10, restarts at step 50 (x0.5), to x0.3 at step 70, the end of the run, "
            "which cuts the last cycle short",
        ),
        (
            CosineRestarts("1ep"),
            0,
            "x1 at step 0, restarts at step 10 (x1), 20 (x1), 30 (x1), ..., 60 (x1), to x0 at step 70, "
            "the end of the run",
        ),
        (CosineRestarts("7ep"), 0, "x1 at step 0, to x0 at step 70, the end of the run"),
    ],
)
def test_the_description_names_the_restarts(spec: CosineRestarts, warmup_steps: int, text: str) -> None:
    assert spec.describe(HORIZON, warmup_steps) == f"CosineRestarts: {text}"


def test_the_schedule_survives_pickling() -> None:
    assert pickle.loads(pickle.dumps(cosine_restarts(total_steps=4, cycle_steps=2)))(3) == 0.5


def test_a_cycle_longer_than_the_run_is_refused() -> None:
    with pytest.raises(
        ValueError, match=refusal("schedules.cosine_restarts: cycle_steps must be at most total_steps, 4, got 5.")
    ):
        cosine_restarts(total_steps=4, cycle_steps=5)
    text = "CosineRestarts: first_cycle must be at most the 60 steps after the warmup, got '7ep'. It takes 70 steps."
    for act in (CosineRestarts("7ep").build, CosineRestarts("7ep").describe):
        with pytest.raises(ValueError, match=refusal(text)):
            act(HORIZON, 10)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"cycle_mult": 0}, ValueError, "cycle_mult must be a positive integer, got 0."),
        ({"cycle_mult": 1.5}, TypeError, "cycle_mult must be a positive integer, got 1.5."),
        ({"peak_decay": 0}, ValueError, "peak_decay must be above 0, got 0."),
        ({"peak_decay": 1.1}, ValueError, "peak_decay must be a number in [0, 1], got 1.1."),
        ({"final_factor": -1}, ValueError, "final_factor must be a number in [0, 1], got -1."),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, int], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=refusal(f"schedules.cosine_restarts: {text}")):
        cosine_restarts(**{"total_steps": 10, "cycle_steps": 5, **arguments})
    with pytest.raises(error, match=refusal(f"CosineRestarts: {text}")):
        CosineRestarts(**{"first_cycle": "1ep", **arguments})


def test_lengths_that_do_not_count_are_refused() -> None:
    for argument in ("total_steps", "cycle_steps"):
        text = f"schedules.cosine_restarts: {argument} must be a positive integer, got 0."
        with pytest.raises(ValueError, match=refusal(text)):
            cosine_restarts(**{"total_steps": 10, "cycle_steps": 5, argument: 0})
    with pytest.raises(ValueError, match=refusal("CosineRestarts: first_cycle must be longer than nothing, got 0.")):
        CosineRestarts(0)


def test_a_run_of_unknown_length_is_refused() -> None:
    for act in (CosineRestarts(5).build, CosineRestarts(5).describe):
        with pytest.raises(UnknownTotalError, match=r"^CosineRestarts: the run must have a known number of steps"):
            act(Horizon(total_steps=None, epoch_ends=(10,)))


@pytest.mark.parametrize(("step", "error"), [(-1, ValueError), (0.5, TypeError)])
def test_what_is_no_step_is_refused(step: int, error: type[Exception]) -> None:
    text = f"schedules.cosine_restarts: step must be an integer of at least 0, got {step!r}."
    with pytest.raises(error, match=refusal(text)):
        cosine_restarts(total_steps=3, cycle_steps=1)(step)
