"""The formulas under one public path, each documented in full."""

import inspect
from types import ModuleType

import pytest
import torch
from torch import nn
from torch.nn import functional

from lightning_regkit import optim
from lightning_regkit.optim import kfac
from tests.meta import docstrings
from tests.optim.kfac.test_layers import noise


def test_what_is_imported_is_exported() -> None:
    names = {name for name, value in vars(kfac).items() if not isinstance(value, ModuleType)}
    assert kfac.__all__ == sorted(name for name in names if not name.startswith("_"))
    assert optim.kfac is kfac


@pytest.mark.parametrize("name", kfac.__all__)
def test_a_docstring_has_no_gaps(name: str) -> None:
    assert docstrings.gaps(vars(kfac)[name]) == []
    assert inspect.getmodule(vars(kfac)[name]) is not kfac


def test_a_step_in_a_plain_loop() -> None:
    layer, inputs, labels = nn.Linear(4, 3).double(), noise(6, 4), torch.arange(6) % 3
    outputs = layer(inputs)
    outputs.retain_grad()
    functional.cross_entropy(outputs, labels).backward()
    assert layer.weight.grad is not None
    assert layer.bias.grad is not None
    rows, gradients = kfac.activations(layer, inputs), kfac.output_gradients(layer, outputs.grad)
    both = kfac.blend(None, kfac.factors(kfac.moments(rows, gradients)), updates=1, decay=0.95)
    gradient = torch.cat([layer.weight.grad, layer.bias.grad[:, None]], dim=1)
    step = kfac.precondition(gradient, kfac.decompose(both), damping=0.1)
    fisher = torch.kron(both.G, both.A) + 0.1 * torch.eye(15, dtype=torch.float64)
    torch.testing.assert_close(fisher @ step.flatten(), gradient.flatten(), rtol=1e-9, atol=1e-12)
    assert kfac.kl_scale([(step * gradient).sum()], kl_clip=1e-3) < 1
