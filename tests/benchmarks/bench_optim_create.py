"""A step of an optimizer of the registry against torch's class made by hand on the same groups, and against timm's."""

import copy
from functools import partial
from typing import Any

import torch
from timm.optim import create_optimizer_v2
from torch import nn

from lightning_regkit import optim
from recipes.networks import resnet20_small
from tests.benchmarks.harness import Against, Comparison

CLASSES: dict[str, Any] = {
    "nesterov": partial(torch.optim.SGD, momentum=0.9, nesterov=True),
    "adamw": torch.optim.AdamW,
}
OPTIONS: dict[str, Any] = {"lr": 1e-3, "weight_decay": 1e-2}
THREADS = 1


def comparisons(*, tiny: bool) -> list[Comparison]:
    net = resnet20_small(num_classes=10, in_chans=3)
    rounds, warmup = (1, 0) if tiny else (201, 10)
    return [
        Comparison(f"{name}: {case}", ours, peer, rounds, warmup, against)
        for name, by_hand in CLASSES.items()
        for case, ours, peer, against in _steps(net, name, by_hand)
    ]


def _steps(net: nn.Module, name: str, by_hand: Any) -> list[tuple[str, Any, Any, Against]]:
    def ours(**options: Any) -> Any:
        return optim.create(_with_gradients(net), name, **OPTIONS, **options).step

    def torchs(**options: Any) -> Any:
        groups = optim.param_groups(_with_gradients(net), OPTIONS["weight_decay"])
        return by_hand(groups, **OPTIONS, **options).step

    timms = create_optimizer_v2(_with_gradients(net), name, **OPTIONS).step
    return [
        ("create(fused=True) / torch, fused", ours(fused=True), torchs(fused=True), "best"),
        ("create / torch", ours(), torchs(), "default"),
        ("create / timm create_optimizer_v2", ours(), timms, "default"),
    ]


def _with_gradients(net: nn.Module) -> nn.Module:
    net = copy.deepcopy(net)
    for parameter in net.parameters():
        parameter.grad = torch.ones_like(parameter)
    return net
