"""DropConnect put into modules: the layers, the mean over draws, and what is refused."""

import re
from typing import Any

import pytest
import torch
from torch import nn

import lightning_regkit as rk
from lightning_regkit import regularizers
from lightning_regkit.callbacks import DropConnect, MonteCarloDropout
from lightning_regkit.marginalize import Readout
from lightning_regkit.regularizers import Where, noise_layers, sampling
from lightning_regkit.schedules import Linear
from tests.callbacks.operated import Looks, Residual, configured, fit, predicted
from tests.support import Validated, loader, trainer


def found_in(**options: Any) -> dict[str, Any]:
    looks = Looks(lambda module: dict(noise_layers(module)))
    fit(Residual(), DropConnect(**options), looks, max_epochs=1)
    return looks.seen[0]


CASES: list[tuple[dict[str, Any], set[str]]] = [
    ({}, {"net.6"}),
    ({"where": nn.Conv2d}, {"net.0", *(f"net.{block}.conv{index}" for block in (2, 3, 4) for index in (1, 2))}),
    ({"where": Where((nn.Conv2d, nn.Linear), positions=(0, -1))}, {"net.0", "net.6"}),
]


@pytest.mark.parametrize(("options", "expected"), CASES, ids=str)
def test_the_layers_become_those_of_regularizers(options: dict[str, Any], expected: set[str]) -> None:
    found = found_in(rate=0.25, per="batch", sampler="gaussian", **options)
    assert found.keys() == expected
    for layer in found.values():
        assert isinstance(layer, regularizers.DropConnect)
        assert (layer.p, layer.per, layer.sampler) == (0.25, "batch", "gaussian")


def test_the_defaults() -> None:
    layer = found_in()["net.6"]
    assert (layer.p, layer.per, layer.sampler) == (0.5, "sample", "bernoulli")


@pytest.mark.parametrize("sampler", ["bernoulli", "gaussian"])
def test_the_mean_over_masks_of_a_last_layer_is_the_plain_prediction(sampler: Any) -> None:
    count, model = 500, Validated()
    plain = predicted(model)
    masks = MonteCarloDropout(count, readout=Readout(activation="none"))
    found = predicted(model, DropConnect(0.25, sampler=sampler), masks)
    layer = regularizers.DropConnect(model.net[1], 0.25)
    inputs = torch.cat([batch[0] for batch in loader()]).flatten(1)
    _, variance = regularizers.gaussian_moments(model.net[1], inputs, layer.p)
    assert ((found - plain).abs() <= 4 * (variance / count).sqrt()).all()
    assert not torch.equal(found, plain)


def test_before_a_relu_it_is_more_as_the_card_says() -> None:
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        plain, inputs = nn.Linear(256, 64), torch.randn(1, 256)
        layer = regularizers.DropConnect(plain, 0.5).eval()
        with sampling([layer]):
            drawn = torch.cat([layer(inputs.expand(100, -1)).relu() for _ in range(100)])
        mean, variance = regularizers.gaussian_moments(plain, inputs, 0.5)
    # The mean of relu(y), y ~ N(m, s^2), is m Phi(m / s) + s phi(m / s).
    unit, scale = torch.distributions.Normal(0.0, 1.0), variance.sqrt()
    expected = (mean * unit.cdf(mean / scale) + scale * unit.log_prob(mean / scale).exp())[0]
    error = drawn.std(0) / 100
    assert ((drawn.mean(0) - expected).abs() <= 4 * error + 0.02 * expected).all()
    assert (drawn.mean(0) >= mean.relu()[0] - 4 * error).all()
    assert (expected.sum() / mean.relu().sum()).item() == pytest.approx(1.35, abs=0.01)


@pytest.mark.parametrize(
    ("options", "kind", "text"),
    [
        ({"rate": 1}, ValueError, "rate must be below 1, or no weight is left, got 1."),
        ({"rate": 1.5}, ValueError, "rate must be a number in [0, 1], got 1.5."),
        ({"rate": None}, TypeError, "rate must be a number in [0, 1], got None."),
        ({"per": "pixel"}, ValueError, "per must be one of batch, sample, got 'pixel'."),
        ({"sampler": "laplace"}, ValueError, "sampler must be one of bernoulli, gaussian, got 'laplace'."),
        ({"where": None}, TypeError, "where must be a class of layers, a name pattern, or Where, got None."),
    ],
)
def test_refused_arguments(options: dict[str, Any], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=f"^{re.escape(f'DropConnect: {text}')}$"):
        DropConnect(**options)


@pytest.mark.parametrize(
    ("where", "kind", "text"),
    [
        (nn.BatchNorm2d, TypeError, "layer must be nn.Linear or nn.Conv2d, got 'BatchNorm2d'."),
        (
            nn.Conv3d,
            ValueError,
            "where must choose a layer of the module, got 'Conv3d'. It holds 7 Conv2d, 6 BatchNorm2d, 3 BasicBlock, "
            "3 ReLU, 1 Sequential, 1 MaxPool2d, 1 Flatten, 1 Linear.",
        ),
    ],
)
def test_layers_refused(where: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=f"^{re.escape(f'DropConnect: {text}')}$"):
        fit(Residual(), DropConnect(where=where))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, "DropConnect: 1 Linear replaced by DropConnect: net.6, rate 0.5"),
        (
            {"rate": 0.1, "schedule": Linear()},
            "DropConnect: 1 Linear replaced by DropConnect: net.6, rate 0.1, times Linear:",
        ),
    ],
)
def test_it_explains_itself(options: dict[str, Any], text: str) -> None:
    own = trainer(max_epochs=1, callbacks=[DropConnect(**options)])
    assert rk.explain(own, Residual(), train_dataloaders=loader()).splitlines()[1].startswith(text)


def test_it_can_be_configured() -> None:
    given = {"rate": 0.3, "where": "torch.nn.Conv2d", "per": "batch"}
    parsed = configured(DropConnect, given)
    assert (parsed.rate, parsed.where) == (0.3, Where((nn.Conv2d,)))
