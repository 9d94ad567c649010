"""Which layers are noise, and switching exactly those on."""

import subprocess
import sys
from collections.abc import Callable

import pytest
import torch
from timm import layers as timm_layers
from torch import nn
from torchvision import ops

from lightning_regkit.regularizers import DropConnect, FractionalPooling, noise_layers, sampling

NOISE: list[Callable[[], nn.Module]] = [
    nn.Dropout,
    nn.Dropout1d,
    nn.Dropout2d,
    nn.Dropout3d,
    nn.AlphaDropout,
    nn.FeatureAlphaDropout,
    nn.RReLU,
    lambda: nn.FractionalMaxPool2d(2, output_ratio=0.5),
    lambda: nn.FractionalMaxPool3d(2, output_ratio=0.5),
    lambda: ops.StochasticDepth(0.5, "row"),
    lambda: ops.DropBlock2d(0.5, 3),
    lambda: ops.DropBlock3d(0.5, 3),
    lambda: timm_layers.DropPath(0.5),
    lambda: timm_layers.DropBlock2d(0.5),
    lambda: timm_layers.PatchDropout(0.5),
    lambda: DropConnect(nn.Linear(2, 2)),
    FractionalPooling,
]
REST: list[Callable[[], nn.Module]] = [
    lambda: nn.BatchNorm2d(2),
    lambda: nn.Linear(2, 2),
    nn.ReLU,
    lambda: nn.MaxPool2d(2),
    nn.Identity,
]


@pytest.mark.parametrize("make", NOISE, ids=[type(make()).__name__ + str(at) for at, make in enumerate(NOISE)])
def test_noise(make: Callable[[], nn.Module]) -> None:
    layer = make()
    assert noise_layers(nn.Sequential(nn.Flatten(), layer)) == {"1": layer}
    assert noise_layers(layer) == {"": layer}


@pytest.mark.parametrize("make", REST, ids=[type(make()).__name__ for make in REST])
def test_no_noise(make: Callable[[], nn.Module]) -> None:
    assert noise_layers(make()) == {}


def test_subclasses_are_noise_and_a_shared_layer_counts_once() -> None:
    class Mine(nn.Dropout): ...

    class OwnPath(timm_layers.DropPath): ...

    shared = Mine()
    net = nn.Sequential(shared, nn.Sequential(shared), OwnPath(0.1))
    assert list(noise_layers(net)) == ["0", "2"]


def test_a_class_of_the_same_name_elsewhere_is_none() -> None:
    class DropPath(nn.Module): ...

    assert noise_layers(DropPath()) == {}


@pytest.mark.parametrize("make", NOISE, ids=[type(make()).__name__ + str(at) for at, make in enumerate(NOISE)])
def test_switched_on_and_back(make: Callable[[], nn.Module]) -> None:
    layer = make().eval()
    net = nn.Sequential(layer, nn.BatchNorm1d(2)).eval()
    before = dict(vars(layer))
    with sampling(noise_layers(net).values()):
        assert layer.training or getattr(layer, "is_sampling", False)
        assert not net.training
        assert not net[1].training
    assert dict(vars(layer)) == before


def test_what_was_on_stays_on() -> None:
    on, off = nn.Dropout(), nn.Dropout().eval()
    with sampling([on, off]):
        assert on.training
        assert off.training
    assert on.training
    assert not off.training


def test_nested() -> None:
    dropout, connect = nn.Dropout().eval(), DropConnect(nn.Linear(2, 2)).eval()
    with sampling([dropout]):
        with sampling([dropout, connect, dropout]):
            assert connect.is_sampling
        assert dropout.training
        assert not connect.is_sampling
    assert not dropout.training


def test_after_an_exception() -> None:
    dropout = nn.Dropout().eval()
    with pytest.raises(OSError, match="on fire"), sampling([dropout]):
        raise OSError("on fire")
    assert not dropout.training


def test_our_own_layer_draws_its_sampler_and_not_as_in_training() -> None:
    layer = DropConnect(nn.Linear(2, 2), sampler="gaussian").eval()
    with sampling([layer]):
        assert not layer.training
        assert layer.is_noisy


def test_timm_and_torchvision_are_not_loaded_for_it() -> None:
    script = (
        "import sys; from torch import nn; from lightning_regkit.regularizers import noise_layers;"
        "noise_layers(nn.Linear(2, 2)); print({'timm', 'torchvision'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


def test_inverted_dropout_before_a_linear_layer_averages_to_the_layer_at_test() -> None:
    draws, p = 10_000, 0.4
    generator = torch.Generator().manual_seed(0)
    inputs, linear = torch.randn(6, generator=generator).double(), nn.Linear(6, 3).double()
    net = nn.Sequential(nn.Dropout(p), linear)
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        error = (net(inputs.expand(draws, 6)).mean(0) - net.eval()(inputs)).abs()
        variance = p / (1 - p) * (linear.weight.square() @ inputs.square())
    assert (error <= 4 * (variance / draws).sqrt()).all()
    assert (error > 0).all()
