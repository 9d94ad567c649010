"""Disagreement against a loop over pairs."""

from itertools import combinations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from lightning_regkit.ensemble import disagreement
from lightning_regkit.ensemble._diversity import differing_pairs


def slow(classes: Tensor) -> float:
    pairs = list(combinations(range(len(classes)), 2))
    if not pairs:
        return 0.0
    return sum((classes[a] != classes[b]).sum().item() for a, b in pairs) / len(pairs)


@given(st.integers(1, 5), st.integers(1, 6), st.integers(0, 1000))
def test_every_m_equals_a_loop_over_pairs(members: int, samples: int, seed: int) -> None:
    classes = torch.randint(3, (members, samples), generator=torch.Generator().manual_seed(seed))
    sums = differing_pairs(classes)
    assert sums.dtype == torch.float64
    assert sums.tolist() == pytest.approx([slow(classes[-m:]) for m in range(1, members + 1)])


def test_worked_values() -> None:
    members = torch.tensor([[0, 1], [0, 1], [1, 1]])
    logits = torch.nn.functional.one_hot(members).float()  # (M, B, K)
    assert disagreement(logits).item() == pytest.approx(1 / 3)
    assert disagreement(logits[:2]) == 0
    assert disagreement(logits[:1]) == 0
    assert disagreement(logits[:, :0]) == 0, "no samples"


def test_the_argument_is_left_alone() -> None:
    logits = torch.randn(3, 2, 4)
    before = logits.clone()
    disagreement(logits)
    assert torch.equal(logits, before)


def test_refusal() -> None:
    with pytest.raises(ValueError, match="ensemble") as refusal:
        disagreement(torch.zeros(2, 3))
    assert str(refusal.value) == "ensemble.disagreement: logits must be of shape (M, B, K), M >= 1, got (2, 3)."
