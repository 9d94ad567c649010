"""A multiplier that waits for a metric: by hand, and against torch's ReduceLROnPlateau."""

import dataclasses
import math
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch.optim.lr_scheduler import ReduceLROnPlateau

from lightning_regkit.schedules import Plateau, PlateauState, observe_plateau
from tests.schedules.references import optimizer


def watched(plateau: Plateau, values: list[float]) -> list[PlateauState]:
    """States after each value, from the start."""
    states = [PlateauState()]
    for value in values:
        states.append(observe_plateau(plateau, states[-1], value))
    return states[1:]


def factors(plateau: Plateau, values: list[float]) -> list[float]:
    return [state.factor for state in watched(plateau, values)]


def torch_factors(plateau: Plateau, values: list[float]) -> list[float]:
    stepped = optimizer()
    scheduler = ReduceLROnPlateau(
        stepped,
        mode=plateau.mode,
        factor=plateau.factor,
        patience=plateau.patience,
        threshold=plateau.min_delta,
        threshold_mode="abs",
        cooldown=plateau.cooldown,
        min_lr=plateau.min_factor,
        eps=0.0,
    )
    found = []
    for value in values:
        scheduler.step(value)
        found.append(float(stepped.param_groups[0]["lr"]))
    return found


@pytest.mark.parametrize(
    ("settings", "values", "expected"),
    [
        # Two bad ones are borne, the third acts; equal is no improvement.
        ({"patience": 2}, [1, 1, 1, 1], [1, 1, 1, 0.5]),
        ({"patience": 0}, [1, 1, 1], [1, 0.5, 0.25]),
        # An improvement starts the count anew.
        ({"patience": 1}, [3, 3, 2, 2, 2], [1, 1, 1, 1, 0.5]),
        ({"patience": 1, "mode": "max"}, [1, 1, 2, 2, 2], [1, 1, 1, 1, 0.5]),
        # Improvements must be larger than min_delta; slow ones add up against the best.
        ({"patience": 0, "min_delta": 0.5}, [3, 2.5, 2.25], [1, 0.5, 0.5]),
        ({"patience": 0, "min_delta": 0.5, "mode": "max"}, [3, 3.5, 3.75], [1, 0.5, 0.5]),
        # The two after a fall do not count.
        ({"patience": 0, "cooldown": 2}, [1, 1, 1, 1, 1], [1, 0.5, 0.5, 0.5, 0.25]),
        ({"patience": 0, "min_factor": 0.3}, [1, 1, 1, 1], [1, 0.5, 0.3, 0.3]),
        # NaN is never an improvement, in whatever direction.
        ({"patience": 0}, [math.nan, 2, math.nan, 1], [0.5, 0.5, 0.25, 0.25]),
        ({"patience": 0, "mode": "max"}, [math.nan, 1, math.nan, 2], [0.5, 0.5, 0.25, 0.25]),
    ],
)
def test_by_hand(settings: dict[str, Any], values: list[float], expected: list[float]) -> None:
    assert factors(Plateau("val_loss", factor=0.5, **settings), values) == expected


def test_the_state_by_hand() -> None:
    plateau = Plateau("val_loss", factor=0.5, patience=1, cooldown=2)
    assert watched(plateau, [2, 3, 3, 1, 3, 3, 3]) == [
        PlateauState(1.0, 2, 0, 0),
        PlateauState(1.0, 2, 1, 0),
        PlateauState(0.5, 2, 0, 2),
        PlateauState(0.5, 1, 0, 1),
        PlateauState(0.5, 1, 0, 0),
        PlateauState(0.5, 1, 1, 0),
        PlateauState(0.25, 1, 0, 2),
    ]


def test_a_floor_above_a_resumed_multiplier_does_not_raise_it() -> None:
    state = PlateauState(factor=0.1, best=1.0)
    assert observe_plateau(Plateau("val_loss", patience=0, min_factor=0.5), state, 2.0).factor == 0.1


SETTINGS = st.builds(
    Plateau,
    monitor=st.just("val_loss"),
    mode=st.sampled_from(["min", "max"]),
    factor=st.sampled_from([0.1, 0.5, 0.9]),
    patience=st.integers(0, 3),
    min_delta=st.sampled_from([0.0, 0.5, 1.0]),
    cooldown=st.integers(0, 3),
    min_factor=st.sampled_from([0.0, 0.01, 0.3, 1.0]),
)
VALUES = st.lists(st.sampled_from([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, math.nan, math.inf, -math.inf]), max_size=30)


@given(SETTINGS, VALUES)
def test_equals_torch(plateau: Plateau, values: list[float]) -> None:
    assert factors(plateau, values) == torch_factors(plateau, values)


@given(SETTINGS, VALUES)
def test_the_multiplier_never_rises_and_stays_above_its_floor(plateau: Plateau, values: list[float]) -> None:
    found = [1.0, *factors(plateau, values)]
    assert found == sorted(found, reverse=True)
    assert all(factor >= plateau.min_factor for factor in found)


def test_values_that_pickle_and_cannot_be_changed() -> None:
    plateau, state = Plateau("val_loss", min_factor=0.1), PlateauState(0.5, 1.0, 2, 3)
    assert pickle.loads(pickle.dumps(plateau)) == plateau
    assert len({plateau, Plateau("val_loss", min_factor=0.1)}) == 1
    assert PlateauState(**dataclasses.asdict(state)) == state
    with pytest.raises(dataclasses.FrozenInstanceError):
        plateau.patience = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("plateau", "text"),
    [
        (Plateau("val_loss"), "Plateau: x0.1 whenever val_loss gets no lower in 11 validations on end"),
        (Plateau("val_acc", "max", patience=0), "Plateau: x0.1 whenever val_acc gets no higher in 1 validation"),
        (
            Plateau("val_loss", factor=0.5, patience=2, min_delta=0.01, cooldown=3, min_factor=0.2),
            "Plateau: x0.5 whenever val_loss gets no lower by 0.01 in 3 validations on end, then 3 uncounted, "
            "down to x0.2",
        ),
    ],
)
def test_describe(plateau: Plateau, text: str) -> None:
    assert plateau.describe() == text


@pytest.mark.parametrize(
    ("settings", "kind", "text"),
    [
        ({"monitor": 3}, TypeError, "monitor must be the name of a logged metric, got 3."),
        ({"mode": "low"}, ValueError, "mode must be one of max, min, got 'low'."),
        ({"factor": 0.0}, ValueError, "factor must be above 0, got 0.0."),
        ({"factor": 1.0}, ValueError, "factor must be below 1, got 1.0."),
        ({"factor": 10.0}, ValueError, "factor must be a number in [0, 1], got 10.0."),
        ({"patience": -1}, ValueError, "patience must be an integer of at least 0, got -1."),
        ({"patience": "3ep"}, TypeError, "patience must be an integer of at least 0, got '3ep'."),
        ({"min_delta": -0.1}, ValueError, "min_delta must be a number of at least 0, got -0.1."),
        ({"cooldown": -1}, ValueError, "cooldown must be an integer of at least 0, got -1."),
        ({"min_factor": 2.0}, ValueError, "min_factor must be a number in [0, 1], got 2.0."),
    ],
)
def test_refusals(settings: dict[str, Any], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind) as caught:
        Plateau(**{"monitor": "val_loss", **settings})
    assert str(caught.value) == f"Plateau: {text}"


def test_the_default_mode_is_not_that_of_an_accuracy() -> None:
    with pytest.raises(ValueError, match=r"^Plateau: mode must be 'max' for 'val_acc', got 'min'\. Pass mode='max'\.$"):
        Plateau("val_acc")
