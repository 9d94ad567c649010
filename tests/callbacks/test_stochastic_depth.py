"""StochasticDepth: which layers and rates in torchvision and timm, the identity at test, and the mean over draws."""

import re
from typing import Any

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock
from torchvision.ops import StochasticDepth as Dropped

import lightning_regkit as rk
from lightning_regkit.callbacks import StochasticDepth
from lightning_regkit.callbacks._model_surgery import ModelSurgery
from lightning_regkit.regularizers import followed_by, noise_layers, replace_layers
from lightning_regkit.schedules import Linear
from tests.callbacks.operated import Looks, Residual, configured, fit, predicted
from tests.support import loader, trainer


@pytest.fixture(autouse=True)
def _from_seed_0() -> None:
    torch.manual_seed(0)


def operated(module: nn.Module, callback: ModelSurgery) -> nn.Module:
    replace_layers(module, callback.make(callback.find(module)))
    return module


NETS: dict[str, tuple[Any, str, int]] = {
    "torchvision resnet18": (torchvision.models.resnet18, "bn2", 8),
    "torchvision resnet50": (torchvision.models.resnet50, "bn3", 16),
    "timm resnet18": (lambda: timm.create_model("resnet18", zero_init_last=False), "bn2", 8),
    "timm resnet50": (lambda: timm.create_model("resnet50"), "bn3", 16),
    "timm seresnet50": (lambda: timm.create_model("seresnet50"), "se", 16),
}


@pytest.mark.parametrize("name", NETS)
def test_the_linear_rule_over_the_blocks_of_a_resnet(name: str) -> None:
    make, last, count = NETS[name]
    net = operated(make(), StochasticDepth(0.5))
    found: dict[str, Any] = noise_layers(net)
    assert [layer.p for layer in found.values()] == [0.5 * block / count for block in range(1, count + 1)]
    assert all(isinstance(layer, Dropped) and layer.mode == "row" for layer in found.values())
    blocks = [name for name, layer in net.named_modules() if type(layer).__name__ in {"BasicBlock", "Bottleneck"}]
    assert list(found) == [f"{block}.{last}.noise" for block in blocks]


@pytest.mark.parametrize("name", ["torchvision resnet18", "timm resnet18"])
def test_at_test_nothing_is_dropped_and_in_training_it_is(name: str) -> None:
    net = NETS[name][0]().eval()
    inputs = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        plain = net(inputs)
        operated(net, StochasticDepth(0.5))
        assert torch.equal(net(inputs), plain)
        for layer in noise_layers(net).values():
            layer.train()
        assert not torch.equal(net(inputs), net(inputs))


def test_a_branch_that_is_dropped_leaves_the_shortcut() -> None:
    net = operated(nn.Sequential(BasicBlock(4, 4)), StochasticDepth(0.99)).eval()
    inputs = torch.randn(64, 4, 5, 5).relu()
    with torch.no_grad():
        plain, branch = net(inputs), net[0].bn2(net[0].conv2(net[0].bn1(net[0].conv1(inputs)).relu()))  # type: ignore[index]
        next(iter(noise_layers(net).values())).train()
        found = net(inputs)
    is_dropped = (found == inputs).flatten(1).all(1)
    assert 55 <= is_dropped.sum() <= 64
    kept = (inputs + branch / (1 - 0.99)).relu()
    torch.testing.assert_close(found[~is_dropped], kept[~is_dropped])
    assert not torch.equal(plain, inputs)


@pytest.mark.parametrize(("mode", "most"), [("row", 64), ("batch", 1)])
def test_each_example_or_all_at_once(mode: Any, most: int) -> None:
    net = operated(nn.Sequential(BasicBlock(2, 2)), StochasticDepth(0.5, mode=mode)).eval()
    next(iter(noise_layers(net).values())).train()
    inputs = torch.randn(1, 2, 4, 4).expand(64, -1, -1, -1).relu()
    counts = [len(torch.unique(net(inputs), dim=0)) for _ in range(8)]
    assert set(counts) == ({2} if mode == "row" else {1})
    assert max(counts) <= most


class PreActivation(nn.Module):
    """A block whose sum goes through nothing, and whose branch ends in a convolution (He et al. 2016)."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.conv = nn.BatchNorm2d(3), nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs + self.conv(self.norm(inputs).relu())


def mean_over_draws(net: nn.Module, inputs: Tensor, draws: int = 10_000) -> tuple[Tensor, Tensor, Tensor]:
    """Return the output at test, the mean over draws, and the standard error of that."""
    with torch.no_grad():
        plain = net.eval()(inputs)
        for layer in noise_layers(net).values():
            layer.train()
        drawn = net(inputs.expand(draws, *inputs.shape[1:]).contiguous())
    return plain[0], drawn.mean(0), drawn.std(0) / draws**0.5


def test_of_a_block_without_activation_the_mean_over_draws_is_what_it_computes_at_test() -> None:
    net = operated(nn.Sequential(PreActivation()), StochasticDepth(0.4, "*.conv"))
    plain, mean, error = mean_over_draws(net.double(), torch.randn(1, 3, 4, 4, dtype=torch.float64))
    assert ((mean - plain).abs() <= 4 * error).all()
    assert (error > 0).all()


@pytest.mark.parametrize(("rate", "surplus"), [(0.1, 1.008), (0.2, 1.018), (0.5, 1.053)])
def test_of_a_block_that_ends_in_a_relu_it_is_more_as_the_card_says(rate: float, surplus: float) -> None:
    block, inputs = BasicBlock(16, 16).double(), torch.randn(32, 16, 8, 8, dtype=torch.float64).relu()
    with torch.no_grad():
        for norm in (block.bn1, block.bn2):
            norm.momentum = None
        block(inputs)  # the statistics: branches with variance 1
        shortcut, hidden = inputs[:1], block.eval().bn1(block.conv1(inputs[:1])).relu()
        branch = block.bn2(block.conv2(hidden))
        plain, mean, error = mean_over_draws(operated(nn.Sequential(block), StochasticDepth(rate)), shortcut, 2_000)
    expected = (rate * shortcut + (1 - rate) * (shortcut + branch / (1 - rate)).relu())[0]
    assert ((mean - expected).abs() <= 4.5 * error + 1e-12).all()
    assert (expected >= plain - 1e-12).all(), "Jensen: relu is convex"
    assert (expected.sum() / plain.sum()).item() == pytest.approx(surplus, abs=0.002)


def test_blocks_of_ones_own() -> None:
    looks = Looks(lambda module: {name: layer.p for name, layer in noise_layers(module).items()})
    fit(Residual(), StochasticDepth(0.3, where="net.[34].conv2"), looks, max_epochs=1)
    assert looks.seen[0] == {"net.3.conv2.noise": 0.15, "net.4.conv2.noise": 0.3}


def test_a_rate_of_nothing_is_the_plain_run() -> None:
    ours, theirs = Residual(), Residual()
    fit(ours, StochasticDepth(0.0))
    fit(theirs)
    assert all(torch.equal(one, other) for one, other in zip(ours.parameters(), theirs.parameters(), strict=True))
    assert torch.equal(predicted(ours, StochasticDepth(0.5)), predicted(theirs))


def small(**options: Any) -> nn.Module:
    return timm.models.resnet.ResNet(timm.models.resnet.BasicBlock, (1, 1, 1, 1), channels=(4, 4, 4, 4), **options)


class Own(Residual):
    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (
            lambda: Own(nn.Sequential(nn.Flatten(), nn.Linear(16, 3))),
            "the module must hold residual blocks of torchvision or timm where `where` is None, got 'Own'. "
            'Name the last layer of your residual branches, such as where="*.bn2".',
        ),
        (
            lambda: Own(small(drop_path_rate=0.2, in_chans=1, num_classes=3)),
            "blocks must have no drop_path of their own, got 'net.layer2.0'. Create the network with drop_path_rate=0.",
        ),
    ],
    ids=["no block", "drop_path"],
)
def test_modules_refused(model: Any, text: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(f'StochasticDepth: {text}')}$"):
        fit(model(), StochasticDepth())


@pytest.mark.parametrize(
    ("options", "kind", "text"),
    [
        ({"rate": 1.0}, ValueError, "rate must be below 1, or the last branch never trains, got 1.0."),
        ({"rate": -0.1}, ValueError, "rate must be a number in [0, 1], got -0.1."),
        ({"rate": "0.2"}, TypeError, "rate must be a number in [0, 1], got '0.2'."),
        ({"mode": "column"}, ValueError, "mode must be one of batch, row, got 'column'."),
        ({"where": 3}, TypeError, "where must be a class of layers, a name pattern, or Where, got 3."),
    ],
)
def test_refused_arguments(options: dict[str, Any], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=f"^{re.escape(f'StochasticDepth: {text}')}$"):
        StochasticDepth(**options)


def test_without_torchvision_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lightning_regkit.callbacks._stochastic_depth.find_spec", lambda _: None)
    with pytest.raises(ImportError, match="StochasticDepth") as caught:
        StochasticDepth()
    assert str(caught.value) == (
        "StochasticDepth: torchvision must be installed, for its layer is used. pip install torchvision"
    )


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, ""),
        ({"where": "*.bn2"}, ""),
        ({"schedule": Linear()}, ", times Linear: x1 at step 0, straight to x0 at step 5, the end of the run"),
    ],
)
def test_it_explains_itself(options: dict[str, Any], text: str) -> None:
    own = trainer(max_epochs=1, callbacks=[StochasticDepth(0.3, **options)])
    assert rk.explain(own, Residual(), train_dataloaders=loader()).splitlines()[1] == (
        "StochasticDepth: 3 BatchNorm2d followed by StochasticDepth: net.2.bn2, net.3.bn2, net.4.bn2, "
        f"rates 0.1 to 0.3{text}"
    )


def test_it_can_be_configured() -> None:
    given = {"rate": 0.3, "where": "*.bn2", "mode": "batch", "schedule": "lightning_regkit.schedules.Linear"}
    parsed = configured(StochasticDepth, given)
    assert (parsed.rate, str(parsed.where), parsed.mode) == (0.3, "any layer named *.bn2", "batch")


def test_the_layer_is_followed_by_torchvisions() -> None:
    layer = followed_by(nn.BatchNorm2d(2), Dropped(0.5, "row"))
    found = StochasticDepth(0.5).make({"it": nn.BatchNorm2d(2)})["it"]
    assert repr(found) == repr(layer)
