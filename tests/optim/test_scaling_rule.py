"""Which rule an optimizer goes with, for optimizers however they were made."""

from typing import Any

import pytest
import torch
from torch import nn

from lightning_regkit import optim
from lightning_regkit.optim import OptimizerEntry


def parameters() -> Any:
    return nn.Linear(2, 1).parameters()


# By hand: what divides by the size of its gradients is adaptive.
@pytest.mark.parametrize(
    ("made", "rule"),
    [
        (torch.optim.SGD, "linear"),
        (torch.optim.Adam, "sqrt"),
        (torch.optim.AdamW, "sqrt"),
        (torch.optim.RMSprop, "sqrt"),
    ],
)
def test_torch_classes(made: Any, rule: str) -> None:
    assert optim.scaling_rule(made(parameters(), lr=0.1)) == rule


@pytest.mark.parametrize(("name", "rule"), [("lars", "linear"), ("lamb", "sqrt"), ("lion", "sqrt")])
def test_timm_classes(name: str, rule: str) -> None:
    assert optim.scaling_rule(optim.create(nn.Linear(2, 1), name, lr=0.1)) == rule


@pytest.mark.parametrize(("base", "rule"), [("momentum", "linear"), ("adamw", "sqrt")])
def test_sam_goes_by_its_base(base: str, rule: str) -> None:
    assert optim.scaling_rule(optim.create(nn.Linear(2, 1), "sam", base=base, lr=0.1)) == rule


@pytest.mark.parametrize("owner", ["optim.scaling_rule", "ScaleLR"])
def test_a_line_search_has_no_rule(owner: str) -> None:
    with pytest.raises(ValueError, match="optimizer") as refused:
        optim.scaling_rule(torch.optim.LBFGS(parameters()), owner=owner)
    assert str(refused.value) == (
        f"{owner}: optimizer must have a rate that grows with the batch, got 'LBFGS'. "
        "It finds the length of its steps by itself: leave its rate as it is."
    )


class Own(torch.optim.SGD): ...


def test_a_class_that_is_not_in_the_registry_is_refused_until_it_is() -> None:
    optimizer = Own(parameters(), lr=0.1)
    with pytest.raises(ValueError, match="rule") as refused:
        optim.scaling_rule(optimizer)
    assert str(refused.value) == (
        "optim.scaling_rule: rule must be given for an optimizer that is not in the registry, got 'Own'. "
        'Pass rule="sqrt" for an adaptive method, else rule="linear".'
    )
    with pytest.raises(ValueError, match=r"^ScaleLR: rule"):
        optim.scaling_rule(optimizer, owner="ScaleLR")
    optim.register(OptimizerEntry("own", Own, 0.1, None, "p <- p - lr g", "nobody", is_adaptive=True))
    try:
        assert optim.scaling_rule(optimizer) == "sqrt"
    finally:
        optim.unregister("own")
