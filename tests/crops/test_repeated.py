import weakref
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_regkit.crops import View, distinct, flip, from_center, repeated, shifts, ten


class Made:
    def __init__(self, view: View) -> None:
        self.view = view


@given(st.integers(4, 40), st.integers(4, 40), st.integers(2, 4), st.booleans())
def test_every_view_gets_what_was_made_of_it_once(height: int, width: int, crop_px: int, is_ordered: bool) -> None:
    views = ten(height, width, resize_px=[crop_px, crop_px + 1], crop_px=crop_px)
    views = from_center(views) if is_ordered else views
    made = [Made(view) for view in distinct(views)]
    found = list(repeated(views, iter(made)))
    assert [each.view for each in found] == list(views)
    assert set(found) == set(made)


def test_items_are_taken_when_they_are_needed() -> None:
    taken: list[View] = []

    def make() -> Iterator[View]:
        for view in distinct(shifts(8, 8)):
            taken.append(view)
            yield view

    counts = [len(taken) for _ in repeated(shifts(8, 8), make())]
    assert counts == [1, 2, 2, 2, 3, 4, 5, 6]


def test_an_item_is_held_until_its_last_time() -> None:
    alive: list[weakref.ref[Made]] = []

    def make() -> Iterator[Made]:
        for view in flip(8, 8):
            made = Made(view)
            alive.append(weakref.ref(made))
            yield made
            del made

    first, second = flip(8, 8)
    held = []
    for each in repeated((first, second, first), make()):
        del each  # what the loop itself holds
        held.append(alive[0]() is not None)
    assert held == [True, True, False]


def test_too_few_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        list(repeated(flip(8, 8), "a"))
