"""Which models are kept: against sorting the whole history."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_regkit.stopping import Kept, Shelf, place
from lightning_regkit.stopping._shelf import check_keep
from tests.stopping.references import shelved

NAN = math.nan
values = st.lists(st.sampled_from((0.0, 0.25, 0.5, 1.0, NAN)), max_size=12)
modes = st.sampled_from(("min", "max"))


def test_worked_top_two() -> None:
    history = [0.7, 0.8, 0.6, 0.75, 0.9]
    kept = [shelved(history[: end + 1], "max", 2).paths for end in range(5)]
    assert kept == [("0",), ("1", "0"), ("1", "0"), ("1", "3"), ("4", "1")]


@given(values, modes, st.integers(1, 5) | st.just("all"))
def test_top_k_is_a_sort_of_the_whole_history(history: list[float], mode: Any, keep: Any) -> None:
    sign = 1 if mode == "min" else -1
    order = sorted(
        range(len(history)),
        key=lambda at: (math.isnan(history[at]), 0 if math.isnan(history[at]) else sign * history[at]),
    )
    expected = [str(at) for at in order][: None if keep == "all" else keep]
    shelf = shelved(history, mode, keep)
    assert list(shelf.paths) == expected
    assert (shelf.best is None) == all(math.isnan(value) for value in history)


def test_the_best_by_the_rule_stays_though_others_are_higher() -> None:
    shelf = place(Shelf(), Kept("a", 0.90), is_best=True, mode="max", keep=2)
    for name, value in (("b", 0.92), ("c", 0.94), ("d", 0.91)):  # improvements below min_delta
        shelf = place(shelf, Kept(name, value), is_best=False, mode="max", keep=2)
    assert shelf == Shelf(Kept("a", 0.90), (Kept("c", 0.94),))
    shelf = place(shelf, Kept("e", 0.96), is_best=True, mode="max", keep=2)
    assert shelf.paths == ("e", "c")
    assert place(shelf, Kept("f", 0.5), is_best=False, mode="max", keep=1).paths == ("e",)


def test_nan_is_kept_only_for_want_of_anything_else() -> None:
    shelf = place(Shelf(), Kept("a", NAN), is_best=False, mode="max", keep=1)
    assert (shelf.best, shelf.paths) == (None, ("a",))
    assert place(shelf, Kept("b", NAN), is_best=False, mode="max", keep=1).paths == ("a",)
    assert place(shelf, Kept("b", 0.1), is_best=True, mode="max", keep=1).paths == ("b",)


@pytest.mark.parametrize(
    ("keep", "error", "text"),
    [
        (0, ValueError, "Best: keep must be a positive integer, got 0."),
        ("some", ValueError, "Best: keep must be 'all' or a positive integer, got 'some'."),
        (True, TypeError, "Best: keep must be a positive integer, got True."),
        (1.5, TypeError, "Best: keep must be a positive integer, got 1.5."),
    ],
)
def test_refusals(keep: Any, error: Any, text: str) -> None:
    with pytest.raises(error) as caught:
        check_keep("Best", keep)
    assert str(caught.value) == text


def test_what_can_be_kept() -> None:
    assert (check_keep("Best", 3), check_keep("Best", "all")) == (3, "all")
