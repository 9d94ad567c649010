"""Units at the ends of their range, and units that never give anything: as layers and as functions."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_regkit.tuning._unit_spy import UnitSpy

#: Three of four are at the ends of tanh, two at those of a sigmoid.
INPUTS = torch.tensor([[-9.0, -2.2, 0.5, 9.0]])


def spied(run: Callable[[], object]) -> UnitSpy:
    with UnitSpy() as spy:
        run()
    return spy


@pytest.mark.parametrize(
    ("function", "share"),
    [
        (torch.tanh, 3 / 4),
        (lambda inputs: inputs.tanh(), 3 / 4),
        (lambda inputs: inputs.clone().tanh_(), 3 / 4),
        (nn.Tanh(), 3 / 4),
        (torch.sigmoid, 2 / 4),
        (lambda inputs: inputs.sigmoid(), 2 / 4),
        (nn.Sigmoid(), 2 / 4),
        (F.hardsigmoid, 2 / 4),
        (nn.Hardsigmoid(), 2 / 4),
        (F.hardtanh, 3 / 4),
        (nn.Hardtanh(-3, 3), 2 / 4),
        (lambda inputs: F.hardtanh(inputs, max_val=10.0), 2 / 4),
        (F.relu, 0),
        (F.gelu, 0),
        (nn.ReLU6(), 0),
    ],
    ids=range(15),
)
def test_the_ends_of_a_range(function: Callable[[Tensor], Tensor], share: float) -> None:
    spy = spied(lambda: function(INPUTS))
    assert spy.saturated == pytest.approx(share)
    assert spy.dead == 0


def units(num_images: int = 16) -> Tensor:
    """Five units: never, once and always above 0; always 0; and NaN, which is no death."""
    inputs = -torch.ones(num_images, 5)
    inputs[3, 1], inputs[:, 2], inputs[:, 3], inputs[:, 4] = 1.0, 1.0, 0.0, torch.nan
    return inputs


@pytest.mark.parametrize(
    "function",
    [
        torch.relu,
        torch.relu_,
        F.relu,
        F.relu6,
        nn.ReLU(),
        nn.ReLU(inplace=True),
        nn.ReLU6(),
        nn.ReLU6(inplace=True),
        lambda inputs: inputs.relu(),
        lambda inputs: inputs.relu_(),
        lambda inputs: F.relu(input=inputs),
    ],
    ids=range(11),
)
def test_units_that_never_give_anything(function: Callable[[Tensor], Tensor]) -> None:
    spy = spied(lambda: function(units()))
    assert spy.dead == pytest.approx(1 / 5)
    assert spy.saturated == 0


def test_few_images_prove_no_death() -> None:
    assert spied(lambda: F.relu(units(15))).dead == 0
    assert spied(lambda: F.relu(-torch.ones(1, 2, 4, 4))).dead == 1
    assert spied(lambda: F.relu(-torch.ones(99))).dead == 0
    assert spied(lambda: F.relu(torch.ones(0, 3))).dead == 0
    assert spied(lambda: torch.tanh(torch.ones(0, 3))).saturated == 0


def test_the_worst_call_counts() -> None:
    layers = nn.Sequential(nn.Tanh(), nn.ReLU(), nn.Linear(4, 4), nn.Tanh(), nn.ReLU())
    with torch.no_grad():
        weight, bias = layers[2].parameters()
        weight.zero_()
        bias.copy_(torch.tensor([-99.0, -99.0, -99.0, 0.0]))
    spy = spied(lambda: (layers(torch.zeros(16, 4)), torch.tanh(torch.zeros(4)), F.relu(torch.ones(16, 4))))
    assert (spy.saturated, spy.dead) == (3 / 4, 3 / 4)


def test_outputs_and_gradients_stay_as_they_are() -> None:
    def run() -> tuple[Tensor, Tensor]:
        inputs = INPUTS.clone().requires_grad_()
        outputs = F.hardtanh(torch.tanh(inputs), -0.5, 0.5) + F.relu(inputs)
        outputs.sum().backward()
        assert inputs.grad is not None
        return outputs, inputs.grad

    plain = run()
    with UnitSpy():
        spied_on = run()
    assert all(torch.equal(one, other) for one, other in zip(plain, spied_on, strict=True))


def test_a_compiled_function_gives_what_it_gives() -> None:
    compiled = torch.compile(lambda inputs: torch.tanh(inputs) + 1, backend="eager")
    with UnitSpy():
        outputs = compiled(INPUTS)
    assert torch.equal(outputs, torch.tanh(INPUTS) + 1)


def test_a_graph_that_is_traced_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    assert spied(lambda: torch.tanh(INPUTS)).saturated == 0
