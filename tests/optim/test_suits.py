from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD

from lightning_regkit import optim
from lightning_regkit.optim._suits import refuse_unsuited

ENTRY = optim.OptimizerEntry("mine", SGD, 0.1, 0.0, "p <- p - lr g", "nobody 2000")
HYBRID = "Give the others to a second optimizer (manual optimization), or use a hybrid such as timm/muon."


def net() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.Linear(2, 2), nn.Linear(2, 2))


def groups(module: nn.Module) -> list[dict[str, Any]]:
    return [{"params": list(module.parameters()), "weight_decay": 0.25}, {"params": [], "weight_decay": 0.5}]


def test_most_take_everything() -> None:
    refuse_unsuited("f", ENTRY, net(), groups(net()))


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        (replace(ENTRY, weight_decay=None), "weight_decay must be 0 for mine, which has none, got 0.25."),
        (
            replace(ENTRY, has_groups=False),
            "module must be one parameter group for mine, got 2. Pass the module, or its parameters().",
        ),
        (
            replace(ENTRY, ndim=2),
            f"module must hold 2-D parameters only for mine, got ['0.weight', '0.bias', '1.bias', '1 more']. {HYBRID}",
        ),
    ],
)
def test_refusals(entry: optim.OptimizerEntry, text: str) -> None:
    module = net()
    with pytest.raises(ValueError, match="mine") as refused:
        refuse_unsuited("f", entry, module, groups(module))
    assert str(refused.value) == f"f: {text}"


def test_parameters_without_a_module_are_named_by_shape() -> None:
    vector = nn.Parameter(torch.zeros(3))
    with pytest.raises(ValueError, match="2-D") as refused:
        refuse_unsuited("f", replace(ENTRY, ndim=2), [vector], [{"params": [vector]}])
    assert str(refused.value) == f"f: module must hold 2-D parameters only for mine, got ['shape (3,)']. {HYBRID}"


def test_what_fits_passes() -> None:
    matrices = [{"params": [nn.Parameter(torch.zeros(2, 2))]}]
    refuse_unsuited("f", replace(ENTRY, ndim=2, has_groups=False, weight_decay=None), matrices, matrices)


@pytest.mark.parametrize("name", ["rprop", "lbfgs"])
def test_create_refuses_weight_decay_where_there_is_none(name: str) -> None:
    with pytest.raises(ValueError, match="none") as refused:
        optim.create(net(), name, weight_decay=0.1)
    assert str(refused.value) == f"optim.create: weight_decay must be 0 for {name}, which has none, got 0.1."


def test_create_refuses_groups_for_lbfgs() -> None:
    module = net()
    with pytest.raises(ValueError, match="one parameter group for lbfgs, got 2"):
        optim.create([{"params": module[0].parameters()}, {"params": module[1].parameters()}], "lbfgs")


@pytest.mark.skipif("Muon" not in vars(torch.optim), reason="it came with torch 2.9")
def test_create_refuses_vectors_for_muon() -> None:
    with pytest.raises(ValueError, match=r"2-D parameters only for muon, got \['0\.bias'\]\. Give the others"):
        optim.create(nn.Sequential(nn.Linear(2, 2)), "muon")
