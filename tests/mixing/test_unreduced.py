from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from lightning_regkit.mixing._unreduced import UnreducedLosses

VALUES = torch.tensor([1.0, 3.0, 2.0])


def losses() -> tuple[Tensor, Tensor]:
    """Losses with a gradient, and what they were made of."""
    source = VALUES.clone().requires_grad_()
    return (source * 1).as_subclass(UnreducedLosses), source


STRAIGHT: dict[str, Callable[[Tensor], Tensor]] = {
    "constant": lambda x: 2 * x,
    "weights of examples": lambda x: x * torch.tensor([1.0, 0.0, 2.0]),
    "division": lambda x: x / 4,
    "sum of two": lambda x: x + x,
    "plain loss added": lambda x: x + torch.ones(3, requires_grad=True),
    "difference": lambda x: 1 - x,
    "negative": lambda x: -x,
    "choice": lambda x: x[x > 1],
    "hardest": lambda x: x.topk(2).values,
    "shape": lambda x: x.view(-1, 1).squeeze(1),
    "dtype": lambda x: x.double(),
    "detached": lambda x: x.detach(),
}


@pytest.mark.parametrize("function", STRAIGHT.values(), ids=STRAIGHT)
def test_what_is_linear_stays_watched(function: Callable[[Tensor], Tensor]) -> None:
    result = function(losses()[0])
    assert type(result) is UnreducedLosses
    assert torch.equal(result, function(VALUES))
    with pytest.raises(ValueError, match="unreduced losses"):
        result.exp()


REDUCED: dict[str, Callable[[Tensor], Tensor]] = {
    "mean": lambda x: x.mean(),
    "sum": lambda x: x.sum(),
    "weighted mean": lambda x: (x * VALUES).sum() / VALUES.sum(),
    "dot": lambda x: x @ VALUES,
    "comparison": lambda x: x > 1,
    "order": lambda x: x.argsort(),
    "max": lambda x: x.max(),
}


@pytest.mark.parametrize("function", REDUCED.values(), ids=REDUCED)
def test_reductions_are_plain(function: Callable[[Tensor], Tensor]) -> None:
    result = function(losses()[0])
    assert type(result) is Tensor
    assert torch.equal(result, function(VALUES))


def test_gradients_flow() -> None:
    watched, source = losses()
    (2 * watched[watched > 1]).mean().backward()
    assert source.grad is not None
    assert source.grad.tolist() == [0.0, 1.0, 1.0]


BENT: dict[str, tuple[str, Callable[[Tensor], object]]] = {
    "focal": ("exp", lambda x: torch.exp(-x)),
    "focal, weight detached": ("exp", lambda x: (-x.detach()).exp()),
    "power": ("pow", lambda x: x**2),
    "base": ("__rpow__", lambda x: 2.0**x),
    "square": ("square", lambda x: x.square()),
    "root": ("sqrt", lambda x: x.sqrt()),
    "log": ("log1p", torch.log1p),
    "factor with a gradient": ("mul", lambda x: x * torch.ones(3, requires_grad=True)),
    "factor in front": ("mul", lambda x: torch.ones(3, requires_grad=True) * x),
    "divisor with a gradient": ("div", lambda x: x / torch.ones(3, requires_grad=True)),
    "product of two": ("mul", lambda x: x * x),
}


@pytest.mark.parametrize(("name", "function"), BENT.values(), ids=BENT)
def test_what_is_not_linear_is_refused(name: str, function: Callable[[Tensor], object]) -> None:
    with pytest.raises(ValueError, match="unreduced losses") as caught:
        function(losses()[0])
    assert str(caught.value) == (
        "MixedTarget: unreduced losses must be used as they are, scaled by constants or added up, got "
        f"{name!r}. Wrap the function that computes the whole loss: focal = mixing.register_loss(focal)."
    )
