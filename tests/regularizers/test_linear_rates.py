"""The linear rule of stochastic depth, and what it is for: the mean over draws is the block at test."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.ops import StochasticDepth

from lightning_regkit.regularizers import linear_rates


def test_the_papers_survival_probabilities() -> None:
    # Section 3: p_0 = 1, p_L = 0.5, and 54 blocks of which 3/4 of 54 are expected to be active: 40.5 with (3L - 1) / 4.
    survival = [1 - rate for rate in linear_rates(0.5, 54)]
    assert sum(survival) == pytest.approx((3 * 54 - 1) / 4)
    assert survival[-1] == 0.5


@given(st.floats(0, 1), st.integers(1, 200))
def test_in_equal_steps_from_zero_to_the_rate(rate: float, num_blocks: int) -> None:
    rates = linear_rates(rate, num_blocks)
    assert len(rates) == num_blocks
    assert rates[-1] == pytest.approx(rate)
    assert [after - before for before, after in zip((0.0, *rates), rates, strict=False)] == pytest.approx(
        [rate / num_blocks] * num_blocks
    )


@pytest.mark.parametrize(
    ("arguments", "kind", "text"),
    [
        ((1.5, 3), ValueError, "linear_rates: rate must be a number in [0, 1], got 1.5."),
        ((0.5, 0), ValueError, "linear_rates: num_blocks must be a positive integer, got 0."),
        (("a", 3), TypeError, "linear_rates: rate must be a number in [0, 1], got 'a'."),
    ],
)
def test_refusals(arguments: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match="linear_rates") as caught:
        linear_rates(*arguments)
    assert str(caught.value) == text


def test_stochastic_depth_of_a_branch_averages_to_the_branch_at_test() -> None:
    draws, rate = 10_000, 0.3
    branch = torch.randn(1, 5, generator=torch.Generator().manual_seed(0)).double()
    layer = StochasticDepth(rate, "row")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        shortcut_and_branch = 1 + layer(branch.expand(draws, 5))
    error = (shortcut_and_branch.mean(0) - (1 + layer.eval()(branch))[0]).abs()
    standard = branch[0].abs() * (rate / (1 - rate) / draws) ** 0.5
    assert (error <= 4 * standard).all()
    assert (error > 0).any()
