"""Rates read off a range test: curves with a known minimum, noise, and divergence."""

import math

import numpy as np
import pytest

from lightning_regkit.tuning._analyze_range import analyze_range

RATES = [10 ** (step / 20 - 5) for step in range(121)]  # 1e-5 to 10
AT = np.array([math.log10(rate) for rate in RATES])
#: Falls around 1e-2, lowest near 0.1, then diverges.
LOSSES = 2.3 - 1.8 / (1 + np.exp(-4 * (AT + 2))) + np.exp(6 * (AT - 0.1))


def test_a_curve_with_a_minimum() -> None:
    found = analyze_range(RATES, LOSSES.tolist(), reach=0)
    assert found.lowest == RATES[int(np.argmin(LOSSES))]
    assert found.suggested == found.lowest / 10
    assert found.steepest == pytest.approx(1e-2, rel=0.15)
    assert found.diverges == pytest.approx(10 ** (0.1 + math.log10(4.1) / 6 / math.log10(math.e)), rel=0.15)
    assert found.verdict.is_healthy
    assert found.smoothed == tuple(LOSSES)


@pytest.mark.parametrize("seed", range(20))
def test_noise_does_not_move_it_far(seed: int) -> None:
    noisy = LOSSES + np.random.default_rng(seed).normal(0, 0.15, len(LOSSES))
    found = analyze_range(RATES, noisy.tolist())
    clean = analyze_range(RATES, LOSSES.tolist())
    assert found.reach == 6
    assert found.suggested is not None
    assert clean.suggested is not None
    assert abs(math.log10(found.suggested / clean.suggested)) < 0.7


def test_a_jump_at_the_start_is_no_fall() -> None:
    losses = [3.2, *LOSSES[1:]]
    assert analyze_range(RATES, losses, reach=6).steepest == pytest.approx(1e-2, rel=0.3)
    assert analyze_range(RATES, [2.0, 1.0, *[1.5] * 119], reach=6).steepest is not None


def test_a_loss_that_never_turns() -> None:
    found = analyze_range(RATES, (3 - 0.1 * AT).tolist())
    assert (found.diverges, found.lowest) == (None, RATES[-1])
    assert found.verdict.sentence.endswith("train at 1.0e+00.")


def test_what_comes_after_a_nan_is_not_read() -> None:
    losses = [*LOSSES[:80], math.nan, *[0.0] * 40]
    found = analyze_range(RATES, losses, reach=0)
    assert len(found.smoothed) == 80
    assert found.diverges == RATES[80]


def test_flat_or_rising_has_no_rate() -> None:
    found = analyze_range(RATES, [2.3] * 121)
    assert (found.suggested, found.verdict.cause, found.steepest, found.diverges) == (None, "does not fall", None, None)
    assert found.verdict.sentence == "The loss of 2.3 does not fall at any rate from 1.0e-05 to 1.0e+01."
    rising = analyze_range(RATES, (2.3 + np.arange(121)).tolist())
    assert rising.suggested is None
    assert rising.diverges is not None


def test_nan_from_the_start() -> None:
    found = analyze_range(RATES, [math.nan] * 121)
    assert (found.suggested, found.diverges, found.verdict.cause) == (None, RATES[0], "not finite")


def test_no_rate_below_the_smallest() -> None:
    rates = [0.1, 0.2, 0.3, 0.4, 0.5]
    assert analyze_range(rates, [2.0, 1.0, 1.5, 2.0, 9.0], reach=0).suggested == 0.1


@pytest.mark.parametrize(
    ("rates", "losses", "text"),
    [
        ([0.1] * 4, [1.0] * 4, r"rates and losses must be equally many, at least 5, got \(4, 4\)\."),
        ([0.1] * 6, [1.0] * 5, r"rates and losses must be equally many, at least 5, got \(6, 5\)\."),
        ([0.1] * 5, [1.0] * 5, r"rates must be above 0 and grow, got \[0\.1, 0\.1, 0\.1, 0\.1, 0\.1\]\."),
        ([0, 1, 2, 3, 4], [1.0] * 5, r"rates must be above 0 and grow"),
    ],
)
def test_refusals(rates: list[float], losses: list[float], text: str) -> None:
    with pytest.raises(ValueError, match=f"^tuning.analyze_range: {text}"):
        analyze_range(rates, losses)
