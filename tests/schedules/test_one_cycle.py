"""One cycle: worked tables, bounds, torch's OneCycleLR where it shares the definition, refusals."""

import pickle
from functools import partial
from itertools import pairwise
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch.optim.lr_scheduler import OneCycleLR

from lightning_regkit.errors import UnknownTotalError
from lightning_regkit.schedules import Horizon, OneCycle, compose, one_cycle
from tests.refusals import refusal
from tests.schedules.references import torch_factors

Shape = Literal["cosine", "linear"]
HORIZON = Horizon(total_steps=100, epoch_ends=tuple(range(10, 101, 10)))
SIZES = st.integers(1, 200).flatmap(
    lambda total: st.tuples(
        st.just(total),
        st.lists(st.integers(0, total - 1), min_size=1, max_size=min(2, total), unique=True).map(sorted),
    )
)


@pytest.mark.parametrize(
    ("total_steps", "turns", "shape", "table"),
    [
        (1, [0], "cosine", [1.0, 0.0, 0.0]),
        (2, [1], "cosine", [0.2, 1.0, 0.0, 0.0]),
        (3, [1], "linear", [0.2, 1.0, 0.5, 0.0, 0.0]),
        (6, [2], "linear", [0.2, 0.6, 1.0, 0.75, 0.5, 0.25, 0.0, 0.0]),
        (6, [2], "cosine", [0.2, 0.6, 1.0, 0.853553, 0.5, 0.146447, 0.0, 0.0]),
        (6, [2, 4], "linear", [0.2, 0.6, 1.0, 0.6, 0.2, 0.1, 0.0, 0.0]),
        (4, [0, 2], "linear", [1.0, 0.6, 0.2, 0.1, 0.0]),
    ],
)
def test_worked_tables(total_steps: int, turns: list[int], shape: Shape, table: list[float]) -> None:
    schedule = one_cycle(total_steps=total_steps, turns=turns, start_factor=0.2, final_factor=0.0, shape=shape)
    assert [schedule(step) for step in range(len(table))] == pytest.approx(table, abs=1e-6)


@given(SIZES, st.floats(0, 1), st.floats(0, 1), st.sampled_from(["cosine", "linear"]))
def test_it_rises_to_the_peak_which_is_reached_exactly_and_ends_on_the_floor(
    sizes: tuple[int, list[int]], start_factor: float, final_factor: float, shape: Shape
) -> None:
    total_steps, turns = sizes
    arguments = {"start_factor": start_factor, "final_factor": final_factor}
    schedule = one_cycle(total_steps=total_steps, turns=turns, shape=shape, **arguments)
    factors = [schedule(step) for step in range(total_steps + 3)]
    assert factors[0] == (start_factor if turns[0] else 1.0)
    assert all(earlier <= later for earlier, later in pairwise(factors[: turns[0] + 1]))
    assert factors[turns[0]] == max(factors) == 1.0
    assert factors[total_steps:] == [final_factor] * 3
    down = factors[turns[0] : turns[-1] + 1] if len(turns) > 1 else factors[turns[0] :]
    assert all(later <= earlier for earlier, later in pairwise(down))


@pytest.mark.parametrize(("total_steps", "peak"), [(10, 3), (10, 1), (97, 29), (3, 1)])
@pytest.mark.parametrize("three_phase", [False, True])
@pytest.mark.parametrize(("shape", "strategy"), [("cosine", "cos"), ("linear", "linear")])
def test_torch_agrees_when_it_is_given_one_step_more(
    total_steps: int, peak: int, three_phase: bool, shape: Shape, strategy: Literal["cos", "linear"]
) -> None:
    make = partial(
        OneCycleLR,
        max_lr=1.0,
        total_steps=total_steps + 1,
        pct_start=(peak + 1) / (total_steps + 1),
        anneal_strategy=strategy,
        cycle_momentum=False,
        three_phase=three_phase,
    )
    turns = [peak, 2 * peak] if three_phase else [peak]
    schedule = one_cycle(total_steps=total_steps, turns=turns, shape=shape)
    ours = [schedule(step) for step in range(total_steps + 1)]
    assert ours == pytest.approx(torch_factors(make, total_steps + 1), abs=1e-12)


def test_torch_by_its_defaults_reaches_the_peak_on_no_step() -> None:
    theirs = torch_factors(partial(OneCycleLR, max_lr=1.0, total_steps=12, cycle_momentum=False), 12)
    assert max(theirs) < 1.0
    assert max(OneCycle().build(Horizon(total_steps=12))(step) for step in range(12)) == 1.0


def test_the_default_is_that_of_torch() -> None:
    spec = OneCycle()
    assert spec == OneCycle(["0.3run"], start_factor=1 / 25, final_factor=1 / 25 / 1e4, shape="cosine")
    assert [spec.build(HORIZON)(step) for step in (0, 30, 100)] == [0.04, 1.0, 4e-6]


def test_the_paper_goes_up_and_down_in_equal_parts_and_then_further() -> None:
    schedule = OneCycle(["4.5ep", "9ep"], start_factor=0.1, final_factor=0.001, shape="linear").build(HORIZON)
    factors = [schedule(step) for step in (0, 15, 45, 75, 90, 95, 100)]
    assert factors == pytest.approx([0.1, 0.4, 1.0, 0.4, 0.1, 0.0505, 0.001])


@pytest.mark.parametrize(
    ("total_steps", "table"), [(1, [1.0, 4e-6]), (2, [0.04, 1.0, 4e-6]), (3, [0.04, 1.0, 0.5, 4e-6])]
)
def test_the_shortest_runs(total_steps: int, table: list[float]) -> None:
    schedule = compose(OneCycle(), Horizon(total_steps=total_steps))
    assert [schedule(step) for step in range(len(table))] == pytest.approx(table, abs=3e-6)


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (OneCycle(), "x0.04 at step 0, x1 at step 30 (0.3run), x4e-06 at step 100, the end of the run"),
        (
            OneCycle([30, "6ep"]),
            "x0.04 at step 0, x1 at step 30, x0.04 at step 60 (6ep), x4e-06 at step 100, the end of the run",
        ),
    ],
)
def test_the_description_names_every_turn(spec: OneCycle, text: str) -> None:
    assert spec.describe(HORIZON) == f"OneCycle: {text}"


def test_a_list_becomes_a_tuple_so_that_the_spec_is_a_value() -> None:
    assert OneCycle(["3ep", 60]).turns == ("3ep", 60)
    assert hash(OneCycle(["3ep", 60])) == hash(OneCycle(("3ep", 60)))


def test_the_schedule_survives_pickling() -> None:
    assert pickle.loads(pickle.dumps(one_cycle(total_steps=4, turns=[2])))(2) == 1.0


def test_a_warmup_in_front_is_refused() -> None:
    text = (
        "OneCycle: the warmup must be 0 steps, got 10. The cycle rises by itself: set start_factor= and turns= instead."
    )
    for act in (OneCycle().build, OneCycle().describe):
        with pytest.raises(ValueError, match=refusal(text)):
            act(HORIZON, 10)
    with pytest.raises(ValueError, match=refusal(text)):
        compose(OneCycle(), HORIZON, warmup="1ep")


@pytest.mark.parametrize("turns", [["10ep"], ["11ep"], ["6ep", "3ep"], ["3ep", 30], ["3ep", "10ep"]])
def test_turns_that_do_not_fit_into_the_run_are_refused(turns: list[int | str]) -> None:
    text = f"OneCycle: turns must increase and lie before step 100, the end, got {turns!r}."
    for act in (OneCycle(turns).build, OneCycle(turns).describe):
        with pytest.raises(ValueError, match=refusal(text)):
            act(HORIZON)


@pytest.mark.parametrize("turns", [[], [1, 2, 3]])
def test_a_cycle_turns_once_or_twice(turns: list[int]) -> None:
    text = f"turns must hold one or two positions, got {turns!r}."
    with pytest.raises(ValueError, match=refusal(f"schedules.one_cycle: {text}")):
        one_cycle(total_steps=10, turns=turns)
    with pytest.raises(ValueError, match=refusal(f"OneCycle: {text}")):
        OneCycle(turns)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"total_steps": 0}, ValueError, "total_steps must be a positive integer, got 0."),
        ({"turns": 3}, TypeError, "turns must be a list, got 3."),
        ({"turns": ["3ep"]}, TypeError, "turns must be an integer of at least 0, got '3ep'."),
        ({"turns": [-1]}, ValueError, "turns must be an integer of at least 0, got -1."),
        ({"turns": [10]}, ValueError, "turns must increase and lie before step 10, the end, got [10]."),
        ({"turns": [4, 4]}, ValueError, "turns must increase and lie before step 10, the end, got [4, 4]."),
        ({"start_factor": 25}, ValueError, "start_factor must be a number in [0, 1], got 25."),
        ({"final_factor": 1e4}, ValueError, "final_factor must be a number in [0, 1], got 10000.0."),
        ({"shape": "cos"}, ValueError, "shape must be one of cosine, linear, got 'cos'."),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, int], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=refusal(f"schedules.one_cycle: {text}")):
        one_cycle(**{"total_steps": 10, "turns": [3], **arguments})


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"turns": "3ep"}, TypeError, "turns must be a list, got '3ep'."),
        ({"turns": [0.3]}, TypeError, "turns must be a duration such as '5ep', '500step' or '0.1run', got 0.3."),
        ({"start_factor": 25}, ValueError, "start_factor must be a number in [0, 1], got 25."),
        ({"final_factor": -1}, ValueError, "final_factor must be a number in [0, 1], got -1."),
        ({"shape": "sqrt"}, ValueError, "shape must be one of cosine, linear, got 'sqrt'."),
    ],
)
def test_the_spec_refuses_what_it_can_when_it_is_made(
    arguments: dict[str, float], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=refusal(f"OneCycle: {text}")):
        OneCycle(**arguments)


def test_a_run_of_unknown_length_is_refused() -> None:
    for act in (OneCycle().build, OneCycle().describe):
        with pytest.raises(UnknownTotalError, match=r"^OneCycle: the run must have a known number of steps"):
            act(Horizon(total_steps=None, epoch_ends=(10,)))


@pytest.mark.parametrize(("step", "error"), [(-1, ValueError), (0.5, TypeError)])
def test_what_is_no_step_is_refused(step: int, error: type[Exception]) -> None:
    text = f"schedules.one_cycle: step must be an integer of at least 0, got {step!r}."
    with pytest.raises(error, match=refusal(text)):
        one_cycle(total_steps=3, turns=[1])(step)
