"""Members' logits as distributions, and running means of the last m, against a plain loop."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from lightning_regkit.ensemble._scores import log_probabilities, mean_log_probabilities


def logits(members: int = 4, samples: int = 6, classes: int = 3, seed: int = 0) -> Tensor:
    return 3 * torch.randn(members, samples, classes, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_log_probabilities_are_in_float32_or_better(dtype: torch.dtype) -> None:
    found = log_probabilities("here", logits().to(dtype))
    assert found.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert_close(found, logits().to(dtype).to(found.dtype).softmax(-1).log())


def test_row_m_is_the_mean_of_the_last_m() -> None:
    members = logits()
    means = mean_log_probabilities(log_probabilities("here", members)).exp()
    for m in range(1, 5):
        by_hand = sum((members[-k].softmax(-1) for k in range(1, m + 1)), torch.zeros(6, 3)) / m
        assert_close(means[m - 1], by_hand)


def test_tiny_probabilities_survive() -> None:
    members = torch.tensor([[[0.0, -200.0]], [[0.0, -300.0]]])
    found = mean_log_probabilities(log_probabilities("here", members))[1, 0, 1]
    assert_close(found, torch.tensor(-200.0) - torch.tensor(2.0).log())


@pytest.mark.parametrize(
    ("given", "kind", "text"),
    [
        (torch.zeros(2, 2, 2, dtype=torch.long), TypeError, "be a floating point tensor, got torch.int64."),
        ([1.0], TypeError, "be a floating point tensor, got 'list'."),
        (torch.zeros(2, 3), ValueError, "be of shape (M, B, K), M >= 1, got (2, 3)."),
        (torch.zeros(0, 2, 3), ValueError, "be of shape (M, B, K), M >= 1, got (0, 2, 3)."),
    ],
)
def test_refusals(given: object, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind) as refusal:
        log_probabilities("here", given)
    assert str(refusal.value) == f"here: logits must {text}"
