"""Masked weights against an enumeration of all masks, and against many draws."""

from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.testing import assert_close

from lightning_regkit.regularizers import drop_connect, gaussian_moments

LAYERS: dict[str, Any] = {
    "linear": (lambda: nn.Linear(3, 2), (3,)),
    "linear without bias": (lambda: nn.Linear(3, 2, bias=False), (3,)),
    "linear over positions": (lambda: nn.Linear(3, 2), (4, 3)),
    "convolution": (lambda: nn.Conv2d(2, 3, 3), (2, 5, 4)),
    "strided and padded": (lambda: nn.Conv2d(2, 4, 3, stride=2, padding=1, bias=False), (2, 5, 6)),
    "grouped, by reflection": (lambda: nn.Conv2d(4, 4, 3, groups=2, padding=1, padding_mode="reflect"), (4, 5, 5)),
    "dilated": (lambda: nn.Conv2d(2, 2, 2, dilation=2, padding="same"), (2, 4, 4)),
}


def case(name: str, batch_size: int = 2) -> tuple[Any, Tensor]:
    make, shape = LAYERS[name]
    return make().double(), torch.randn(batch_size, *shape, dtype=torch.float64)


def exact_moments(layer: nn.Linear, inputs: Tensor, p: float) -> tuple[Tensor, Tensor]:
    """Add up over every mask, each with its probability."""
    sizes = [weight.numel() for weight in (layer.weight, layer.bias)]
    mean, square = torch.zeros(()), torch.zeros(())
    for bits in product((0.0, 1.0), repeat=sum(sizes)):
        kept = torch.tensor(bits, dtype=torch.float64)
        probability = p ** (len(bits) - sum(bits)) * (1 - p) ** sum(bits)
        mask, bias_mask = (kept / (1 - p)).split(sizes)
        out = functional.linear(inputs, layer.weight * mask.view_as(layer.weight), layer.bias * bias_mask)
        mean, square = mean + probability * out, square + probability * out.square()
    return mean, square - mean.square()


@pytest.mark.parametrize("p", [0.0, 0.2, 0.5, 0.9])
def test_moments_of_all_masks_of_a_small_layer(p: float) -> None:
    layer, inputs = nn.Linear(3, 2).double(), torch.randn(2, 3, dtype=torch.float64)
    with torch.no_grad():
        mean, variance = exact_moments(layer, inputs, p)
        found = gaussian_moments(layer, inputs, p)
    assert_close(found[0], mean)
    assert_close(found[1], variance)


@pytest.mark.parametrize("per", ["sample", "batch"])
@pytest.mark.parametrize("name", LAYERS)
def test_draws_have_these_moments(name: str, per: str) -> None:
    draws = 10_000 if per == "sample" else 1_000
    layer, inputs = case(name, 1)
    with torch.no_grad():
        mean, variance = gaussian_moments(layer, inputs, 0.4)
        if per == "sample":
            found = drop_connect(layer, inputs.expand(draws, *inputs.shape[1:]), 0.4)
        else:
            found = torch.cat([drop_connect(layer, inputs, 0.4, per="batch") for _ in range(draws)])
    standard = (variance[0] / draws).sqrt()
    assert_close(mean, layer(inputs))
    assert ((found.mean(0) - mean[0]).abs() <= 4 * standard + 1e-12).float().mean() > 0.98
    # Of the fourth moment nothing is known but that draws are sums of bounded terms: a tenth is far from a wrong p.
    assert found.var(0).sum().item() == pytest.approx(variance.sum().item(), rel=0.1)


@pytest.mark.parametrize("name", LAYERS)
def test_one_mask_for_each_example_or_for_all(name: str) -> None:
    layer, inputs = case(name, 1)
    twice = inputs.expand(2, *inputs.shape[1:])
    with torch.no_grad():
        apart, together = drop_connect(layer, twice, 0.5), drop_connect(layer, twice, 0.5, per="batch")
    assert not torch.allclose(apart[0], apart[1])
    assert_close(together[0], together[1])
    assert not torch.allclose(together, layer(twice))


@pytest.mark.parametrize("per", ["sample", "batch"])
@pytest.mark.parametrize("name", LAYERS)
def test_nothing_dropped_is_the_layer(name: str, per: str) -> None:
    layer, inputs = case(name, 3)
    assert_close(drop_connect(layer, inputs, 0.0, per=per), layer(inputs))


@pytest.mark.parametrize("name", LAYERS)
def test_a_loop_over_examples_with_the_same_masks(name: str) -> None:
    layer, inputs = case(name, 3)
    torch.manual_seed(1)
    found = drop_connect(layer, inputs, 0.5)
    torch.manual_seed(1)
    masks = {
        key: torch.empty(3, *weight.shape, dtype=torch.float64).bernoulli_(0.5) / 0.5
        for key, weight in layer.named_parameters()
    }
    for index, one in enumerate(inputs):
        own = {key: weight * masks[key][index] for key, weight in layer.named_parameters()}
        assert_close(found[index], torch.func.functional_call(layer, own, (one[None],))[0])


def test_gradients_reach_only_what_stayed() -> None:
    layer, inputs = nn.Linear(4, 3), torch.ones(1, 4)
    drop_connect(layer, inputs, 0.5, per="batch").sum().backward()
    assert layer.weight.grad is not None
    assert set(layer.weight.grad.flatten().tolist()) == {0.0, 2.0}
    assert layer.bias.grad is not None
    assert set(layer.bias.grad.tolist()) <= {0.0, 2.0}


def test_before_a_non_linearity_the_mean_is_another_one() -> None:
    # One weight of 1 and an input of 1: 2 with probability 1/2, else 0; relu(y - 1) is 1/2 in the mean, 0 at the mean.
    layer = nn.Linear(1, 1, bias=False)
    nn.init.ones_(layer.weight)
    with torch.no_grad():
        found = functional.relu(drop_connect(layer, torch.ones(10_000, 1), 0.5) - 1)
        at_test = functional.relu(layer(torch.ones(1, 1)) - 1)
    assert at_test.item() == 0
    assert found.mean().item() == pytest.approx(0.5, abs=4 * 0.5 / 100)


@pytest.mark.parametrize("compute", [drop_connect, gaussian_moments])
@pytest.mark.parametrize(
    ("p", "text"), [(1.0, "be below 1, or no weight is left, got 1.0."), (-0.5, "be a number in [0, 1], got -0.5.")]
)
def test_a_rate_that_leaves_nothing_is_refused(compute: Any, p: float, text: str) -> None:
    with pytest.raises(ValueError, match="DropConnect") as caught:
        compute(nn.Linear(2, 2), torch.ones(1, 2), p)
    assert str(caught.value) == f"DropConnect: p must {text}"
