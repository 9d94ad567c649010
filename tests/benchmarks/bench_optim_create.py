"""A step of an optimizer of the registry against the same torch class made by hand, on the same groups."""

import copy
from functools import partial
from typing import Any

import torch
from torch import nn

from lightning_regkit import optim
from recipes.networks import resnet20_small
from tests.benchmarks.harness import Comparison

CLASSES: dict[str, Any] = {
    "nesterov": partial(torch.optim.SGD, momentum=0.9, nesterov=True),
    "adamw": torch.optim.AdamW,
}
OPTIONS: dict[str, Any] = {"lr": 1e-3, "weight_decay": 1e-2}


def comparisons(*, tiny: bool) -> list[Comparison]:
    net = resnet20_small(num_classes=10, in_chans=3)
    rounds, warmup = (1, 0) if tiny else (201, 10)
    return [
        Comparison(f"{name}: create / by hand", *_steps(net, name, by_hand), rounds, warmup)
        for name, by_hand in CLASSES.items()
    ]


def _steps(net: nn.Module, name: str, by_hand: Any) -> tuple[Any, Any]:
    first, second = copy.deepcopy(net), copy.deepcopy(net)
    for parameter in (*first.parameters(), *second.parameters()):
        parameter.grad = torch.ones_like(parameter)
    groups = optim.param_groups(second, OPTIONS["weight_decay"])
    return optim.create(first, name, **OPTIONS).step, by_hand(groups, **OPTIONS).step
