"""Durations to steps: exact decimals, halves up, epochs of any length, and the sentences of refusal."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_regkit._durations import Duration, Horizon, parse, steps
from lightning_regkit.errors import UnknownTotalError
from tests.refusals import refusal

EVEN = Horizon(total_steps=30, epoch_ends=(10, 20, 30))
# Accumulation over 1, 2 and 5 of 10 batches.
UNEVEN = Horizon(total_steps=17, epoch_ends=(10, 15, 17))


def resolve(position: str | int, horizon: Horizon) -> int:
    return steps(position, horizon, owner="ScheduleLR", argument="warmup")


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("5ep", Duration(Fraction(5), "ep")),
        ("0.5ep", Duration(Fraction(1, 2), "ep")),
        ("500step", Duration(Fraction(500), "step")),
        ("500.0step", Duration(Fraction(500), "step")),
        ("0.1run", Duration(Fraction(1, 10), "run")),
        ("1run", Duration(Fraction(1), "run")),
        ("0ep", Duration(Fraction(0), "ep")),
        (0, Duration(Fraction(0), "step")),
        (7, Duration(Fraction(7), "step")),
    ],
)
def test_parse(text: str | int, duration: Duration) -> None:
    assert parse(text, owner="ScheduleLR", argument="warmup") == duration


@pytest.mark.parametrize(
    ("position", "horizon", "expected"),
    [
        (0, EVEN, 0),
        (7, EVEN, 7),
        (400, EVEN, 400),
        ("7step", EVEN, 7),
        ("0ep", EVEN, 0),
        ("1ep", EVEN, 10),
        ("3ep", EVEN, 30),
        ("0.5ep", EVEN, 5),
        ("2.71ep", EVEN, 27),
        ("0.25ep", EVEN, 3),  # 2.5: halves go up
        ("0.35ep", EVEN, 4),  # 3.5
        ("0.249ep", EVEN, 2),
        ("5ep", EVEN, 50),  # two epochs past the last known one
        ("4.5ep", EVEN, 45),
        ("1ep", UNEVEN, 10),
        ("1.5ep", UNEVEN, 13),  # 12.5
        ("2ep", UNEVEN, 15),
        ("2.5ep", UNEVEN, 16),
        ("3ep", UNEVEN, 17),
        ("5.5ep", UNEVEN, 22),  # the last epoch has 2 steps
        ("0run", EVEN, 0),
        ("1run", EVEN, 30),
        ("0.1run", EVEN, 3),
        ("0.05run", EVEN, 2),  # 1.5
        ("0.04run", EVEN, 1),  # 1.2
        ("0.29run", Horizon(total_steps=100), 29),  # 28.999999999999996 in binary
        ("0.145run", Horizon(total_steps=100), 15),  # 14.499999999999998 in binary
        ("0.5run", Horizon(total_steps=1), 1),
        ("0.49run", Horizon(total_steps=1), 0),
        ("0.5ep", Horizon(total_steps=None, epoch_ends=(1,)), 1),
        ("2ep", Horizon(total_steps=None, epoch_ends=(4,)), 8),
        ("9step", Horizon(total_steps=None), 9),
    ],
)
def test_worked_values(position: str | int, horizon: Horizon, expected: int) -> None:
    assert resolve(position, horizon) == expected


HORIZONS = st.lists(st.integers(1, 50), min_size=1, max_size=6).map(
    lambda lengths: Horizon(
        total_steps=sum(lengths), epoch_ends=tuple(sum(lengths[: i + 1]) for i in range(len(lengths)))
    )
)


@given(HORIZONS, st.integers(0, 9))
def test_whole_epochs_end_where_the_horizon_says(horizon: Horizon, epochs: int) -> None:
    ends = [0, *horizon.epoch_ends]
    while len(ends) <= epochs:
        ends.append(ends[-1] + horizon.epoch_ends[-1] - (horizon.epoch_ends[-2] if len(horizon.epoch_ends) > 1 else 0))
    assert resolve(f"{epochs}ep", horizon) == ends[epochs]


@given(HORIZONS, st.integers(0, 8000), st.integers(0, 8000), st.sampled_from(["ep", "run"]))
def test_longer_is_never_fewer_steps(horizon: Horizon, one: int, other: int, unit: str) -> None:
    scale = 1000 if unit == "ep" else 8000
    shorter, longer = (Fraction(thousandths, scale) for thousandths in sorted((one, other)))
    resolved = [resolve(f"{float(value):.7f}{unit}", horizon) for value in (shorter, longer)]
    assert resolved[0] <= resolved[1]


@given(st.integers(1, 10**6), st.integers(0, 1000))
def test_a_share_is_within_half_a_step(total: int, thousandths: int) -> None:
    got = resolve(f"{thousandths / 1000:.3f}run", Horizon(total_steps=total))
    assert -500 < 1000 * got - thousandths * total <= 500


@pytest.mark.parametrize("value", [0.1, 5.0, True, False, None, ["5ep"]])
def test_another_kind_is_refused(value: object) -> None:
    text = f"ScheduleLR: warmup must be a duration such as '5ep', '500step' or '0.1run', got {value!r}."
    with pytest.raises(TypeError, match=refusal(text)):
        parse(value, owner="ScheduleLR", argument="warmup")


@pytest.mark.parametrize(
    "value",
    [
        "5 epochs",
        "5 ep",
        " 5ep",
        "5ep\n",
        "ep",
        "",
        "500",
        "-5ep",
        "+5ep",
        "1e3step",
        ".5ep",
        "5.ep",
        "5EP",
        "\N{ARABIC-INDIC DIGIT FIVE}ep",
        "infep",
        -5,
    ],
)
def test_what_is_no_duration_is_refused(value: str | int) -> None:
    text = f"ScheduleLR: warmup must be a duration such as '5ep', '500step' or '0.1run', got {value!r}."
    with pytest.raises(ValueError, match=refusal(text)):
        parse(value, owner="ScheduleLR", argument="warmup")


def test_a_part_of_a_step_is_refused() -> None:
    with pytest.raises(ValueError, match=refusal("ScheduleLR: warmup must be a whole number of steps, got '1.5step'.")):
        parse("1.5step", owner="ScheduleLR", argument="warmup")


def test_more_than_the_run_is_refused() -> None:
    with pytest.raises(
        ValueError, match=refusal("ScheduleLR: warmup must be a share of the run in [0, 1], got '1.01run'.")
    ):
        parse("1.01run", owner="ScheduleLR", argument="warmup")


def test_epochs_of_unknown_length_are_refused() -> None:
    text = (
        "ScheduleLR: warmup must be in steps where the length of the epoch is unknown, got '5ep'. "
        "Write it such as '500step'; where the data has no length, the Trainer's limit_train_batches= gives one."
    )
    with pytest.raises(UnknownTotalError, match=refusal(text)):
        resolve("5ep", Horizon(total_steps=100))


def test_a_share_of_a_run_of_unknown_length_is_refused() -> None:
    text = (
        "ScheduleLR: warmup must be in steps where the length of the run is unknown, got '0.1run'. Write it such as "
        "'500step', or pass max_steps=, or max_epochs= with limit_train_batches=, to the Trainer."
    )
    with pytest.raises(UnknownTotalError, match=refusal(text)):
        resolve("0.1run", Horizon(total_steps=None, epoch_ends=(10,)))


def test_resolving_refuses_what_parsing_refuses() -> None:
    with pytest.raises(ValueError, match="be a duration such as"):
        resolve("soon", EVEN)
