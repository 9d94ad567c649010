import math
from collections.abc import Iterator

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from lightning_regkit.marginalize._weights import weighted

VIEWS = [torch.tensor(0.0), torch.tensor(1.0), torch.tensor(2.0)]


def shares(weights: list[float] | None, views: list[Tensor] = VIEWS) -> list[float]:
    return [weight for _, weight in weighted("combine", views, weights)]


def test_worked_examples() -> None:
    assert shares([1, 2, 1]) == [0.25, 0.5, 0.25]
    assert shares([0, 5, 0]) == [0, 1, 0]
    assert shares(None) == [1, 1, 1]
    assert shares([7], VIEWS[:1]) == [1]


def test_elements_come_in_order_and_as_they_are() -> None:
    assert [view for view, _ in weighted("combine", VIEWS, [1, 2, 3])] == VIEWS


@given(st.lists(st.floats(0, 1e300) | st.floats(1e-300, 1), min_size=3, max_size=3))
def test_shares_sum_to_one_and_keep_their_ratios(weights: list[float]) -> None:
    if max(weights) == 0:
        return
    found = shares(weights)
    assert math.fsum(found) == pytest.approx(1)
    largest = weights.index(max(weights))
    for share, weight in zip(found, weights, strict=True):
        assert share == pytest.approx(found[largest] * (weight / max(weights)))


def test_the_largest_numbers_have_a_sum() -> None:
    assert shares([1.7e308, 1.7e308, 0.0]) == [0.5, 0.5, 0.0]


def test_the_stream_is_read_one_by_one() -> None:
    read = []

    def stream() -> Iterator[Tensor]:
        for view in VIEWS:
            read.append(view)
            yield view

    pairs = weighted("combine", stream(), None)
    next(pairs)
    assert len(read) == 1


def test_another_number_of_weights_is_refused() -> None:
    expected = r"^combine: weights must hold one number per view, got 2\. Number of views: more than 2\.$"
    with pytest.raises(ValueError, match=expected):
        shares([1, 1])
    expected = r"^combine: weights must hold one number per view, got 4\. Number of views: 3\.$"
    with pytest.raises(ValueError, match=expected):
        shares([1, 1, 1, 1])


def test_no_views_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^combine: scores must hold at least one view, got \[\]\.$"):
        shares(None, [])


@pytest.mark.parametrize("weights", [[], [0, 0, 0]])
def test_weights_that_sum_to_nothing_are_refused(weights: list[float]) -> None:
    with pytest.raises(ValueError, match=r"^combine: weights must hold a number above 0, got \[.*\]\.$"):
        shares(weights)


@pytest.mark.parametrize(("weight", "error"), [(-1.0, ValueError), (math.nan, ValueError), ("1", TypeError)])
def test_what_is_no_weight_is_refused(weight: float, error: type[Exception]) -> None:
    with pytest.raises(error, match=rf"^combine: weights must be a number of at least 0, got {weight!r}\.$"):
        shares([1, weight, 1])
