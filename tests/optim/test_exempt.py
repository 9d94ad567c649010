import torch
from torch import nn

from lightning_regkit.optim._exempt import exempt


class ScaleNorm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(3))
        self.matrix = nn.Parameter(torch.ones(3, 3))


def test_norms_and_biases_by_type_and_by_the_name_in_the_layer() -> None:
    layers = {"bias": nn.Linear(3, 3), "plain": nn.BatchNorm1d(3), "matrix": nn.LayerNorm((2, 2))}
    net = nn.ModuleDict({**layers, "own": ScaleNorm(), "slope": nn.PReLU()})
    found = exempt(net)
    assert {name for name, parameter in net.named_parameters() if id(parameter) in found} == {
        "bias.bias",
        "plain.weight",
        "plain.bias",
        "matrix.weight",
        "matrix.bias",
        "own.gain",
    }


def test_frozen_ones_count() -> None:
    norm = nn.LayerNorm(2).requires_grad_(requires_grad=False)
    assert exempt(norm) == {id(norm.weight), id(norm.bias)}
