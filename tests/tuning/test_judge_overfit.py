"""Verdicts on learning a few batches by heart, one series for each cause."""

import math
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from lightning_regkit.tuning._expected_loss import LossSpec
from lightning_regkit.tuning._judge_overfit import judge_overfit, softmax_floor
from lightning_regkit.tuning._overfitted import Overfitted

CE = LossSpec(10)
FALLEN = tuple(2.3 * 0.95**step for step in range(100))
FLAT = (2.3,) * 100
HALF = tuple(1.2 + 1.1 * 0.9**step for step in range(100))


def cause(losses: tuple[float, ...], accuracy: float | None = None, **seen: Any) -> str:
    return judge_overfit(Overfitted(losses, accuracy, **{"spec": CE, **seen})).cause


@pytest.mark.parametrize(
    ("losses", "seen", "expected"),
    [
        (FALLEN, {"accuracy": 1.0}, "healthy"),
        (FALLEN, {"accuracy": 0.99}, "healthy"),
        (FALLEN, {}, "healthy"),
        (FALLEN, {"accuracy": 1.0, "frozen": 0.9}, "healthy"),
        (FALLEN, {"accuracy": 0.98}, "cannot fit"),
        (HALF, {}, "cannot fit"),
        (HALF, {"accuracy": 0.6, "frozen": 0.6}, "frozen"),
        (HALF, {"accuracy": 0.6, "frozen": 0.4}, "cannot fit"),
        (FLAT, {}, "does not fall"),
        (FLAT, {"accuracy": 1.0}, "does not fall"),
        (FLAT, {"frozen": 0.6}, "frozen"),
        (FLAT, {"moved": 0.001}, "rate too low"),
        (FLAT, {"moved": 0.001, "without_gradient": 0.9}, "bad init"),
        (FLAT, {"moved": 0.001, "without_gradient": 0.9, "frozen": 1.0}, "bad init"),
        ((*FLAT, *[4.0] * 20), {}, "rate too high"),
        ((2.3, 2.2, math.nan), {}, "not finite"),
        ((2.3, math.inf), {}, "not finite"),
        ((2.3, math.inf), {"saturated": 0.9}, "not finite"),
        (FALLEN, {"accuracy": 1.0, "saturated": 1.0, "dead": 1.0}, "healthy"),
        (HALF, {"saturated": 0.51}, "saturating init"),
        (HALF, {"saturated": 0.5}, "cannot fit"),
        (FLAT, {"saturated": 0.51, "moved": 0.001}, "saturating init"),
        ((*FLAT, *[4.0] * 20), {"saturated": 0.6, "dead": 0.6}, "saturating init"),
        (HALF, {"dead": 0.51, "frozen": 0.6}, "dead units"),
        (FLAT, {"dead": 0.51, "without_gradient": 0.9}, "dead units"),
        (FLAT, {"dead": 0.5, "without_gradient": 0.9}, "bad init"),
    ],
)
def test_causes(losses: tuple[float, ...], seen: dict[str, Any], expected: str) -> None:
    assert cause(losses, **seen) == expected


def test_a_softmax_too_many_holds_the_loss_up() -> None:
    held = tuple(1.47 + 0.83 * 0.9**step for step in range(100))
    assert cause(held, 1.0) == "double softmax"
    assert cause(held, 0.5) == "cannot fit"
    assert cause(held, None) == "cannot fit"
    assert cause(held, 1.0, spec=None) == "healthy"
    assert cause(held, 1.0, spec=LossSpec(10, "bce")) == "healthy"
    assert cause(held, 1.0, spec=LossSpec(10, label_smoothing=0.1)) == "healthy"
    assert cause(held, 1.0, spec=LossSpec(10, reduction="sum")) == "healthy"
    assert cause(FALLEN, 1.0) == "healthy"


@pytest.mark.parametrize("count", [2, 10, 1000])
def test_the_floor_is_torchs(count: int) -> None:
    sure = F.one_hot(torch.tensor([0]), count).double()
    assert softmax_floor(count) == pytest.approx(F.cross_entropy(sure, torch.tensor([0])).item())


def test_one_jump_at_the_end_does_not_decide() -> None:
    assert cause((*FALLEN[:-1], 3.0), 1.0) == "healthy"


def test_two_steps_are_judged_too() -> None:
    assert cause((2.3, 0.1), 1.0) == "healthy"


def test_sentences() -> None:
    assert judge_overfit(Overfitted(FALLEN, 1.0)).sentence == (
        "The loss went from 2.3 to 0.01877 in 100 steps, with 100.0% right."
    )
    assert judge_overfit(Overfitted((2.3, math.nan))).sentence == (
        "The loss is nan at step 1. Lower the rate ten times, or make first weights smaller."
    )
    assert judge_overfit(Overfitted(FLAT, moved=0.0002)).sentence == (
        "The loss went from 2.3 to 2.3 in 100 steps: "
        "weights have moved by 0.0002 of their norm. Raise the rate ten times."
    )
    assert judge_overfit(Overfitted(FLAT, 0.125, saturated=0.8)).sentence == (
        "The loss went from 2.3 to 2.3 in 100 steps, with 12.5% right: 80% of the outputs of a tanh or sigmoid begin "
        "at the ends of its range, without slope. Make first weights smaller, or normalize the inputs."
    )
    assert judge_overfit(Overfitted(HALF, dead=1.0)).sentence == (
        "The loss went from 2.3 to 1.2 in 100 steps: 100% of the units of a ReLU begin below 0 for all images, without "
        "gradient. Set first biases to 0, or normalize the inputs."
    )
    assert judge_overfit(Overfitted(FLAT, frozen=0.75)).sentence == (
        "The loss went from 2.3 to 2.3 in 100 steps: 75% of the weights are frozen. Train them, and see that the "
        "optimizer has them."
    )
