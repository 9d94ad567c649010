"""What is remembered fits into any checkpoint."""

import io
from fractions import Fraction

import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_regkit.stopping import Moment, StoppingState

moments = st.builds(Moment, st.fractions(0, 1000), st.integers(0, 10**9), st.integers(0, 10**6))
numbers = st.none() | st.floats(allow_nan=False)


@given(st.builds(StoppingState, numbers, moments, numbers, moments, moments))
def test_it_comes_back_from_plain_values(state: StoppingState) -> None:
    assert StoppingState.from_plain(state.plain()) == state


def test_plain_values_load_with_weights_only() -> None:
    state = StoppingState(0.5, Moment(Fraction(9, 4), 225, 9), 0.25, Moment(Fraction(5, 2), 250, 10))
    file = io.BytesIO()
    torch.save(state.plain(), file)
    file.seek(0)
    assert StoppingState.from_plain(torch.load(file, weights_only=True)) == state
    assert state.plain()["best_at"] == ["9/4", 225, 9]
