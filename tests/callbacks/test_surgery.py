"""Surgery: whatever replaces, wherever, from code and from YAML."""

import re
from typing import Any

import pytest
import torch
from torch import nn
from torchvision.models.resnet import BasicBlock

import lightning_regkit as rk
from lightning_regkit.callbacks import Surgery
from lightning_regkit.regularizers import Where, followed_by, noise_layers
from lightning_regkit.schedules import Linear
from tests.callbacks.operated import Looks, Residual, configured, fit, shape
from tests.support import loader, trainer


def nothing(_layer: nn.Module) -> Any:
    return None


def dropped(layer: nn.Module) -> nn.Module:
    return followed_by(layer, nn.Dropout2d(0.5))


CASES: list[tuple[Any, set[str]]] = [
    (nn.MaxPool2d, {"net.1"}),
    ([nn.MaxPool2d, BasicBlock], {"net.1", "net.2", "net.3", "net.4"}),
    ("*.bn2", {"net.2.bn2", "net.3.bn2", "net.4.bn2"}),
    ("net.3.conv?", {"net.3.conv1", "net.3.conv2"}),
    (Where(nn.Conv2d, positions=0), {"net.0"}),
    (Where(nn.Conv2d, "*.conv2", slice(-2, None)), {"net.3.conv2", "net.4.conv2"}),
]


@pytest.mark.parametrize(("where", "expected"), CASES, ids=str)
def test_what_is_chosen_is_replaced(where: Any, expected: set[str]) -> None:
    looks = Looks(lambda module: {name.removesuffix(".noise") for name in noise_layers(module)})
    fit(Residual(), Surgery(dropped, where), looks, max_epochs=1)
    assert all(seen == expected for seen in looks.seen)
    assert len(looks.seen) == 5 + 2


def test_each_layer_is_given_to_replace_once_a_stage_in_order() -> None:
    given: list[nn.Module] = []

    def notes(layer: nn.Module) -> nn.Module:
        given.append(layer)
        return dropped(layer)

    model = Residual()
    fit(model, Surgery(notes, "*.bn2"))
    assert given == [model.net[block].bn2 for block in (2, 3, 4)]


def test_noise_in_the_place_of_an_activation() -> None:
    looks = Looks(shape)
    fit(Residual(), Surgery(lambda _: nn.RReLU(), nn.ReLU), looks, max_epochs=1)
    assert {looks.seen[0][f"net.{block}.relu"] for block in (2, 3, 4)} == {"RReLU"}


@pytest.mark.parametrize(
    ("surgery", "kind", "text"),
    [
        (
            lambda: Surgery(dropped, nn.Conv3d),
            ValueError,
            "where must choose a layer of the module, got 'Conv3d'. It holds 7 Conv2d, 6 BatchNorm2d, 3 BasicBlock, "
            "3 ReLU, 1 Sequential, 1 MaxPool2d, 1 Flatten, 1 Linear.",
        ),
        (
            lambda: Surgery(dropped, "net*"),
            ValueError,
            "where must choose no layer inside another, got 'net and net.0'. Name types or names.",
        ),
        (lambda: Surgery(nothing, nn.Linear), TypeError, "the new layer must be a module, got None."),
        (
            lambda: Surgery(lambda layer: nn.Sequential(layer, nn.Dropout()), nn.Linear),
            ValueError,
            "the new layer must keep the names of weights and buffers, got ['- net.6.weight', '- net.6.bias', "
            "'+ net.6.0.weight', '+ net.6.0.bias']. Noise after a layer: regularizers.followed_by(layer, noise).",
        ),
        (
            lambda: Surgery(lambda _: nn.Linear(8, 3), nn.Linear),
            ValueError,
            "the new layer must hold the very parameters of the old one, got 'net.6'. Copies train apart.",
        ),
    ],
    ids=["nothing", "nested", "none", "names", "parameters"],
)
def test_refused_before_the_first_step(surgery: Any, kind: type[Exception], text: str) -> None:
    model = Residual()
    with pytest.raises(kind, match=f"^{re.escape(f'Surgery: {text}')}$"):
        fit(model, surgery())
    assert not model.seen
    assert shape(model) == shape(Residual())


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((None, nn.Linear), "replace must map a layer to a layer, got None."),
        ((dropped, None), "where must be a class of layers, a name pattern, or Where, got None."),
        ((dropped, 3), "where must be a class of layers, a name pattern, or Where, got 3."),
    ],
)
def test_refused_arguments(arguments: Any, text: str) -> None:
    with pytest.raises(TypeError, match=f"^{re.escape(f'Surgery: {text}')}$"):
        Surgery(*arguments)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"where": nn.Conv2d},
            "Surgery: 7 Conv2d followed by Dropout2d: net.0, net.2.conv1, net.2.conv2, ..., net.4.conv2, ",
        ),
        ({"where": Where(nn.Conv2d, "*.conv2", -1)}, "Surgery: 1 Conv2d followed by Dropout2d: net.4.conv2, rate 0.5"),
        (
            {"where": "*.bn2", "schedule": Linear()},
            "Surgery: 3 BatchNorm2d followed by Dropout2d: net.2.bn2, net.3.bn2, net.4.bn2, rate 0.5, times Linear: x1",
        ),
    ],
)
def test_it_explains_itself(options: dict[str, Any], text: str) -> None:
    model = Residual()
    assert explained(Surgery(dropped, **options), model).splitlines()[1].startswith(text)
    assert shape(model) == shape(Residual())


def test_it_explains_what_it_would_refuse_and_what_is_not_known() -> None:
    class NeedsData(Residual):
        def setup(self, stage: str) -> None:
            raise OSError("no data yet")

    refused = explained(Surgery(dropped, nn.Conv3d), Residual())
    assert "Surgery refuses this run: Surgery: where must choose a layer of the module, got 'Conv3d'." in refused
    unknown = explained(Surgery(dropped, nn.Conv2d), NeedsData())
    assert unknown.splitlines()[1] == "Surgery: replaces layers that are not known without a fit"


def explained(surgery: Surgery, model: Residual) -> str:
    return rk.explain(trainer(max_epochs=1, callbacks=[surgery]), model, train_dataloaders=loader())


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("torch.nn.Linear", Where((nn.Linear,))),
        ("*.bn2", Where(names="*.bn2")),
        (["torch.nn.Linear", "torch.nn.Conv2d"], Where((nn.Linear, nn.Conv2d))),
        (
            {
                "class_path": "lightning_regkit.regularizers.Where",
                "init_args": {"types": "torch.nn.Conv2d", "positions": [0, -1]},
            },
            Where(nn.Conv2d, positions=[0, -1]),
        ),
    ],
    ids=["class", "pattern", "classes", "spec"],
)
def test_it_can_be_configured(where: Any, expected: Where) -> None:
    given = {"replace": f"{__name__}.dropped", "where": where, "schedule": "lightning_regkit.schedules.Linear"}
    parsed = configured(Surgery, given)
    assert (parsed.where, parsed.schedule) == (expected, Linear())
    assert isinstance(parsed.replace(nn.ReLU()), nn.ReLU)


def test_spatial_dropout_drops_whole_channels() -> None:
    layer = dropped(nn.Conv2d(1, 64, 1))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        nn.init.constant_(layer.bias, 1.0)
        outputs = layer(torch.zeros(2, 1, 4, 4))
    assert set(outputs.unique().tolist()) == {0.0, 2.0}
    assert torch.equal(outputs.amax((2, 3)), outputs.amin((2, 3)))
