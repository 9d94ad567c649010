"""Slope, its error and noise, against numpy."""

import numpy as np
import pytest

from lightning_regkit.tuning._trend import noise, trend


def test_a_line_by_hand() -> None:
    line = trend([1.0, 3.0, 5.0, 7.0])
    assert line.change == pytest.approx(6)
    assert line.error == pytest.approx(0)


def test_against_numpy() -> None:
    values = np.random.default_rng(0).normal(size=17) + 0.1 * np.arange(17)
    (slope, _), covariance = np.polyfit(np.arange(17), values, 1, cov=True)
    line = trend(values.tolist())
    assert line.change == pytest.approx(16 * slope)
    assert line.error == pytest.approx(16 * np.sqrt(covariance[0, 0]))


@pytest.mark.parametrize("deviation", [0.1, 2.0])
def test_noise_around_a_bend(deviation: float) -> None:
    at = np.linspace(0, 1, 2000)
    values = np.exp(-3 * at) + np.random.default_rng(1).normal(0, deviation, 2000)
    assert noise(values.tolist()) == pytest.approx(deviation, rel=0.06)


def test_a_smooth_curve_has_none() -> None:
    assert noise([1.0, 2.0, 3.0, 9.0, 15.0, 21.0, 27.0]) == 0
