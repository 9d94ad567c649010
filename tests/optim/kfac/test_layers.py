"""What K-FAC sees of a layer: autograd and plain loops over positions are the reference."""

from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import spectral_norm

from lightning_regkit.optim.kfac._layers import (
    activations,
    find_layers,
    gradient_matrix,
    output_gradients,
    write_gradient,
)

CONVOLUTIONS: list[dict[str, Any]] = [
    {"kernel_size": 1},
    {"kernel_size": 3, "padding": 1},
    {"kernel_size": (3, 2), "stride": (2, 1), "padding": (0, 1)},
    {"kernel_size": 2, "dilation": (1, 2), "bias": False},
    {"kernel_size": (2, 3), "padding": "same", "dilation": (1, 1)},
    {"kernel_size": (2, 4), "padding": "same", "padding_mode": "replicate"},
    {"kernel_size": 3, "padding": "valid"},
    {"kernel_size": 3, "padding": (1, 2), "padding_mode": "reflect"},
    {"kernel_size": 3, "padding": (1, 2), "padding_mode": "circular", "stride": 2},
]


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def seen(layer: Any, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Run a loss through ``layer`` and return its rows of inputs and gradients, and the outputs."""
    outputs = layer(inputs)
    (gradients,) = torch.autograd.grad(outputs.square().sum() / 2, outputs, retain_graph=True)
    (outputs.square().sum() / 2).backward()
    return activations(layer, inputs), output_gradients(layer, gradients), outputs.detach()


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("options", CONVOLUTIONS, ids=str)
@pytest.mark.parametrize("is_batch", [True, False], ids=["batch", "image"])
def test_a_convolution_is_linear_in_its_rows(options: dict[str, Any], is_batch: bool) -> None:
    layer = nn.Conv2d(2, 3, **options).double()
    rows, gradients, outputs = seen(layer, noise(2, 2, 5, 6) if is_batch else noise(2, 5, 6))
    parameters = [layer.weight.flatten(1)] + ([] if layer.bias is None else [layer.bias[:, None]])
    mapped = (rows @ torch.cat(parameters, dim=1).T).transpose(1, 2).reshape(-1, *outputs.shape[-3:])
    torch.testing.assert_close(mapped.reshape(outputs.shape), outputs)
    torch.testing.assert_close(torch.einsum("bto,btd->od", gradients, rows), gradient_matrix(layer))


def test_patches_are_those_of_a_loop_over_positions() -> None:
    layer = nn.Conv2d(2, 1, 2, stride=2, dilation=2, padding=1).double()
    inputs = noise(1, 2, 5, 5)
    padded = functional.pad(inputs, (1, 1, 1, 1))
    rows = [
        [float(padded[0, c, 2 * i + 2 * p, 2 * j + 2 * q]) for c, p, q in product(range(2), range(2), range(2))] + [1.0]
        for i, j in product(range(3), range(3))
    ]
    assert activations(layer, inputs).tolist() == [rows]


@pytest.mark.parametrize("shape", [(4,), (3, 4), (3, 5, 4), (3, 5, 2, 4)])
@pytest.mark.parametrize("bias", [True, False])
def test_a_linear_layer_s_rows(shape: tuple[int, ...], bias: bool) -> None:
    layer = nn.Linear(4, 3, bias=bias).double()
    rows, gradients, outputs = seen(layer, noise(*shape))
    assert rows.shape[:2] == gradients.shape[:2] == (3 if len(shape) > 1 else 1, outputs.numel() // 3 // len(rows))
    torch.testing.assert_close(torch.einsum("bto,btd->od", gradients, rows), gradient_matrix(layer))


def test_rows_are_in_float32_at_least() -> None:
    layer = nn.Linear(2, 1).bfloat16()
    values = torch.ones(1, 2, dtype=torch.bfloat16)
    assert activations(layer, values).dtype == output_gradients(layer, values).dtype == torch.float32
    assert activations(nn.Linear(2, 1), values.double()).dtype == torch.float64


@pytest.mark.parametrize("layer", [nn.Linear(3, 2), nn.Linear(3, 2, bias=False), nn.Conv2d(2, 3, 2).bfloat16()])
def test_a_gradient_is_written_where_it_is_read(layer: Any) -> None:
    assert gradient_matrix(layer) is None
    for parameter in layer.parameters():
        parameter.grad = torch.ones_like(parameter)
    matrix = gradient_matrix(layer)
    assert matrix is not None
    wanted = torch.arange(matrix.numel(), dtype=torch.float32).reshape(matrix.shape)
    held = [parameter.grad for parameter in layer.parameters()]
    write_gradient(layer, wanted)
    torch.testing.assert_close(gradient_matrix(layer), wanted, rtol=0, atol=0)
    assert all(parameter.grad is grad for parameter, grad in zip(layer.parameters(), held, strict=True))
    assert layer.weight.grad.flatten()[1] == 1
    assert matrix.sum() == matrix.numel(), "what was read is a copy"


def test_a_gradient_that_misses_a_part_is_none() -> None:
    layer = nn.Linear(3, 2)
    layer.weight.grad = torch.ones(2, 3)
    assert gradient_matrix(layer) is None


class Own(nn.Linear):
    pass


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2), nn.Conv2d(2, 2, 1, groups=2))
        self.embedding = nn.Embedding(5, 3)
        self.tied = nn.Linear(3, 5, bias=False)
        self.tied.weight = self.embedding.weight
        self.own = Own(2, 2)
        self.normed = spectral_norm(nn.Linear(2, 2))
        self.attention = nn.MultiheadAttention(2, 1)
        self.biased = nn.Linear(2, 2)
        self.biased.weight.requires_grad = False
        self.frozen = nn.Linear(2, 2).requires_grad_(False)
        self.head = nn.ModuleDict({"one": nn.Linear(2, 2), "two": nn.Linear(2, 2, bias=False)})


@pytest.mark.filterwarnings("ignore:.*spectral_norm.* is deprecated:FutureWarning")
def test_layers_are_found_and_the_rest_is_said() -> None:
    net = Net()
    layers, line = find_layers("KFACPreconditioner", net)
    head = {f"head.{name}": layer for name, layer in net.head.items()}
    assert layers == {"body.0": net.body[0], "frozen": net.frozen, **head}
    assert line == (
        "preconditions body.0, frozen, head.one, head.two; body.2 stays as it is (groups > 1); tied stays as it is "
        "(shared parameters); own stays as it is (a Own); normed stays as it is (its weight is computed); "
        "attention.out_proj stays as it is (a NonDynamicallyQuantizableLinear); biased stays as it is (partly frozen)."
    )
    layers, line = find_layers("KFACPreconditioner", nn.ModuleDict({"a": net.head, "ab": nn.Linear(1, 1)}), ["a"])
    assert list(layers) == ["ab"]
    assert line == "preconditions ab; a.one stays as it is (excluded); a.two stays as it is (excluded)."


@pytest.mark.parametrize(
    ("exclude", "text"),
    [
        (["3"], "exclude must hold names of submodules, got ['3']. There are: ['0', '1']."),
        (["0"], "module must hold a Linear or Conv2d layer to precondition, got {'0': 'excluded'}."),
    ],
)
def test_nothing_to_precondition_is_refused(exclude: list[str], text: str) -> None:
    with pytest.raises(ValueError, match="must hold") as caught:
        find_layers("KFACPreconditioner", nn.Sequential(nn.Linear(1, 1), nn.ReLU()), exclude)
    assert str(caught.value) == f"KFACPreconditioner: {text}"
