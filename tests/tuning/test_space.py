"""Intervals, lists, and names that nothing is called by."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_regkit.tuning._space import Among, Between, check_space

shares = st.floats(0, 1)


def test_by_hand() -> None:
    assert Between(1e-4, 1e-2).at(0.5) == pytest.approx(1e-3)
    assert Between(0.0, 10.0, is_log=False).at(0.25) == 2.5
    assert Between(0.0, 10.0, is_log=False, points=3).grid() == (0, 5, 10)
    assert Between(1e-4, 1e-1).grid() == pytest.approx((1e-4, 1e-3, 1e-2, 1e-1))
    assert [Among((1, "a", None)).at(share) for share in (0.0, 0.33, 0.34, 0.99, 1.0)] == [1, 1, "a", None, None]
    assert Among((True, False)).grid() == (True, False)


@given(shares, st.booleans(), st.floats(1e-6, 1.0), st.floats(1.5, 1e4))
def test_shares_are_inside_and_come_back(share: float, is_log: bool, low: float, ratio: float) -> None:
    interval = Between(low, low * ratio, is_log=is_log)
    value = interval.at(share)
    assert interval.low <= value <= interval.high
    assert interval.share(value) == pytest.approx(share, abs=1e-6)
    assert (interval.at(0), interval.at(1)) == (interval.low, interval.high)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: Between(1.0, 1.0), ValueError, "tuning.Between: high must be above low, 1.0, got 1.0."),
        (lambda: Between(0.0, 1.0), ValueError, "low must be above 0 with is_log, got 0.0. Pass is_log=False."),
        (lambda: Between(0.1, math.inf), ValueError, "tuning.Between: high must be a finite number, got inf."),
        (lambda: Between("a", 1.0), TypeError, "tuning.Between: low must be a finite number, got 'a'."),
        (lambda: Between(0.1, 1.0, points=1), ValueError, "tuning.Between: points must be at least 2, got 1."),
        (lambda: Among(()), ValueError, "tuning.Among: values must be different ones, at least one, got ()."),
        (lambda: Among((1, 1)), ValueError, "tuning.Among: values must be different ones, at least one, got (1, 1)."),
        (lambda: check_space("search", {}), ValueError, "search: space must hold a hyperparameter, got {}."),
        (
            lambda: check_space("search", {"rate": Among((1,))}),
            ValueError,
            "weight_decay, optimizer.option, Callback.argument or module.argument, got 'rate'.",
        ),
    ],
    ids=range(9),
)
def test_refusals(make: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as refusal:
        make()
    assert str(refusal.value).endswith(text)


def test_every_kind_of_name_is_known() -> None:
    names = ("lr", "weight_decay", "momentum", "optimizer", "Mixup.alpha", "module.width")
    check_space("search", {name: Among((1,)) for name in names})


def test_in_words() -> None:
    assert str(Between(0.0123, 0.5)) == "from 0.012 to 0.5"
    assert str(Among((1e-4, 0.0, "adamw", None))) == "among 0.0001, 0.0, adamw, None"
