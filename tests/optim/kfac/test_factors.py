"""Kronecker factors against dense Fishers and loops over examples."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from lightning_regkit.optim.kfac._factors import Factors, Moments, blend, factors, moments, pool
from lightning_regkit.optim.kfac._layers import activations, output_gradients
from tests.optim.kfac.test_layers import noise


def recorded(layer: Any, inputs: Tensor, labels: Tensor, loss_scale: float = 1.0) -> Moments:
    """Return the moments of one layer that feeds a mean cross-entropy, over pixels too."""
    outputs = layer(inputs)
    (gradients,) = torch.autograd.grad(loss_scale * functional.cross_entropy(outputs, labels), outputs)
    return moments(activations(layer, inputs), output_gradients(layer, gradients))


def example_gradients(layer: Any, inputs: Tensor, labels: Tensor) -> Tensor:
    """Return each example's gradient by weight and bias side by side, flattened row by row, (B, O * D)."""
    found = []
    for one, label in zip(inputs, labels, strict=True):
        loss = functional.cross_entropy(layer(one[None]), label[None])
        parts = torch.autograd.grad(loss, list(layer.parameters()))
        found.append(
            torch.cat([part.flatten(1) if part.ndim > 1 else part[:, None] for part in parts], dim=1).flatten()
        )
    return torch.stack(found)


@pytest.mark.parametrize("bias", [True, False])
def test_one_example_gives_the_dense_fisher_exactly(bias: bool) -> None:
    layer = nn.Linear(4, 3, bias=bias).double()
    inputs, labels = noise(1, 4), torch.tensor([1])
    both = factors(recorded(layer, inputs, labels))
    (gradient,) = example_gradients(layer, inputs, labels)
    torch.testing.assert_close(torch.kron(both.G, both.A), torch.outer(gradient, gradient))


def test_a_batch_gives_the_means_over_a_loop_of_examples() -> None:
    layer = nn.Linear(4, 3).double()
    inputs, labels = noise(5, 4), torch.tensor([0, 1, 2, 0, 1])
    both = factors(recorded(layer, inputs, labels))
    a = torch.zeros(5, 5, dtype=torch.float64)
    g = torch.zeros(3, 3, dtype=torch.float64)
    for one, label in zip(inputs, labels, strict=True):
        row = torch.cat([one, torch.ones(1, dtype=torch.float64)])
        error = layer(one).detach().softmax(0) - functional.one_hot(label, 3)
        a += torch.outer(row, row) / 5
        g += torch.outer(error, error) / 5
    torch.testing.assert_close(both.A, a)
    torch.testing.assert_close(both.G, g)


def test_equal_examples_give_the_fisher_of_one() -> None:
    layer = nn.Linear(4, 3).double()
    one = factors(recorded(layer, noise(1, 4), torch.tensor([2])))
    four = factors(recorded(layer, noise(1, 4).expand(4, 4), torch.tensor([2] * 4)))
    torch.testing.assert_close(one.A, four.A)
    torch.testing.assert_close(one.G, four.G)


def test_a_convolution_sums_inputs_and_averages_gradients_over_positions() -> None:
    layer = nn.Conv2d(2, 3, 2, stride=2).double()
    inputs, labels = noise(2, 2, 4, 6), torch.tensor([0, 2])[:, None, None].expand(2, 2, 3)
    both = factors(recorded(layer, inputs, labels))
    a, g = torch.zeros_like(both.A), torch.zeros_like(both.G)
    for image, label in zip(inputs, labels, strict=True):
        outputs = layer(image[None])
        (gradient,) = torch.autograd.grad(functional.cross_entropy(outputs, label[None]), outputs)
        for i in range(2):
            for j in range(3):
                patch = image[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].flatten()
                row = torch.cat([patch, torch.ones(1, dtype=torch.float64)])
                a += torch.outer(row, row) / 2
                g += torch.outer(gradient[0, :, i, j], gradient[0, :, i, j]) / (2 * 6)
    torch.testing.assert_close(both.A, a)
    torch.testing.assert_close(both.G, g)


def test_a_convolution_of_one_position_is_the_linear_layer_of_its_patch() -> None:
    convolution, linear = nn.Conv2d(2, 3, 2).double(), nn.Linear(8, 3).double()
    linear.load_state_dict({"weight": convolution.weight.flatten(1), "bias": convolution.bias})
    inputs, labels = noise(4, 2, 2, 2), torch.tensor([0, 1, 2, 0])
    ours = factors(recorded(convolution, inputs, labels[:, None, None]))
    theirs = factors(recorded(linear, inputs.flatten(1), labels))
    torch.testing.assert_close(ours.A, theirs.A)
    torch.testing.assert_close(ours.G, theirs.G)


def test_moments_of_halves_add_up_to_those_of_the_whole() -> None:
    layer = nn.Linear(4, 3).double()
    inputs, labels = noise(6, 4), torch.arange(6) % 3
    whole = recorded(layer, inputs, labels)
    parts = recorded(layer, inputs[:2], labels[:2]) + recorded(layer, inputs[2:], labels[2:])
    for key, value in vars(whole).items():
        torch.testing.assert_close(vars(parts)[key], value)


def test_the_scale_of_the_loss_drops_out() -> None:
    layer = nn.Linear(4, 3).double()
    inputs, labels = noise(6, 4), torch.arange(6) % 3
    plain, scaled = factors(recorded(layer, inputs, labels)), recorded(layer, inputs, labels, loss_scale=512.0)
    torch.testing.assert_close(factors(scaled, loss_scale=512.0).G, plain.G, rtol=0, atol=0)
    assert torch.equal(factors(scaled, loss_scale=512.0).A, plain.A)


def test_arguments_are_unchanged() -> None:
    inputs, gradients = noise(2, 3, 4), noise(2, 3, 5)
    before = inputs.clone(), gradients.clone()
    factors(moments(inputs, gradients), loss_scale=2.0)
    assert torch.equal(inputs, before[0])
    assert torch.equal(gradients, before[1])


def test_rows_that_do_not_pair_are_refused() -> None:
    with pytest.raises(ValueError, match="optim") as caught:
        moments(noise(2, 3, 4), noise(2, 2, 5))
    assert str(caught.value) == (
        "optim.kfac.moments: gradients must be of as many examples and positions as inputs, (2, 3), got (2, 2)."
    )


def test_the_average_is_a_mean_first_and_exponential_later() -> None:
    values = [4.0, 8.0, 3.0, 7.0]
    average: Factors | None = None
    found = []
    for index, value in enumerate(values):
        new = Factors(A=torch.tensor([[value]]), G=torch.tensor([[10 * value]]))
        average = blend(average, new, updates=index + 1, decay=0.5)
        found.append(average.A.item())
        assert average.G.item() == 10 * average.A.item()
    assert found == [4.0, 6.0, 4.5, 5.75]
    assert blend(Factors(A=torch.zeros(1), G=torch.zeros(1)), new, updates=4, decay=1.0).A.item() == 7.0 / 4


def test_ranks_are_pooled_in_one_reduction() -> None:
    layers = {"a": nn.Linear(4, 3).double(), "b": nn.Linear(4, 2, bias=False).double()}
    inputs, labels = noise(6, 4), torch.arange(6) % 2
    ranks = [
        {name: recorded(layer, inputs[part], labels[part]) for name, layer in layers.items()}
        for part in (slice(0, 2), slice(2, 6))
    ]
    calls: list[Tensor] = []

    def mean(values: Tensor) -> Tensor:
        """Remember what the first rank sends; the second one's comes back averaged with it."""
        calls.append(values)
        return (values + calls[0]) / 2

    pool(ranks[0], mean)
    pooled = pool(ranks[1], mean)
    assert len(calls) == len(ranks)
    for name, layer in layers.items():
        ours, whole = factors(pooled[name]), factors(recorded(layer, inputs, labels))
        torch.testing.assert_close(ours.A, whole.A)
        torch.testing.assert_close(ours.G, whole.G)
