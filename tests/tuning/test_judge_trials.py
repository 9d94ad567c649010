"""Which rates fall, worked by hand."""

import math

import pytest

from lightning_regkit.tuning._judge_trials import judge_trials, last_loss

FALLS, STAYS, RISES, WILD = (2.0, *[1.0] * 19), (2.0,) * 20, (2.0, *[9.0] * 19), (2.0, math.nan)


def test_the_last_tenth_counts() -> None:
    assert last_loss([5.0] * 18 + [1.0, 2.0]) == 1.5
    assert last_loss([3.0]) == 3.0
    assert last_loss(WILD) == math.inf
    assert last_loss([math.inf, 1.0]) == math.inf


@pytest.mark.parametrize(
    ("losses", "best", "cause"),
    [
        ([STAYS, FALLS, RISES], 0.01, "healthy"),
        ([(2.0, *[0.5] * 19), FALLS, WILD], 0.1, "healthy"),
        ([STAYS, RISES, WILD], None, "does not fall"),
        ([(2.0, *[1.81] * 19)] * 3, None, "does not fall"),
        ([(2.0, *[1.79] * 19)] * 3, 0.001, "healthy"),
        ([WILD, WILD, (math.inf,)], None, "not finite"),
    ],
)
def test_verdicts(losses: list[tuple[float, ...]], best: float | None, cause: str) -> None:
    found, verdict = judge_trials((0.1, 0.01, 0.001), losses)
    assert (found, verdict.cause) == (best, cause)


def test_the_sentence_says_every_rate() -> None:
    _, verdict = judge_trials((0.1, 0.01), [WILD, FALLS])
    assert verdict.sentence == "A rate of 0.01 brings the loss down to 1 (0.1: 2 to inf, 0.01: 2 to 1)."
