import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lightning_regkit.crops import Box, View, apply_views, distinct, multiscale_50, ten
from lightning_regkit.marginalize import combine

FIRST = View((4, 4), Box(0, 0, 2, 2))
SECOND = View((4, 4), Box(0, 2, 2, 2))


def test_worked_example() -> None:
    assert distinct([FIRST, SECOND, FIRST, FIRST]) == {FIRST: 0.75, SECOND: 0.25}
    assert distinct([FIRST]) == {FIRST: 1.0}


def test_views_stay_in_order_of_first_appearance() -> None:
    assert list(distinct([SECOND, FIRST, SECOND])) == [SECOND, FIRST]


def test_reflection_and_scale_make_a_difference() -> None:
    views = [FIRST, FIRST.mirrored(), View((5, 5), Box(0, 0, 2, 2))]
    assert len(distinct(views)) == 3


@given(st.integers(8, 300), st.integers(8, 300))
def test_weights_sum_to_one_and_scales_stay_together(height: int, width: int) -> None:
    views = multiscale_50(height, width, resize_px=[8, 9, 16], crop_px=8)
    weights = distinct(views)
    assert sum(weights.values()) == pytest.approx(1)
    assert set(weights) == set(views)
    sizes = [view.size_px for view in weights]
    assert sizes == sorted(sizes, key=min)


@settings(max_examples=30)
@given(st.integers(4, 9), st.integers(4, 9), st.integers(2, 4), st.integers(0, 2**32 - 1))
def test_the_weighted_mean_is_the_naive_mean(height: int, width: int, crop_px: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(2, 3, height, width, generator=generator, dtype=torch.float64)
    weight = torch.randn(3 * crop_px * crop_px, 5, generator=generator, dtype=torch.float64)
    views = ten(height, width, resize_px=[crop_px, crop_px + 1], crop_px=crop_px)
    weights = distinct(views)

    naive = torch.stack([(crop.flatten(1) @ weight).softmax(1) for crop in apply_views(images, views)]).mean(0)
    scores = (crop.flatten(1) @ weight for crop in apply_views(images, weights))
    torch.testing.assert_close(combine(scores, weights=list(weights.values())).softmax(1), naive)
    assert len(weights) < len(views)


def test_no_views_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^crops\.distinct: views must hold at least one, got \[\]\.$"):
        distinct([])
