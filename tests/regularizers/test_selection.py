from typing import Any

import pytest
import torch
from torch import nn

from lightning_regkit.regularizers import select_parameters


class Net(nn.Module):
    """Every kind of parameter: matrices, a bias, norm scales, an embedding tied to the head, an integer one."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(4, 3)
        self.body = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
        self.head = nn.Linear(3, 4)
        self.head.weight = self.embedding.weight
        self.codes = nn.Parameter(torch.zeros(2, 2, dtype=torch.int8), requires_grad=False)


def names(net: nn.Module, patterns: Any = None) -> list[str]:
    chosen = select_parameters(net, patterns)
    return [next(name for name, other in net.named_parameters() if other is one) for one in chosen]


def test_by_default_matrices_and_more() -> None:
    assert names(Net()) == ["embedding.weight", "body.0.weight"]


@pytest.mark.parametrize(
    ("patterns", "chosen"),
    [
        ("*.weight", ["embedding.weight", "body.0.weight", "body.1.weight"]),
        ("body.*", ["body.0.weight", "body.0.bias", "body.1.weight", "body.1.bias"]),
        (["head.bias", "body.?.weight"], ["body.0.weight", "body.1.weight", "head.bias"]),
        (("*.bias", "body.0.*"), ["body.0.weight", "body.0.bias", "body.1.bias", "head.bias"]),
        ("head.weight", ["embedding.weight"]),
    ],
)
def test_by_name(patterns: Any, chosen: list[str]) -> None:
    assert names(Net(), patterns) == chosen


def test_frozen_ones_are_chosen_too() -> None:
    net = Net().requires_grad_(requires_grad=False)
    assert names(net, "head.bias") == ["head.bias"]


@pytest.mark.parametrize(
    ("patterns", "kind", "text"),
    [
        ("haed.bias", ValueError, "match a parameter of the module, got 'haed.bias'. Close: head.bias, "),
        ("zzz", ValueError, "match a parameter of the module, got 'zzz'. The first are: embedding.weight, "),
        (["head.*", "Body.*"], ValueError, "match a parameter of the module, got 'Body.*'. "),
        ("codes", ValueError, "match a parameter of the module, got 'codes'. "),
        ([], ValueError, "hold at least one name pattern, got []."),
        (3, TypeError, "be a name pattern or a sequence of them, got 3."),
        (["head.*", 3], TypeError, "be a name pattern or a sequence of them, got ['head.*', 3]."),
    ],
)
def test_refusals(patterns: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind) as caught:
        select_parameters(Net(), patterns, owner="WeightPenalty")
    assert str(caught.value).startswith(f"WeightPenalty: parameters must {text}")


def test_a_module_without_matrices_is_refused() -> None:
    with pytest.raises(ValueError, match="choose") as caught:
        select_parameters(nn.BatchNorm1d(2))
    assert str(caught.value) == (
        "regularizers.select_parameters: parameters must choose a parameter, got None. "
        "None has two dimensions; name the ones to penalize."
    )
