"""The distances find what is wrong by little, and nothing in what is right."""

import math

import scipy.stats  # type: ignore[import-untyped]

from tests.augment.support import (
    CHI_SQUARE,
    chi_square,
    draws_of,
    kolmogorov,
    kolmogorov_distance,
    normal,
    rng,
    uniform,
)


def test_the_bounds_are_those_of_the_table() -> None:
    for degrees, bound in CHI_SQUARE.items():
        assert math.isclose(scipy.stats.chi2.isf(0.01, degrees), bound, rel_tol=3e-3), degrees


def test_a_uniform_sample_passes_and_a_bent_one_does_not() -> None:
    sample = rng().random(3000)
    assert kolmogorov(sample, uniform(0, 1)) < 1
    assert kolmogorov(sample**1.2, uniform(0, 1)) > 1
    assert kolmogorov_distance(sample, rng(1).random(3000)) < 1
    assert kolmogorov_distance(sample, rng(1).random(3000) ** 1.2) > 1


def test_a_normal_sample_passes_and_a_wider_one_does_not() -> None:
    sample = rng().normal(0, 0.1, 3000)
    assert kolmogorov(sample, normal(0.1)) < 1
    assert kolmogorov(1.15 * sample, normal(0.1)) > 1


def test_a_fair_coin_passes_a_loaded_one_and_an_edge_do_not() -> None:
    expected = {0: 0.5, 1: 0.5}
    assert chi_square(rng().integers(2, size=4000).tolist(), expected) < 1
    assert chi_square((rng().random(4000) < 0.45).astype(int).tolist(), expected) > 1
    assert chi_square([0, 1, 2], expected) == math.inf


def test_one_number_is_used_before_the_first_transform() -> None:
    assert draws_of(3).random() != rng(3).random()
