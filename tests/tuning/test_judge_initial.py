"""Verdicts on the loss before the first step: one observation for each cause, and those around the limits."""

import math
from typing import Any

import pytest

from lightning_regkit.tuning._expected_loss import LossSpec, expected_loss
from lightning_regkit.tuning._judge_initial import judge_initial, slack
from lightning_regkit.tuning._observed import Observed

CE = LossSpec(10)
BCE = LossSpec(10, "bce")
CHANCE = math.log(10)


def cause(loss: float, spec: LossSpec | None = CE, **seen: Any) -> str:
    return judge_initial(Observed(loss, spec, **{"batch_size": 25, "num_images": 125, "labels": (0, 9), **seen})).cause


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (CHANCE, "healthy"),
        (CHANCE + 1.19, "healthy"),
        (CHANCE + 1.21, "large init"),
        (CHANCE - 0.24, "healthy"),
        (CHANCE - 0.26, "better than chance"),
        (25 * CHANCE, "wrong reduction"),
        (30 * CHANCE, "wrong reduction"),
        (40 * CHANCE, "large init"),
        (CHANCE / 25, "wrong reduction"),
        (math.nan, "not finite"),
        (math.inf, "not finite"),
    ],
)
def test_by_the_loss_alone(loss: float, expected: str) -> None:
    assert cause(loss) == expected


@pytest.mark.parametrize(
    ("spec", "loss", "expected"),
    [
        (BCE, math.log(2), "healthy"),
        (BCE, math.log(2) + 0.29, "healthy"),
        (BCE, math.log(2) - 0.08, "better than chance"),
        (BCE, 10 * math.log(2), "wrong reduction"),
        (BCE, 250 * math.log(2), "wrong reduction"),
        (BCE, math.log(2) / 10, "wrong reduction"),
        (BCE, 2.0, "large init"),
        (LossSpec(10, "bce", "class_sum"), 10 * math.log(2) + 2.9, "healthy"),
        (LossSpec(10, "bce", "sum"), 250 * math.log(2), "wrong reduction"),
        (LossSpec(10, reduction="sum"), 25 * CHANCE, "wrong reduction"),
        (None, 1.0, "unknown loss"),
    ],
)
def test_by_the_loss_and_its_kind(spec: LossSpec | None, loss: float, expected: str) -> None:
    assert cause(loss, spec) == expected


def test_a_sum_over_one_image_is_no_fault() -> None:
    assert cause(CHANCE, LossSpec(10, reduction="sum"), batch_size=1) == "healthy"


def test_a_batch_of_one_is_never_summed() -> None:
    assert cause(25 * CHANCE, batch_size=1) == "large init"


@pytest.mark.parametrize("penalty", [0.5, 100.0])
def test_the_penalty_is_expected(penalty: float) -> None:
    assert cause(CHANCE + penalty, penalty=penalty) == "healthy"
    assert cause(CHANCE, penalty=penalty) != "healthy"
    assert cause(25 * CHANCE + penalty, penalty=penalty) == "wrong reduction"


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ({"labels": (1, 10)}, "labels off by one"),
        ({"labels": (1, 9)}, "labels off by one"),
        ({"labels": (1, 9), "num_images": 50}, "healthy"),  # by chance: 0.9^50 = 0.5 %
        ({"labels": (1, 8)}, "healthy"),
        ({"labels": (-1, 9)}, "labels out of range"),
        ({"labels": (0, 10)}, "labels out of range"),
        ({"labels": (2, 10)}, "labels out of range"),
        ({"labels": None}, "healthy"),
        ({"num_repeated": 1}, "overlap"),
        ({"are_probabilities": True}, "double softmax"),
        ({"eval_norms": ("a", "b", "c", "d")}, "batch norm in eval"),
    ],
)
def test_by_what_else_was_seen(seen: dict[str, Any], expected: str) -> None:
    assert cause(CHANCE, **seen) == expected


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ({"inputs": (3.0, 4.1)}, "unnormalized input"),
        ({"inputs": (3.0, 3.9)}, "large init"),
        ({"inputs": (120.0, 60.0), "mean_outputs": (9.0, *[0.0] * 9)}, "unnormalized input"),
        ({"inputs": (0.0, 1.0), "mean_outputs": (9.0, *[0.0] * 9), "spread": 0.8}, "bias init"),
        ({"inputs": (0.0, 1.0), "mean_outputs": (9.0, *[0.0] * 9), "spread": 1.0}, "large init"),
        ({"inputs": (0.0, 1.0), "mean_outputs": (9.0, *[0.0] * 9)}, "large init"),
    ],
)
def test_why_a_loss_is_high(seen: dict[str, Any], expected: str) -> None:
    assert cause(CHANCE + 4, **seen) == expected
    assert cause(CHANCE, **seen) == "healthy"


def test_a_bias_that_is_seen_in_the_network_is_expected_and_still_a_fault() -> None:
    leaning = LossSpec(10, bias=(9.0, *[0.0] * 9))
    assert cause(expected_loss(leaning), leaning) == "bias init"
    rare = LossSpec(10, "bce", "class_sum", bias=(-math.log(10),) * 10)
    assert cause(expected_loss(rare), rare) == "healthy"


def test_a_ratio_that_was_seen_outweighs_a_guess() -> None:
    assert cause(25 * CHANCE, ratio=1.0) == "large init"
    assert cause(40 * CHANCE, ratio=25.1) == "wrong reduction"


def test_sentences() -> None:
    assert judge_initial(Observed(2.3, CE)).sentence == "The loss is 2.3, expected was 2.303."
    assert judge_initial(Observed(60.0, CE, batch_size=25)).sentence == (
        "The loss is 60, expected was 2.303: it is summed over the batch. Take the mean over images."
    )
    assert judge_initial(Observed(9.0, CE, spread=4.2)).sentence == (
        "The loss is 9, expected was 2.303: outputs vary by 4.2 before any step. Make initial weights smaller."
    )
    assert judge_initial(Observed(9.0, CE, inputs=(127.0, 64.0))).sentence == (
        "The loss is 9, expected was 2.303: inputs have mean 127 and deviation 64. Normalize them."
    )
    assert judge_initial(Observed(2.3, CE, labels=(1, 10))).sentence == (
        "Labels run from 1 to 10, but 10 outputs take labels 0 to 9. They are off by one: subtract 1."
    )
    assert judge_initial(Observed(2.3, CE, eval_norms=("a", "b", "c", "d"))).sentence == (
        "Batch norms are in eval mode in training (a, b, c): their statistics stay as they are. Call train()."
    )
    assert judge_initial(Observed(2.3, CE, num_repeated=3)).sentence == (
        "3 validation images are training images, byte for byte. Split the data again."
    )


def test_slack_grows_with_what_is_summed() -> None:
    assert slack(CE) == (0.25, 1.2)
    assert slack(LossSpec(10, "bce", "class_sum"))[1] == 10 * slack(BCE)[1]
