"""How often, and which one: shares, laws, refusals."""

import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_regkit.mixing._chance import check_probability, choose, happens, keep_some, shares
from lightning_regkit.mixing._erasing import ErasingDraw

DRAWS = 20_000


@pytest.mark.parametrize("probability", [1e-6, 0.5, 1, 1.0])
def test_a_usable_probability(probability: float) -> None:
    assert check_probability("CutMix", probability) == probability


@pytest.mark.parametrize(
    ("probability", "error", "text"),
    [
        (0.0, ValueError, "be above 0, got 0.0. To do nothing, leave CutMix out."),
        (-0.1, ValueError, "be a number in [0, 1], got -0.1."),
        (1.1, ValueError, "be a number in [0, 1], got 1.1."),
        (math.nan, ValueError, "be a number in [0, 1], got nan."),
        ("often", TypeError, "be a number in [0, 1], got 'often'."),
    ],
)
def test_a_probability_that_is_none(probability: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(f'CutMix: probability must {text}')}$"):
        check_probability("CutMix", probability)


@pytest.mark.parametrize("probability", [0.0, 0.1, 0.7])
def test_it_happens_as_often_as_it_should(probability: float) -> None:
    generator = np.random.default_rng(3)
    count = sum(happens(probability, generator) for _ in range(DRAWS))
    sigma = math.sqrt(probability * (1 - probability) / DRAWS)
    assert count / DRAWS == pytest.approx(probability, abs=4 * sigma)


def test_what_is_certain_draws_nothing() -> None:
    generator = np.random.default_rng(3)
    before = generator.bit_generator.state
    assert happens(1.0, generator)
    assert generator.bit_generator.state == before


def test_shares_by_hand() -> None:
    assert shares("OneOf", None, 4) == (0.25,) * 4
    assert shares("OneOf", [3, 1], 2) == (0.75, 0.25)
    assert shares("OneOf", (0.0, 0.2), 2) == (0.0, 1.0)
    assert shares("OneOf", None, 1) == (1.0,)


@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=8))
def test_shares_sum_to_one_and_keep_their_ratios(weights: list[float]) -> None:
    found = shares("OneOf", weights, len(weights))
    assert math.fsum(found) == pytest.approx(1)
    for share, weight in zip(found, weights, strict=True):
        assert share * weights[0] == pytest.approx(found[0] * weight)


@pytest.mark.parametrize(
    ("weights", "error", "text"),
    [
        ([1.0], ValueError, "be 2 numbers, one for each, got [1.0]."),
        ([1.0, 1.0, 1.0], ValueError, "be 2 numbers, one for each, got [1.0, 1.0, 1.0]."),
        ([0.0, 0.0], ValueError, "not all be 0, got [0.0, 0.0]."),
        ([1.0, -1.0], ValueError, "be a number of at least 0, got -1.0."),
        ([1.0, math.inf], ValueError, "be a number of at least 0, got inf."),
        ([1.0, "much"], TypeError, "be a number of at least 0, got 'much'."),
    ],
)
def test_bad_weights(weights: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(f'OneOf: weights must {text}')}$"):
        shares("OneOf", weights, 2)


def test_each_is_chosen_as_often_as_it_should() -> None:
    generator = np.random.default_rng(3)
    found = np.bincount([choose([0.2, 0.0, 0.8], generator) for _ in range(DRAWS)], minlength=3) / DRAWS
    assert found[1] == 0
    assert found == pytest.approx([0.2, 0.0, 0.8], abs=4 * math.sqrt(0.16 / DRAWS))


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6).filter(any), st.integers(0, 2**32))
def test_the_draws_are_those_of_numpy(weights: list[int], seed: int) -> None:
    probabilities = shares("OneOf", weights, len(weights))
    ours, theirs = np.random.default_rng(seed), np.random.default_rng(seed)
    drawn = [choose(probabilities, ours) for _ in range(20)]
    assert drawn == [theirs.choice(len(weights), p=probabilities) for _ in range(20)]


def test_only_the_generator_is_random() -> None:
    twins = [np.random.default_rng(7), np.random.default_rng(7)]
    first, second = ([choose([0.5, 0.5], twin) for _ in range(50)] for twin in twins)
    assert first == second
    assert set(first) == {0, 1}


def boxes_of(count: int) -> ErasingDraw:
    return ErasingDraw(np.tile(np.array([[1, 2, 3, 4], [0, 0, 1, 1]]), (count, 1, 1)), height=8, width=6)


def test_images_keep_all_of_their_boxes_or_none() -> None:
    draw = boxes_of(DRAWS)
    found = keep_some(draw, 0.3, np.random.default_rng(3))
    is_kept = (found.boxes == draw.boxes).all((1, 2))
    assert (found.boxes[~is_kept] == 0).all()
    assert is_kept.mean() == pytest.approx(0.3, abs=4 * math.sqrt(0.21 / DRAWS))
    assert (found.height, found.width) == (8, 6)
    assert (draw.boxes == boxes_of(DRAWS).boxes).all(), "unchanged"


def test_all_of_them_draw_nothing() -> None:
    draw, generator = boxes_of(2), np.random.default_rng(3)
    before = generator.bit_generator.state
    assert keep_some(draw, 1.0, generator) is draw
    assert generator.bit_generator.state == before
