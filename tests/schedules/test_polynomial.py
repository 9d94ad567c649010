"""A power of what is left: worked tables, torch's PolynomialLR, timm's PolyLRScheduler, optax's closed form."""

import pickle
import re
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from timm.scheduler.poly_lr import PolyLRScheduler
from torch.optim.lr_scheduler import PolynomialLR

from lightning_regkit.errors import UnknownTotalError
from lightning_regkit.schedules import Horizon, Polynomial, linear, polynomial
from tests.schedules.references import optax_polynomial, timm_factors, torch_factors

POWERS = st.floats(0.01, 20)


@pytest.mark.parametrize(
    ("total_steps", "power", "final_factor", "table"),
    [
        (1, 2.0, 0.0, [1.0, 0.0, 0.0]),
        (1, 0.5, 0.5, [1.0, 0.5, 0.5]),
        (2, 2.0, 0.0, [1.0, 0.25, 0.0, 0.0]),
        (3, 1.0, 0.0, [1.0, 2 / 3, 1 / 3, 0.0, 0.0]),
        (4, 2.0, 0.0, [1.0, 0.5625, 0.25, 0.0625, 0.0, 0.0]),
        (4, 0.5, 0.2, [1.0, 0.2 + 0.8 * 3**0.5 / 2, 0.2 + 0.8 * 0.5**0.5, 0.6, 0.2, 0.2]),
        (4, 3.0, 1.0, [1.0] * 6),
    ],
)
def test_worked_tables(total_steps: int, power: float, final_factor: float, table: list[float]) -> None:
    schedule = polynomial(total_steps=total_steps, power=power, final_factor=final_factor)
    assert [schedule(step) for step in range(len(table))] == pytest.approx(table, abs=1e-15)


@given(st.integers(1, 300), POWERS, st.floats(0, 1))
def test_it_starts_at_one_never_rises_and_ends_on_the_floor_exactly(
    total_steps: int, power: float, final_factor: float
) -> None:
    schedule = polynomial(total_steps=total_steps, power=power, final_factor=final_factor)
    factors = [schedule(step) for step in range(total_steps + 3)]
    assert factors[0] == 1.0
    assert all(later <= earlier for earlier, later in pairwise(factors))
    assert factors[total_steps:] == [final_factor] * 3


@given(st.integers(1, 10**6), st.floats(0, 1), st.integers(0, 2 * 10**6))
def test_power_one_is_the_straight_line(total_steps: int, final_factor: float, step: int) -> None:
    ours = polynomial(total_steps=total_steps, final_factor=final_factor)
    assert ours(step) == linear(total_steps=total_steps, final_factor=final_factor)(step)


@pytest.mark.parametrize("total_steps", [1, 2, 3, 10, 97])
@pytest.mark.parametrize("power", [0.5, 0.9, 1.0, 2.0])
def test_torch_agrees_past_the_end_too(total_steps: int, power: float) -> None:
    schedule = polynomial(total_steps=total_steps, power=power)
    ours = [schedule(step) for step in range(total_steps + 5)]
    theirs = torch_factors(partial(PolynomialLR, total_iters=total_steps, power=power), total_steps + 5)
    assert ours == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize("total_steps", [1, 2, 3, 10, 97])
@pytest.mark.parametrize("power", [0.5, 0.9, 2.0])
@pytest.mark.parametrize("final_factor", [0.0, 0.1])
def test_timm_and_optax_agree_past_the_end_too(total_steps: int, power: float, final_factor: float) -> None:
    schedule = polynomial(total_steps=total_steps, power=power, final_factor=final_factor)
    ours = [schedule(step) for step in range(total_steps + 5)]
    timm = partial(PolyLRScheduler, t_initial=total_steps, power=power, lr_min=final_factor, t_in_epochs=False)
    assert ours == pytest.approx(timm_factors(timm, total_steps + 5), abs=1e-12)
    optax = [optax_polynomial(step, total_steps, power, final_factor) for step in range(total_steps + 5)]
    assert ours == pytest.approx(optax, abs=1e-12)


def test_the_spec_runs_from_the_end_of_warmup_to_the_end_of_the_run() -> None:
    schedule = Polynomial(power=2, final_factor=0.2).build(Horizon(total_steps=12), warmup_steps=2)
    assert [schedule(step) for step in (0, 5, 10, 11)] == pytest.approx([1.0, 0.4, 0.2, 0.2])


def test_the_description_counts_from_the_start_of_the_run() -> None:
    text = "Polynomial: x1 at step 2, by power 0.9 to x0.01 at step 12, the end of the run"
    assert Polynomial(0.9, final_factor=0.01).describe(Horizon(total_steps=12), warmup_steps=2) == text


def test_the_schedule_survives_pickling() -> None:
    assert pickle.loads(pickle.dumps(polynomial(total_steps=4, power=2)))(2) == 0.25


@pytest.mark.parametrize(("step", "error"), [(-1, ValueError), (0.5, TypeError)])
def test_what_is_no_step_is_refused(step: int, error: type[Exception]) -> None:
    text = f"schedules.polynomial: step must be an integer of at least 0, got {step!r}."
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        polynomial(total_steps=3)(step)


@pytest.mark.parametrize(
    ("argument", "value", "condition"),
    [
        ("power", 0, "be a positive number"),
        ("power", -1.0, "be a positive number"),
        ("final_factor", 1.1, "be a number in [0, 1]"),
    ],
)
def test_arguments_out_of_range_are_refused(argument: str, value: float, condition: str) -> None:
    text = re.escape(f"{argument} must {condition}, got {value!r}.")
    with pytest.raises(ValueError, match=rf"^schedules\.polynomial: {text}$"):
        partial(polynomial, total_steps=3)(**{argument: value})
    with pytest.raises(ValueError, match=f"^Polynomial: {text}$"):
        Polynomial(**{argument: value})


def test_a_total_that_does_not_count_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^schedules\.polynomial: total_steps must be a positive integer, got 0\.$"):
        polynomial(total_steps=0)


def test_a_run_of_unknown_length_is_refused() -> None:
    for act in (Polynomial().build, Polynomial().describe):
        with pytest.raises(UnknownTotalError, match=r"^Polynomial: the run must have a known number of steps"):
            act(Horizon(total_steps=None, epoch_ends=(10,)))
