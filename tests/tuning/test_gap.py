"""The gap at the end, around its limits."""

import pytest

from lightning_regkit.tuning._curves import Curves
from lightning_regkit.tuning._gap import gap_of


def cause(curves: Curves, fall: float = 2.0) -> str | None:
    verdict = gap_of(curves, fall, high=0.25)
    return verdict and verdict.cause


@pytest.mark.parametrize(
    ("train", "val", "expected"),
    [
        (0.95, 0.84, "wide gap"),
        (0.95, 0.86, None),
        (0.9, 0.885, "no gap"),
        (0.9, 0.95, "no gap"),
        (0.9, 0.87, None),
        (0.96, 0.96, None),
    ],
)
def test_accuracies_decide(train: float, val: float, expected: str | None) -> None:
    assert cause(Curves((9.0,), (0.0,), (train,), (val,))) == expected


@pytest.mark.parametrize(
    ("train", "val", "expected"),
    [(0.3, 0.95, "wide gap"), (0.3, 0.85, None), (1.0, 1.03, "no gap"), (1.0, 0.5, "no gap"), (0.3, 0.3, None)],
)
def test_without_them_losses_do(train: float, val: float, expected: str | None) -> None:
    assert cause(Curves((2.3, train), (2.3, val))) == expected
    assert cause(Curves((2.3, train), (2.3, val), train_acc=(0.1, 0.9))) == expected


def test_without_validation_there_is_none() -> None:
    assert cause(Curves((2.0, 1.0), train_acc=(0.1, 0.9))) is None


def test_sentences() -> None:
    wide = gap_of(Curves((9.0,), (), (1.0,), (0.75,)), 2.0, high=0.25)
    assert wide is not None
    assert wide.sentence == (
        "Wide gap of 0.25 between training (1) and validation. Add noise, weight decay or data, or stop earlier."
    )
    none = gap_of(Curves((9.0,), (), (0.5,), (0.5,)), 2.0, high=0.25)
    assert none is not None
    assert none.sentence == (
        "No gap between training (0.5) and validation (0.5). Enlarge the network, or take away regularization."
    )
