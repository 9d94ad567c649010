import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from lightning_regkit.marginalize import refuse_probabilities
from lightning_regkit.marginalize._probabilities import refuse_single_scores
from tests.marginalize.support import SEEDS, random_scores

DTYPES = st.sampled_from([torch.float64, torch.float32, torch.bfloat16, torch.float16])


def test_the_message_says_what_to_do() -> None:
    expected = (
        r"^MultiCrop: scores must be logits; these are in \[0, 1\] and sum to 1 over the classes, got \[1\.0, 1\.0\]\. "
        r"Return what goes into softmax, or pass readout=Readout\(activation='none'\)\.$"
    )
    with pytest.raises(ValueError, match=expected):
        refuse_probabilities("MultiCrop", torch.tensor([[0.9, 0.1], [0.0, 1.0]]))


@given(DTYPES, st.integers(1, 4), st.integers(2, 1000), st.sampled_from([(), (2,)]), SEEDS)
def test_softmax_is_refused_whatever_the_precision(
    dtype: torch.dtype, batch_size: int, num_classes: int, extra: tuple[int, ...], seed: int
) -> None:
    scores = random_scores(seed, batch_size, num_classes, *extra, dtype=dtype)
    with pytest.raises(ValueError, match=r"^MultiCrop: scores must be logits"):
        refuse_probabilities("MultiCrop", scores.softmax(1))


@given(DTYPES, st.integers(1, 4), st.integers(1, 20), SEEDS)
def test_scores_pass(dtype: torch.dtype, batch_size: int, num_classes: int, seed: int) -> None:
    scores = random_scores(seed, batch_size, num_classes)
    refuse_probabilities("MultiCrop", (-1 - scores.abs()).to(dtype))
    refuse_probabilities("MultiCrop", scores.log_softmax(1).to(dtype) - 0.01)
    refuse_probabilities("MultiCrop", (1.1 + scores.abs()).to(dtype))


@pytest.mark.parametrize(
    "scores",
    [
        torch.tensor([[0.9, 0.2]]),
        torch.tensor([[0.9, 0.1], [0.9, 0.2]]),
        torch.tensor([[1.5, -0.5]]),
        torch.tensor([[0.9, 0.6, -0.5]]),
        torch.tensor([[1.0], [1.0]]),
        torch.tensor([1.0, 0.0]),
        torch.zeros(3, 4),
        torch.zeros(0, 4),
        torch.tensor([[1, 0]]),
        torch.tensor([[math.nan, 1.0]]),
        torch.tensor([[math.inf, -math.inf]]),
    ],
    ids=[
        "sum",
        "one row",
        "above 1",
        "negative",
        "one class",
        "no classes",
        "zero head",
        "empty",
        "integers",
        "nan",
        "infinite",
    ],
)
def test_what_is_no_distribution_passes(scores: Tensor) -> None:
    refuse_probabilities("MultiCrop", scores)


def test_dense_scores_are_summed_over_the_classes() -> None:
    probs = torch.tensor([[[0.9, 0.5], [0.1, 0.5]]])  # (B, K, W): columns sum to 1
    with pytest.raises(ValueError, match=r"^MultiCrop: scores must be logits"):
        refuse_probabilities("MultiCrop", probs)
    refuse_probabilities("MultiCrop", probs.transpose(1, 2))


@pytest.mark.parametrize("shape", [(3,), (3, 1), (3, 1, 4, 4)])
def test_one_score_an_example_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="MultiCrop") as caught:
        refuse_single_scores("MultiCrop", torch.zeros(shape))
    assert str(caught.value) == (
        f"MultiCrop: scores must be of two classes or more (B, K), got {shape}. "
        "Pass readout=Readout(activation='sigmoid') for a binary classifier, 'none' for a regression."
    )
    refuse_single_scores("MultiCrop", torch.zeros(1, 2))
