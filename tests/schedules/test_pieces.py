"""A run cut into runs: totals, and epochs that end where they would have ended."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_regkit._durations import steps
from lightning_regkit.schedules import Horizon
from lightning_regkit.schedules._pieces import check_increasing, pieces
from tests.refusals import refusal


@pytest.mark.parametrize("values", [[3, 3], [1, 4, 2]])
def test_positions_increase(values: list[int]) -> None:
    written = [f"{value}ep" for value in values]
    with pytest.raises(ValueError, match=refusal(f"Join: boundaries must increase, got {written}.")):
        check_increasing("Join", "boundaries", values, written)
    check_increasing("Join", "boundaries", sorted({*values}), written)


def test_totals_add_up() -> None:
    assert [piece.total_steps for piece in pieces(Horizon(30), [4, 11])] == [4, 7, 19]
    assert [piece.total_steps for piece in pieces(Horizon(None), [4, 11])] == [4, 7, None]
    assert pieces(Horizon(30, (10, 20, 30)), []) == [Horizon(30, (10, 20, 30))]


@pytest.mark.parametrize(
    ("start", "epoch_ends", "ends"),
    [
        (10, (10, 20, 30), (10, 20)),
        (15, (10, 20, 30), (5, 15)),
        (19, (10, 20, 30), (1, 11)),
        (20, (10, 20, 30), (10, 20)),
        (25, (10, 20, 30), (5, 15)),
        (5, (10,), (5, 15)),
        (30, (10,), (10, 20)),
        (33, (10,), (7, 17)),
        (12, (10, 13, 16), (1, 4)),
        (4, (), ()),
    ],
)
def test_epochs_end_where_they_would_have(start: int, epoch_ends: tuple[int, ...], ends: tuple[int, ...]) -> None:
    assert pieces(Horizon(None, epoch_ends), [start])[1].epoch_ends == ends


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(1, 60), st.integers(1, 20))
def test_epochs_of_a_piece_are_those_of_the_run_at_any_distance(lengths: list[int], start: int, epochs: int) -> None:
    ends = [sum(lengths[: k + 1]) for k in range(len(lengths))]
    ends += [ends[-1] + lengths[-1] * k for k in range(1, 200)]
    piece = pieces(Horizon(None, tuple(ends[: len(lengths)])), [start])[1]
    expected = [end - start for end in ends if end > start][epochs - 1]
    assert steps(f"{epochs}ep", piece, owner="Join", argument="boundaries") == expected
