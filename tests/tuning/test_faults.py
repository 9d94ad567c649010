"""Planted faults, each caught by the step it is for, with its sentence; healthy runs raise no alarm."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_regkit.tuning import Budget, Curves, diagnose, initial_loss, overfit, range_test, rate_trials
from lightning_regkit.tuning._trial import run_trial
from tests.tuning.support import CPU, Digits, Net, network, one_more, raw, shuffled, with_weights

Fault = Callable[[], tuple[Net, Digits]]


def double_softmax() -> Net:
    return Net(nn.Sequential(*network(), nn.Softmax(dim=1)))


def biased() -> Net:
    net = network()
    with torch.no_grad():
        layer = net[-1]
        assert isinstance(layer, nn.Linear)
        layer.bias[3] = 8.0
    return Net(net)


def in_eval() -> Net:
    net = network()
    net[1].eval()
    return Net(net)


def frozen_backbone() -> Net:
    net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2), nn.ReLU(), nn.Linear(2, 10))
    net[0].requires_grad_(requires_grad=False)
    net[2].requires_grad_(requires_grad=False)
    return Net(net)


def saturating(bounded: Callable[[], nn.Module], factor: float, width: int = 32) -> Net:
    layers = [nn.Linear(64, width), bounded(), nn.Linear(width, width), bounded(), nn.Linear(width, width), bounded()]
    hidden = with_weights(nn.Sequential(*layers), lambda weight: weight.mul_(factor))
    return Net(nn.Sequential(*hidden, nn.Linear(width, 10)))


def dead() -> Net:
    net = network(norm=False)
    nn.init.constant_(next(iter(net.children())).get_parameter("bias"), -10.0)
    return Net(net)


def zeros() -> Net:
    net = network(norm=False)
    return Net(net.apply(lambda layer: [nn.init.zeros_(weight) for weight in layer.parameters()]))


def sum_over_batch(outputs: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(outputs, targets, reduction="sum")


def divided_twice(outputs: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(outputs, targets) / len(targets)


def summed_bce(outputs: Tensor, targets: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(outputs, F.one_hot(targets, 10).float(), reduction="sum")


IN_STEP_1: dict[str, tuple[Fault, str, str]] = {
    "double softmax": (lambda: (double_softmax(), Digits()), "double softmax", "a softmax too many"),
    "sum": (lambda: (Net(loss=sum_over_batch), Digits()), "wrong reduction", "summed over the batch"),
    "mean of a mean": (lambda: (Net(loss=divided_twice), Digits()), "wrong reduction", "divided by the batch twice"),
    "sum of BCE": (lambda: (Net(loss=summed_bce), Digits()), "wrong reduction", "summed over the batch"),
    "off by one": (lambda: (Net(), Digits(one_more)), "labels off by one", "subtract 1"),
    "off by one, with room": (
        lambda: (Net(nn.Sequential(nn.Linear(64, 11))), Digits(one_more)),
        "labels off by one",
        "No label of 125 is 0",
    ),
    "out of range": (
        lambda: (Net(nn.Linear(64, 8)), Digits()),
        "labels out of range",
        "Labels run from 0 to 9, but 8 outputs",
    ),
    "unnormalized": (lambda: (Net(network(norm=False)), Digits(raw)), "unnormalized input", "Normalize them"),
    "output bias": (lambda: (biased(), Digits()), "bias init", "the bias of the output"),
    "large init": (
        lambda: (Net(with_weights(network(), lambda weight: weight.mul_(20))), Digits()),
        "large init",
        "outputs vary by",
    ),
    "eval": (lambda: (in_eval(), Digits()), "batch norm in eval", r"in eval mode in training \(net\.1\)"),
    "overlap": (lambda: (Net(), Digits(val_from=950)), "overlap", "50 validation images are training images"),
}

UNITS = r"of the outputs of a tanh or sigmoid begin at the ends of its range, without slope. Make first weights smaller"

IN_STEP_2: dict[str, tuple[Fault, str, str]] = {
    "rate x1000": (lambda: (Net(lr=100.0), Digits()), "rate too high", r"right: it rises\. Lower the rate ten times"),
    "rate x1e5": (
        lambda: (Net(network(norm=False), lr=1e4), Digits()),
        "not finite",
        r"^The loss is (nan|inf) at step \d+\. Lower the rate ten times, or make first weights smaller",
    ),
    "rate /1000": (
        lambda: (Net(lr=1e-5), Digits()),
        "rate too low",
        r"weights have moved by 0\.00\d of their norm\. Raise the rate ten times",
    ),
    "zero init": (
        lambda: (zeros(), Digits()),
        "bad init",
        r"100% of the weights have no gradient\. They begin at zero",
    ),
    "saturating tanh": (lambda: (saturating(nn.Tanh, 100, 16), Digits()), "saturating init", rf": 9\d% {UNITS}"),
    "saturating sigmoid": (lambda: (saturating(nn.Sigmoid, 30), Digits()), "saturating init", rf": [78]\d% {UNITS}"),
    "saturating hard tanh": (lambda: (saturating(nn.Hardtanh, 30), Digits()), "saturating init", rf": 9\d% {UNITS}"),
    "dead units": (
        lambda: (dead(), Digits()),
        "dead units",
        r"(9\d|100)% of the units of a ReLU begin below 0 for all images, without gradient\. Set first biases to 0",
    ),
    "frozen backbone": (
        lambda: (frozen_backbone(), Digits()),
        "frozen",
        r"99% of the weights are frozen\. Train them, and see that the optimizer has them",
    ),
    "shuffled labels": (
        lambda: (Net(nn.Linear(64, 10), lr=0.03), Digits(shuffled)),
        "cannot fit",
        r"it falls, but cannot fit\. Are labels shuffled\?",
    ),
}


@pytest.mark.parametrize("name", IN_STEP_1)
def test_step_1_catches(name: str) -> None:
    torch.manual_seed(0)
    plant, cause, sentence = IN_STEP_1[name]
    verdict = initial_loss(*plant(), setup=CPU).verdict
    assert verdict.cause == cause
    assert re.search(sentence, verdict.sentence)


@pytest.mark.parametrize("name", IN_STEP_2)
def test_step_2_catches_what_step_1_cannot(name: str) -> None:
    torch.manual_seed(0)
    plant, cause, sentence = IN_STEP_2[name]
    assert initial_loss(*plant(), setup=CPU).verdict.is_healthy
    verdict = overfit(*plant(), max_steps=200, setup=CPU).verdict
    assert verdict.cause == cause
    assert re.search(sentence, verdict.sentence)


def test_step_2_catches_a_double_softmax_too() -> None:
    torch.manual_seed(0)
    verdict = overfit(double_softmax(), Digits(), max_steps=200, setup=CPU).verdict
    assert verdict.cause == "double softmax"
    assert "held up by a softmax too many. Return logits." in verdict.sentence


def test_there_are_twelve_faults_and_more() -> None:
    causes = {cause for _, cause, _ in (*IN_STEP_1.values(), *IN_STEP_2.values())}
    assert len(IN_STEP_1) + len(IN_STEP_2) >= 20
    assert len(causes) >= 15


@pytest.mark.parametrize("name", ["zero init", "frozen backbone"])
def test_step_3_says_that_no_rate_helps(name: str) -> None:
    torch.manual_seed(0)
    module, data = IN_STEP_2[name][0]()
    if name == "zero init":
        module.net[-1].bias.requires_grad_(requires_grad=False)
    else:
        module.net[-1].requires_grad_(requires_grad=False)
        module.net[-1].bias = nn.Parameter(torch.zeros(10))
        module.net[-1].bias.requires_grad_(requires_grad=True)
    assert range_test(module, data, setup=CPU, num_steps=40).verdict.cause == "does not fall"
    verdict = rate_trials(module, data, rates=(0.01,), num_steps=40, setup=CPU).verdict
    assert verdict.cause == "does not fall"


def bounded(kind: Callable[[], nn.Module]) -> Net:
    return Net(nn.Sequential(nn.Linear(64, 32), kind(), nn.Linear(32, 10)))


NETS: list[Callable[[], Net]] = [
    Net,
    partial(Net, loss=partial(F.cross_entropy, label_smoothing=0.1)),
    lambda: Net(nn.Sequential(nn.Dropout(0.2), *network(64))),
    lambda: bounded(nn.Tanh),
    lambda: bounded(nn.Sigmoid),
    lambda: bounded(nn.Hardtanh),
    lambda: Net(network(norm=False), lr=0.05),
]


def causes(number: int, seed: int) -> list[str]:
    torch.manual_seed(seed)
    module, data = NETS[number](), Digits()
    results: list[Any] = [initial_loss(module, data, setup=CPU), overfit(module, data, setup=CPU)]
    results.append(range_test(module, data, num_steps=60, setup=CPU))
    results.append(rate_trials(module, data, rates=(0.1,), num_steps=60, setup=CPU))
    return [result.verdict.cause for result in results]


@pytest.mark.parametrize("number", range(len(NETS)))
def test_healthy_networks_raise_no_alarm(number: int) -> None:
    assert causes(number, 0) == ["healthy"] * 4


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_healthy_runs_raise_no_alarm(seed: int) -> None:
    assert causes(seed % len(NETS), seed) == ["healthy"] * 4


@pytest.mark.parametrize(
    ("lr", "num_images", "cause"), [(0.05, 30, "wide gap"), (3e-4, 1000, "still rising"), (1e-7, 1000, "does not fall")]
)
def test_step_6_on_real_curves(lr: float, num_images: int, cause: str) -> None:
    torch.manual_seed(0)
    task, budget = (Net(), Digits(num_images=num_images)), Budget(epochs=40 if num_images < 100 else 10)
    ended = run_trial(task, {"lr": lr}, budget, CPU, lambda epoch, score: False)
    assert cause in diagnose(Curves(**ended.curves)).causes
