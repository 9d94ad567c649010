"""Rates of torch's, torchvision's, timm's and this package's layers, multiplied and put back."""

from typing import Any

import pytest
import timm.layers
from torch import nn
from torchvision.ops import DropBlock2d, StochasticDepth

from lightning_regkit.regularizers import DropConnect, FractionalPooling
from lightning_regkit.regularizers._noise_rates import NoiseRates

LAYERS: dict[str, tuple[Any, str]] = {
    "dropout": (lambda: nn.Dropout(0.4), "p"),
    "spatial dropout": (lambda: nn.Dropout2d(0.4), "p"),
    "alpha dropout": (lambda: nn.AlphaDropout(0.4), "p"),
    "DropConnect": (lambda: DropConnect(nn.Linear(1, 1), 0.4), "p"),
    "stochastic depth": (lambda: StochasticDepth(0.4, "row"), "p"),
    "torchvision's DropBlock": (lambda: DropBlock2d(0.4, 3), "p"),
    "DropPath": (lambda: timm.layers.DropPath(0.4), "drop_prob"),
    "timm's DropBlock": (lambda: timm.layers.DropBlock2d(0.4), "drop_prob"),
    "PatchDropout": (lambda: timm.layers.PatchDropout(0.4), "prob"),
}


@pytest.mark.parametrize("kind", LAYERS)
def test_every_kind_is_multiplied_and_comes_back(kind: str) -> None:
    make, name = LAYERS[kind]
    layer = make()
    rates = NoiseRates([layer])
    assert rates.base == [0.4]
    for factor, expected in ((0.5, 0.2), (0.0, 0.0), (2.5, 1.0), (1, 0.4)):
        rates.write(factor)
        assert getattr(layer, name) == pytest.approx(expected)
    assert getattr(layer, name) == 0.4, "exactly"


def test_each_has_its_own_and_some_have_none() -> None:
    layers = [nn.Dropout(0.1), nn.RReLU(), FractionalPooling(), nn.Dropout(0.2)]
    rates = NoiseRates(layers)
    assert rates.base == [0.1, 0.2]
    rates.write(0.5)
    assert [layers[0].p, layers[3].p] == [0.05, 0.1]


def test_no_probability_is_refused() -> None:
    layer = nn.Dropout(0.5)
    with pytest.raises(ValueError, match=r"^Surgery: the schedule's factor times p must be a number in \[0, 1\], got"):
        NoiseRates([layer], owner="Surgery").write(3)
    assert layer.p == 0.5


def test_a_schedule_of_nothing_is_refused() -> None:
    NoiseRates([nn.Dropout()]).refuse_none()
    with pytest.raises(ValueError, match="Surgery") as caught:
        NoiseRates([nn.RReLU()], owner="Surgery").refuse_none()
    assert str(caught.value) == "Surgery: schedule must be None where no new layer has a rate, got 'a schedule'."
