"""Noise after a layer: what the twin computes, what it shares, and that it copies, pickles, traces and compiles."""

import copy
import io
import pickle
import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.utils import parametrizations
from torchvision.ops import StochasticDepth

from lightning_regkit.regularizers import followed_by, noise_layers
from lightning_regkit.regularizers._followed import kind_of, last_noise
from tests.mixing.support import fake_device


class Negative(nn.Module):
    def forward(self, inputs: Tensor) -> Tensor:
        return -inputs


class Clash(nn.Module):
    """Has what the twin would call its noise."""

    def __init__(self) -> None:
        super().__init__()
        self.noise, self.noise1 = nn.ReLU(), 3
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, inputs: Tensor, scale: float = 1.0) -> Tensor:
        return self.noise(inputs) * self.weight * scale * self.noise1


@pytest.mark.parametrize(
    "make", [lambda: nn.Linear(3, 3), lambda: nn.BatchNorm1d(3), Clash], ids=["linear", "norm", "clash"]
)
def test_it_computes_the_noise_of_what_the_layer_computes(make: Any) -> None:
    layer, inputs = make(), torch.randn(4, 3)
    twin = followed_by(layer, Negative())
    assert torch.equal(twin(inputs), -copy.deepcopy(layer)(inputs))
    assert isinstance(twin, type(layer))
    assert list(twin.state_dict()) == list(layer.state_dict())


def test_arguments_reach_the_layer() -> None:
    twin = followed_by(Clash(), Negative())
    assert twin(torch.ones(1), scale=2.0).item() == -6
    assert [name for name, _ in twin.named_children()] == ["noise", "noise2"]


def test_it_may_be_followed_again_and_the_first_twin_stays() -> None:
    layer = nn.Linear(2, 2)
    first = followed_by(layer, nn.Dropout(1.0))
    second = followed_by(first, nn.ReLU())
    assert type(second).__mro__[1] is nn.Linear
    assert [type(child) for child in second.children()] == [nn.Dropout, nn.ReLU]
    assert [type(child) for child in first.children()] == [nn.Dropout]
    second = followed_by(followed_by(layer, Negative()), nn.Softplus())
    inputs = torch.randn(3, 2)
    assert torch.equal(second(inputs), nn.Softplus()(-layer(inputs)))


def test_the_layer_is_as_before_and_both_have_the_same_weights() -> None:
    layer: Any = nn.BatchNorm1d(2)
    before = (type(layer), {name: value for name, value in vars(layer).items() if name != "_modules"})
    twin = followed_by(layer, nn.Dropout())
    assert (type(layer), {name: value for name, value in vars(layer).items() if name != "_modules"}) == before
    assert not list(layer.children())
    twin(torch.randn(4, 2))
    assert layer.num_batches_tracked.item() == 1
    assert layer.running_mean is twin.running_mean
    twin.double()
    assert layer.running_mean is twin.running_mean
    assert layer.running_mean.dtype == torch.float64
    twin.weight = nn.Parameter(torch.full((2,), 7.0))
    assert layer.weight is twin.weight


def test_a_hook_on_one_is_a_hook_on_both() -> None:
    seen: list[str] = []
    layer = nn.Linear(1, 1)
    layer.register_forward_hook(lambda module, *_: seen.append(type(module).__name__))
    twin = followed_by(layer, nn.Dropout())
    twin(torch.ones(1, 1))
    handle = twin.register_forward_pre_hook(lambda *_: seen.append("before"))
    layer(torch.ones(1, 1))
    assert seen == ["LinearWithNoise", "before", "Linear"]
    handle.remove()
    assert not layer._forward_pre_hooks


def test_the_noise_gets_the_mode_of_the_layer_and_then_that_of_the_network() -> None:
    noise = nn.Dropout()
    twin = followed_by(nn.Linear(1, 1).eval(), noise)
    assert not noise.training
    assert not twin.training
    twin.train()
    assert noise.training


def test_modes_inside_a_layer_stay() -> None:
    block = nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1).eval())
    twin = followed_by(block, nn.Dropout())
    assert [part.training for part in twin.modules()] == [True, True, False, True]


@pytest.mark.parametrize(
    "copied",
    [copy.deepcopy, copy.copy, lambda twin: pickle.loads(pickle.dumps(twin))],
    ids=["deepcopy", "copy", "pickle"],
)
@pytest.mark.parametrize("times", [1, 2])
def test_copies_and_pickles_compute_the_same(copied: Any, times: int) -> None:
    twin: Any = nn.Conv2d(1, 2, 3)
    for _ in range(times):
        twin = followed_by(twin, Negative())
    other, inputs = copied(twin), torch.randn(1, 1, 4, 4)
    assert torch.equal(other(inputs), twin(inputs))
    assert type(other) is type(twin)


def test_a_copy_has_weights_and_noise_of_its_own() -> None:
    net: Any = nn.Sequential(nn.BatchNorm1d(2))
    net[0] = followed_by(net[0], nn.Dropout(0.5))
    twin = copy.deepcopy(net)
    assert not {*map(id, net.modules())} & {*map(id, twin.modules())}
    assert not {*map(id, net.parameters())} & {*map(id, twin.parameters())}
    twin[0].get_submodule("noise").p = 0.0
    twin(torch.randn(8, 2))
    assert net[0].num_batches_tracked.item() == 0
    assert next(iter(noise_layers(net).values())).p == 0.5


def test_it_goes_through_torch_save() -> None:
    file = io.BytesIO()
    torch.save(nn.Sequential(followed_by(nn.Linear(2, 1), Negative())), file)
    file.seek(0)
    loaded = torch.load(file, weights_only=False)
    assert isinstance(loaded[0], nn.Linear)
    assert (loaded(torch.ones(1, 2)) == -nn.Linear.forward(loaded[0], torch.ones(1, 2))).all()


@pytest.mark.parametrize("order", ["before", "after"])
def test_parametrized_weights(order: str) -> None:
    layer = nn.Linear(2, 2)
    if order == "before":
        parametrizations.weight_norm(layer)
    twin = followed_by(layer, Negative())
    if order == "after":
        parametrizations.weight_norm(twin)
        twin = followed_by(twin, nn.Identity())
    inputs = torch.randn(3, 2)
    expected = -nn.functional.linear(inputs, twin.weight, twin.bias)
    assert torch.equal(twin(inputs), expected)
    assert torch.equal(copy.deepcopy(twin)(inputs), expected)


def test_torch_fx_keeps_the_noise() -> None:
    net = nn.Sequential(followed_by(nn.BatchNorm2d(1), Negative()), nn.ReLU()).eval()
    traced = torch.fx.symbolic_trace(net)
    inputs = torch.randn(1, 1, 2, 2)
    assert torch.equal(traced(inputs), net(inputs))
    assert net(inputs).any()


def test_it_compiles_whole_and_anew_when_it_is_put_in_and_taken_out() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Flatten())
    layer, inputs = net[0], torch.randn(3, 2)
    compiled: Any = torch.compile(net, backend="eager", fullgraph=True)
    plain = compiled(inputs)
    net[0] = followed_by(layer, Negative())
    assert torch.equal(compiled(inputs), -plain)
    net[0] = layer
    assert torch.equal(compiled(inputs), plain)
    torch._dynamo.reset()


def test_on_another_device_without_waiting_for_it() -> None:
    device = fake_device()
    with FakeTensorMode(), torch.device(device):
        twin = followed_by(nn.Conv2d(1, 2, 3), StochasticDepth(0.5, "row"))
        outputs = twin(torch.empty(4, 1, 8, 8))
    assert (outputs.device.type, outputs.shape) == (device, (4, 2, 6, 6))


def test_one_class_for_each_kind_of_layer() -> None:
    layers: list[nn.Module] = [followed_by(nn.ReLU(), nn.Dropout()), followed_by(nn.ReLU(), nn.Dropout2d())]
    assert type(layers[0]) is type(layers[1])
    assert type(layers[0]) is not type(followed_by(nn.GELU(), nn.Dropout()))


def test_what_follows_is_known() -> None:
    noise = nn.Dropout()
    twin = followed_by(followed_by(nn.ReLU(), nn.Dropout2d()), noise)
    assert last_noise(twin) is noise
    assert kind_of(twin) == "ReLU"
    assert last_noise(nn.ReLU()) is None
    assert kind_of(nn.ReLU()) == "ReLU"


class Reassigned(nn.ReLU):
    def __init__(self) -> None:
        super().__init__()
        vars(self)["forward"] = self.other

    def other(self, inputs: Tensor) -> Tensor:
        return inputs


def compiled_alone() -> nn.Module:
    layer = nn.ReLU()
    layer.compile(backend="eager")
    return layer


WHOLE = "run the forward of its class, not a compiled, scripted or overridden one"


@pytest.mark.parametrize(
    ("make", "kind", "text"),
    [
        (lambda: (nn.functional.relu, nn.Dropout()), TypeError, "layer must be a module, got <function relu"),
        (lambda: (nn.ReLU(), nn.Dropout), TypeError, "noise must be a module, got <class"),
        (
            lambda: (nn.ReLU(), nn.BatchNorm1d(1, affine=False)),
            ValueError,
            "noise must have no weights or buffers, got ['running_mean', 'running_var', 'num_batches_tracked'].",
        ),
        (
            lambda: (Reassigned(), nn.Dropout()),
            ValueError,
            f"layer must {WHOLE}, got 'Reassigned'. Compile the network that holds it.",
        ),
        (
            lambda: (compiled_alone(), nn.Dropout()),
            ValueError,
            f"layer must {WHOLE}, got 'ReLU'. Compile the network that holds it.",
        ),
        (
            lambda: (nn.LazyLinear(2), nn.Dropout()),
            ValueError,
            "layer must know the size of its inputs, got 'LazyLinear'. "
            "Send one batch through the network before the fit.",
        ),
    ],
)
def test_refused(make: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=f"^{re.escape(f'regularizers.followed_by: {text}')}"):
        followed_by(*make())


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*torch.jit.*:FutureWarning")
def test_a_scripted_layer_is_refused() -> None:
    with pytest.raises(ValueError, match=rf"must {WHOLE}, got 'RecursiveScriptModule'"):
        followed_by(torch.jit.script(nn.ReLU()), nn.Dropout())


def test_a_layer_that_knows_its_inputs_by_now_is_none_that_is_lazy() -> None:
    layer: Any = nn.LazyLinear(2)
    layer(torch.ones(1, 3))
    assert followed_by(layer, Negative())(torch.ones(1, 3)).shape == (1, 2)
