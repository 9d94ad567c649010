from typing import Any

import pytest
import torch
from torch import nn

from lightning_regkit.monitoring import group_values


def parameter() -> nn.Parameter:
    return nn.Parameter(torch.zeros(1))


def groups(*options: dict[str, Any]) -> torch.optim.Optimizer:
    return torch.optim.SGD([{"params": [parameter()], **each} for each in options], lr=1.0)


def rates(*optimizers: torch.optim.Optimizer) -> dict[str, Any]:
    return {name: value for name, value in group_values(optimizers).items() if "lr" in name}


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        (torch.optim.SGD([parameter()], lr=0.1, momentum=0.9, weight_decay=5e-4), (0.1, 0.9, 5e-4)),
        (torch.optim.AdamW([parameter()], lr=0.1, betas=(0.8, 0.9), weight_decay=0.5), (0.1, 0.8, 0.5)),
        (torch.optim.RMSprop([parameter()], lr=0.1, momentum=0.5), (0.1, 0.5, 0.0)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_of_one_group(optimizer: torch.optim.Optimizer, expected: tuple[float, ...]) -> None:
    assert group_values([optimizer]) == dict(zip(("lr", "momentum", "weight_decay"), expected, strict=True))


def test_what_an_optimizer_does_not_have_is_left_out() -> None:
    assert group_values([torch.optim.LBFGS([parameter()], lr=0.5)]) == {"lr": 0.5}
    assert group_values([]) == {}


def test_a_rate_that_the_optimizer_finds_by_itself_is_left_out() -> None:
    optimizer = torch.optim.SGD([parameter()], lr=0.1)
    optimizer.param_groups[0]["lr"] = None
    assert group_values([optimizer]) == {"momentum": 0.0, "weight_decay": 0.0}


def test_several_groups_are_numbered_and_several_optimizers_too() -> None:
    two = groups({"lr": 0.1}, {"lr": 0.2})
    assert rates(two) == {"lr/0": 0.1, "lr/1": 0.2}
    assert rates(two, groups({"lr": 0.3})) == {"lr/0/0": 0.1, "lr/0/1": 0.2, "lr/1/0": 0.3}


def test_a_rate_in_a_tensor_is_copied_and_stays_on_its_device() -> None:
    optimizer = torch.optim.SGD([parameter()], lr=0.1)
    optimizer.param_groups[0]["lr"] = rate = torch.tensor(0.25)
    found = group_values([optimizer])["lr"]
    rate.fill_(0.5)
    assert isinstance(found, torch.Tensor)
    assert found.item() == 0.25
