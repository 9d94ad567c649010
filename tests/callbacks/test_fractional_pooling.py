"""FractionalPooling put into modules: the layers, their sizes, and what is refused."""

import re
from typing import Any

import pytest
import torch
from torch import nn

import lightning_regkit as rk
from lightning_regkit import regularizers
from lightning_regkit.callbacks import FractionalPooling, MonteCarloDropout
from lightning_regkit.regularizers import noise_layers
from tests.callbacks.operated import Looks, Residual, Twice, configured, fit, predicted, shape
from tests.support import loader, trainer


class Free(Residual):
    """Takes features of any size."""

    def __init__(self, pool: nn.Module | None = None) -> None:
        super().__init__()
        self.net[0] = nn.Sequential(nn.Upsample(scale_factor=4), self.net[0])
        self.net[1] = self.net[1] if pool is None else pool
        self.net[5] = nn.Sequential(nn.AdaptiveMaxPool2d(2), nn.Flatten())


def test_the_layers_become_those_of_regularizers_of_the_same_sizes() -> None:
    looks = Looks(lambda module: dict(noise_layers(module)))
    fit(Residual(), FractionalPooling(regions="random"), looks, max_epochs=1)
    ((name, layer),) = looks.seen[0].items()
    assert name == "net.1"
    assert isinstance(layer, regularizers.FractionalPooling)
    assert layer.regions == "random"
    for size in ((9, 7), (8, 12)):
        inputs = torch.zeros(1, 1, *size)
        assert layer(inputs).shape == nn.MaxPool2d(3, 2, padding=1)(inputs).shape


def test_a_ratio_changes_sizes() -> None:
    looks = Looks(lambda module: noise_layers(module)["net.1"](torch.zeros(1, 1, 12, 12)).shape[2:])
    fit(Free(), FractionalPooling(ratio=1.5), looks, max_epochs=1)
    assert set(looks.seen) == {(8, 8)}


@pytest.mark.parametrize("ratio", [None, 1.3])
@pytest.mark.parametrize("regions", ["pseudorandom", "random"])
def test_training_is_noisy_and_prediction_repeats(regions: Any, ratio: float | None) -> None:
    class Noisy(Twice, Free):
        pass

    def pooling() -> FractionalPooling:
        return FractionalPooling(regions=regions, ratio=ratio)

    model = Noisy()
    fit(model, pooling())
    assert any(model.differences)
    fixed = predicted(model, pooling())
    assert torch.equal(predicted(model, pooling()), fixed)
    assert not torch.allclose(predicted(model, pooling(), MonteCarloDropout(4)), fixed)


@pytest.mark.parametrize(
    ("options", "kind", "text"),
    [
        ({"regions": "even"}, ValueError, "regions must be one of pseudorandom, random, got 'even'."),
        ({"ratio": 1.0}, ValueError, "ratio must be above 1, got 1.0."),
        ({"ratio": "2"}, TypeError, "ratio must be a positive number, got '2'."),
        ({"where": 3}, TypeError, "where must be a class of layers, a name pattern, or Where, got 3."),
    ],
)
def test_refused_arguments(options: dict[str, Any], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=f"^{re.escape(f'FractionalPooling: {text}')}$"):
        FractionalPooling(**options)


@pytest.mark.parametrize(
    ("pool", "where", "kind", "text"),
    [
        (nn.MaxPool2d(2), "*.bn2", TypeError, "where must choose nn.MaxPool2d layers, got 'BatchNorm2d'."),
        (nn.MaxPool2d((2, 3)), nn.MaxPool2d, ValueError, "pool must have square regions and one stride above 1, got "),
        (nn.AvgPool2d(2), nn.MaxPool2d, ValueError, "where must choose a layer of the module, got 'MaxPool2d'. It "),
        (
            nn.MaxPool2d(2),
            nn.MaxPool2d,
            ValueError,
            "where must choose pooling whose regions overlap, or there is nothing to draw, got MaxPool2d("
            "kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False). "
            "Pass ratio=1.5 if the network takes any size.",
        ),
    ],
)
def test_layers_refused(pool: Any, where: Any, kind: type[Exception], text: str) -> None:
    model = Free(pool)
    before = shape(model)
    with pytest.raises(kind, match=f"^{re.escape(f'FractionalPooling: {text}')}"):
        fit(model, FractionalPooling(where))
    assert shape(model) == before


@pytest.mark.parametrize("options", [{}, {"where": "*.1", "ratio": 1.25}], ids=str)
def test_it_explains_itself(options: dict[str, Any]) -> None:
    own = trainer(max_epochs=1, callbacks=[FractionalPooling(**options)])
    assert rk.explain(own, Residual(), train_dataloaders=loader()).splitlines()[1] == (
        "FractionalPooling: 1 MaxPool2d replaced by FractionalPooling: net.1"
    )


def test_it_can_be_configured() -> None:
    parsed = configured(FractionalPooling, {"regions": "random", "ratio": 1.5})
    assert (parsed.regions, parsed.ratio) == ("random", 1.5)
