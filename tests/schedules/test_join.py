"""One after another: worked tables, how optax joins, pieces on clocks of their own, refusals."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ExponentialLR, LinearLR, LRScheduler, SequentialLR

from lightning_regkit.errors import UnknownTotalError
from lightning_regkit.schedules import (
    Constant,
    Cosine,
    CosineRestarts,
    Horizon,
    InverseSqrt,
    Join,
    Linear,
    Milestones,
    OneCycle,
    Scaled,
    ScheduleSpec,
    StepDecay,
    compose,
    constant,
    cosine,
    exponential,
    inverse_sqrt,
    join,
    linear,
    scaled,
)
from tests.refusals import refusal
from tests.schedules.references import optax_join, torch_factors

# 10 epochs of 10 steps.
HORIZON = Horizon(total_steps=100, epoch_ends=tuple(range(10, 101, 10)))
PARTS = [linear(total_steps=7), cosine(total_steps=3, final_factor=0.1), constant(), inverse_sqrt(timescale=2)]


def test_worked_table() -> None:
    schedule = join([constant(), linear(total_steps=2), scaled(constant(), 0.1)], [1, 4])
    assert [schedule(step) for step in range(7)] == [1.0, 1.0, 0.5, 0.0, 0.1, 0.1, 0.1]


@given(st.lists(st.sampled_from(PARTS), min_size=1, max_size=5), st.data())
def test_optax_agrees(parts: list[object], data: st.DataObject) -> None:
    number = len(parts) - 1
    at = data.draw(st.lists(st.integers(1, 40), min_size=number, max_size=number, unique=True).map(sorted))
    schedule = join(parts, at)
    assert [schedule(step) for step in range(60)] == [optax_join(parts, at, step) for step in range(60)]


@pytest.mark.filterwarnings("ignore:The epoch parameter in `scheduler.step:UserWarning")  # torch 2.6, of its own call
def test_torch_agrees() -> None:
    def make(optimizer: Optimizer) -> LRScheduler:
        first = LinearLR(optimizer, start_factor=1.0, end_factor=0.5, total_iters=5)
        return SequentialLR(optimizer, [first, ExponentialLR(optimizer, gamma=0.9)], milestones=[8])

    schedule = join([linear(total_steps=5, final_factor=0.5), exponential(gamma=0.9)], [8])
    assert [schedule(step) for step in range(20)] == pytest.approx(torch_factors(make, 20), rel=1e-12)


def test_later_changes_of_the_lists_change_nothing() -> None:
    parts, at = [constant(), linear(total_steps=2)], [3]
    schedule = join(parts, at)
    parts[0], at[0] = linear(total_steps=1), 1
    assert schedule(2) == 1.0


def test_a_piece_stretches_from_its_boundary_to_the_next() -> None:
    schedule = Join([Linear(0.5), Cosine()], ["0.4run"]).build(Horizon(10))
    table = [1.0, 0.875, 0.75, 0.625, 1.0, 0.933013, 0.75, 0.5, 0.25, 0.066987, 0.0, 0.0]
    assert [schedule(step) for step in range(12)] == pytest.approx(table, abs=1e-6)


@pytest.mark.parametrize("warmup_steps", [0, 5, 29])
def test_boundaries_count_from_the_start_of_the_run_and_the_first_piece_has_the_warmup(warmup_steps: int) -> None:
    schedule = compose(Join([Linear(), Linear()], ["3ep"]), HORIZON, warmup=warmup_steps)
    assert [schedule(step) for step in (warmup_steps, 30, 65, 100, 101)] == [1.0, 1.0, 0.5, 0.0, 0.0]
    assert schedule(29) == pytest.approx(1 / (30 - warmup_steps))


@pytest.mark.parametrize(
    ("spec", "steps", "table"),
    [
        (Milestones(["1ep", "0.5run"]), (40, 50, 69, 70, 99), [1.0, 0.1, 0.1, 0.01, 0.01]),
        (StepDecay("2ep"), (40, 59, 60, 80, 100), [1.0, 1.0, 0.1, 0.01, 0.001]),
        (CosineRestarts("2ep"), (40, 50, 60, 70, 100), [1.0, 0.5, 1.0, 0.5, 0.0]),
        (OneCycle(["0.5run"], 0.2, 0.0, "linear"), (40, 55, 70, 85, 100), [0.2, 0.6, 1.0, 0.5, 0.0]),
        (InverseSqrt("1ep"), (40, 70), [1.0, 0.5]),
        (Join([Constant(), Linear()], ["3ep"]), (40, 70, 85), [1.0, 1.0, 0.5]),
    ],
)
def test_a_piece_counts_from_its_own_beginning(spec: ScheduleSpec, steps: tuple[int, ...], table: list[float]) -> None:
    schedule = compose(Join([Constant(), spec], ["4ep"]), HORIZON, warmup=10)
    assert [schedule(step) for step in steps] == pytest.approx(table)
    assert schedule(39) == 1.0
    assert schedule(1000) == schedule(100)


def test_a_run_without_an_end_may_begin_with_one() -> None:
    schedule = Join([Linear(0.1), Scaled(Constant(), 0.1)], [10]).build(Horizon(None))
    assert [schedule(step) for step in (0, 5, 10, 10**6)] == pytest.approx([1.0, 0.55, 0.1, 0.1])


def test_one_spec_is_itself() -> None:
    ours, theirs = Join([Cosine()], []).build(HORIZON, 5), Cosine().build(HORIZON, 5)
    assert [ours(step) for step in range(110)] == [theirs(step) for step in range(110)]


def test_lists_become_tuples_so_that_the_spec_is_a_value() -> None:
    spec = Join([Constant(), Linear()], ["3ep"])
    assert (spec.specs, spec.boundaries) == ((Constant(), Linear()), ("3ep",))
    assert hash(spec) == hash(Join((Constant(), Linear()), ("3ep",)))


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (Join([Cosine()], []), "Cosine: x1 at step 5, curving to x0 at step 100, the end of the run"),
        (
            Join([Cosine(), Constant(), Linear()], ["4ep", 70]),
            "Cosine: x1 at step 5, curving to x0 at step 40, the end of this piece; then, counted from step 40 (4ep), "
            "Constant: x1 from step 0 on; then, counted from step 70, "
            "Linear: x1 at step 0, straight to x0 at step 30, the end of the run",
        ),
    ],
)
def test_the_description_goes_through_the_pieces(spec: Join, text: str) -> None:
    assert spec.describe(HORIZON, 5) == f"Join: {text}"


def test_the_schedule_survives_pickling() -> None:
    assert pickle.loads(pickle.dumps(join([constant(), linear(total_steps=2)], [3])))(4) == 0.5


@pytest.mark.parametrize(
    ("boundaries", "warmup_steps", "text"),
    [
        (["10ep", "11ep"], 0, "lie before the end of the run of 100 steps, got '10ep'. It falls on step 100."),
        (["3ep", 101], 0, "lie before the end of the run of 100 steps, got 101. It falls on step 101."),
        (["3ep", "6ep"], 30, "lie after the warmup of 30 steps, got '3ep'. It falls on step 30."),
        ([0, "6ep"], 0, "lie after step 0, got 0. It falls on step 0."),
        (["6ep", "3ep"], 0, "increase, got ['6ep', '3ep']."),
        (["3ep", 30], 0, "increase, got ['3ep', 30]."),
    ],
)
def test_boundaries_that_do_not_fit_into_the_run_are_refused(
    boundaries: list[int | str], warmup_steps: int, text: str
) -> None:
    spec = Join([Constant(), Constant(), Constant()], boundaries)
    for act in (spec.build, spec.describe):
        with pytest.raises(ValueError, match=refusal(f"Join: boundaries must {text}")):
            act(HORIZON, warmup_steps)


def test_a_warmup_that_fills_the_run_is_refused() -> None:
    with pytest.raises(ValueError, match=refusal("Join: warmup_steps must be below the 9 steps of the run, got 9.")):
        Join([Constant()], []).build(Horizon(9), 9)


def test_what_a_piece_refuses_is_refused() -> None:
    for act in (Join([Constant(), Cosine()], [3]).build, Join([Constant(), Cosine()], [3]).describe):
        with pytest.raises(UnknownTotalError, match=r"^Cosine: the run must have a known number of steps"):
            act(Horizon(None))
    with pytest.raises(ValueError, match=r"^Milestones: positions must lie within the run of 30 steps, got '4ep'"):
        Join([Milestones(["4ep"]), Cosine()], ["3ep"]).build(HORIZON)


@pytest.mark.parametrize(
    ("specs", "boundaries", "error", "text"),
    [
        ([], [], ValueError, "boundaries must be one fewer than specs, of which there are 0, got []."),
        ([Constant()], [3], ValueError, "boundaries must be one fewer than specs, of which there are 1, got [3]."),
        (
            [Constant(), Cosine()],
            [],
            ValueError,
            "boundaries must be one fewer than specs, of which there are 2, got [].",
        ),
        (Constant(), [], TypeError, "specs must be a list, got Constant()."),
        ([Constant()], "3ep", TypeError, "boundaries must be a list, got '3ep'."),
        (["cosine"], [], TypeError, "specs must hold specs of lightning_regkit.schedules, got 'cosine'."),
        (
            [Constant(), Cosine()],
            ["3 epochs"],
            ValueError,
            "boundaries must be a duration such as '5ep', '500step' or '0.1run', got '3 epochs'.",
        ),
    ],
)
def test_the_spec_refuses_what_it_can_when_it_is_made(
    specs: list[ScheduleSpec], boundaries: list[str], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=refusal(f"Join: {text}")):
        Join(specs, boundaries)


@pytest.mark.parametrize(
    ("schedules", "boundaries", "error", "text"),
    [
        ([], [], ValueError, "boundaries must be one fewer than schedules, of which there are 0, got []."),
        ([abs], [3], ValueError, "boundaries must be one fewer than schedules, of which there are 1, got [3]."),
        ([abs, abs, abs], [3, 3], ValueError, "boundaries must increase, got [3, 3]."),
        ([abs, abs], [0], ValueError, "boundaries must be a positive integer, got 0."),
        ([abs, abs], ["3ep"], TypeError, "boundaries must be a positive integer, got '3ep'."),
        ([abs], 3, TypeError, "boundaries must be a list, got 3."),
        (abs, [], TypeError, f"schedules must be a list, got {abs!r}."),
        (
            [Constant()],
            [],
            TypeError,
            "schedules must hold functions of the step, got Constant(). For specs, write Join(specs, boundaries).",
        ),
    ],
)
def test_arguments_out_of_range_are_refused(
    schedules: list[object], boundaries: list[int], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=refusal(f"schedules.join: {text}")):
        join(schedules, boundaries)


@pytest.mark.parametrize(("step", "error"), [(-1, ValueError), (0.5, TypeError)])
def test_what_is_no_step_is_refused(step: int, error: type[Exception]) -> None:
    text = f"schedules.join: step must be an integer of at least 0, got {step!r}."
    with pytest.raises(error, match=refusal(text)):
        join([constant()], [])(step)
