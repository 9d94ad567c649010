"""DropConnect as a layer: it takes over another one, and is that one at test."""

import copy
import pickle
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.testing import assert_close

import lightning_regkit as rk
from lightning_regkit.regularizers import DropConnect, gaussian_moments, sampling
from tests.mixing.support import fake_device

LAYERS: dict[str, Any] = {
    "linear": (lambda: nn.Linear(6, 4), (6,)),
    "convolution": (lambda: nn.Conv2d(3, 4, 3, padding=1), (3, 5, 5)),
}


def case(name: str, batch_size: int = 2) -> tuple[Any, Tensor]:
    make, shape = LAYERS[name]
    return make(), torch.randn(batch_size, *shape)


@pytest.mark.parametrize("name", LAYERS)
def test_at_test_it_is_the_layer_and_in_training_it_is_not(name: str) -> None:
    layer, inputs = case(name)
    connect = DropConnect(layer)
    assert not torch.allclose(connect(inputs), connect(inputs))
    assert torch.equal(connect.eval()(inputs), layer(inputs))


@pytest.mark.parametrize("per", ["sample", "batch"])
@pytest.mark.parametrize("sampler", ["bernoulli", "gaussian"])
@pytest.mark.parametrize("name", LAYERS)
def test_sampling_at_test_has_the_mean_and_variance(name: str, sampler: Any, per: Any) -> None:
    draws = 4_000
    layer, inputs = case(name, 1)
    layer, inputs = layer.double(), inputs.double()
    connect = DropConnect(layer, 0.3, per=per, sampler=sampler).eval()
    with torch.no_grad(), sampling([connect]):
        found = torch.cat([connect(inputs) for _ in range(draws)])
        mean, variance = gaussian_moments(layer, inputs, 0.3)
    assert ((found.mean(0) - mean[0]).abs() <= 4 * (variance[0] / draws).sqrt()).float().mean() > 0.98
    assert found.var(0).sum().item() == pytest.approx(variance.sum().item(), rel=0.1)
    values = found.flatten(1)[:, 0].unique()
    assert (len(values) == draws) == (sampler == "gaussian"), "there is a finite number of masks"


def test_the_gaussian_is_for_tests_only() -> None:
    layer = nn.Linear(1, 1, bias=False)
    nn.init.ones_(layer.weight)
    connect = DropConnect(layer, 0.5, sampler="gaussian")
    assert set(connect(torch.ones(100, 1)).flatten().tolist()) == {0.0, 2.0}
    with sampling([connect.eval()]):
        assert len(connect(torch.ones(100, 1)).unique()) == 100


def test_the_rate_may_change_at_any_time() -> None:
    connect = DropConnect(nn.Linear(2, 2), 0.5)
    connect.p = 0.0
    inputs = torch.ones(3, 2)
    assert_close(connect(inputs), connect.eval()(inputs))


@pytest.mark.parametrize("name", LAYERS)
def test_parameters_are_the_same_objects_under_the_same_names(name: str) -> None:
    layer, _ = case(name)
    names = list(layer.state_dict())
    connect = DropConnect(layer)
    assert list(connect.state_dict()) == names
    assert all(mine is theirs for mine, theirs in zip(connect.parameters(), layer.parameters(), strict=True))
    layer.load_state_dict(connect.state_dict())
    assert [name for name, _ in connect.named_modules()] == [""]


def test_groups_of_an_optimizer_are_those_of_the_plain_network() -> None:
    def decays(net: nn.Sequential) -> list[tuple[float, list[tuple[int, ...]]]]:
        groups = rk.optim.create(net, "momentum", lr=0.1, weight_decay=0.5).param_groups
        return [(group["weight_decay"], [tuple(weight.shape) for weight in group["params"]]) for group in groups]

    plain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 2))
    before = decays(plain)
    plain[0], plain[2] = DropConnect(plain[0]), DropConnect(plain[2])
    assert decays(plain) == before


def test_it_answers_for_the_layer() -> None:
    connect = DropConnect(nn.Conv2d(3, 4, 3, stride=2))
    assert (connect.in_channels, connect.out_channels, connect.stride) == (3, 4, (2, 2))
    with pytest.raises(AttributeError, match="'Conv2d' object has no attribute 'in_features'"):
        _ = connect.in_features
    assert repr(connect) == (
        "DropConnect(Conv2d(3, 4, kernel_size=(3, 3), stride=(2, 2)), p=0.5, per='sample', sampler='bernoulli')"
    )


@pytest.mark.parametrize("make", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
@pytest.mark.parametrize("name", LAYERS)
def test_a_copy_owns_its_weights(name: str, make: Any) -> None:
    layer, inputs = case(name)
    connect = DropConnect(layer).eval()
    expected, twin = connect(inputs), make(connect)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.zero_()
    assert torch.equal(connect(inputs), expected)
    assert not twin(inputs).any()
    assert not twin.train()(inputs).any()


@pytest.mark.parametrize("per", ["sample", "batch"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_any_floating_dtype(dtype: torch.dtype, per: Any) -> None:
    connect = DropConnect(nn.Conv2d(3, 4, 3), per=per).to(dtype)
    assert connect(torch.randn(2, 3, 5, 5, dtype=dtype)).dtype == dtype
    assert connect.weight.dtype == dtype


@pytest.mark.parametrize("per", ["sample", "batch"])
def test_autocast(per: Any) -> None:
    layer, inputs = case("convolution")
    connect = DropConnect(layer, per=per)
    with torch.autocast("cpu", torch.bfloat16):
        assert connect(inputs).dtype == torch.bfloat16
        assert_close(connect.eval()(inputs), layer(inputs))


@pytest.mark.parametrize("per", ["sample", "batch"])
def test_channels_last(per: Any) -> None:
    layer, inputs = case("convolution")
    plain = DropConnect(layer, 0.0, per=per)(inputs)
    last = DropConnect(layer.to(memory_format=torch.channels_last), 0.0, per=per)
    assert_close(last(inputs.to(memory_format=torch.channels_last)), plain)


@pytest.mark.parametrize("per", ["sample", "batch"])
def test_compiled(per: Any) -> None:
    connect = DropConnect(nn.Linear(6, 4), per=per)
    compiled = torch.compile(connect, backend="eager")
    inputs = torch.randn(2, 6)
    assert not torch.allclose(compiled(inputs), compiled(inputs))
    connect.eval()
    assert_close(compiled(inputs), connect(inputs))


@pytest.mark.parametrize("per", ["sample", "batch"])
def test_it_never_waits_for_the_device(per: Any) -> None:
    device = fake_device()
    if (per, device) == ("sample", "meta"):
        pytest.skip("autocast knows no meta device, and this torch asks the driver for fake tensors of CUDA")
    with FakeTensorMode(), torch.device(device):
        connect = DropConnect(nn.Linear(6, 4), per=per)
        assert connect(torch.empty(2, 6)).shape == (2, 4)
        assert connect(torch.empty(2, 6)).device.type == device


@pytest.mark.parametrize(
    ("arguments", "kind", "text"),
    [
        ((nn.ReLU(),), TypeError, "DropConnect: layer must be nn.Linear or nn.Conv2d, got 'ReLU'."),
        ((nn.Linear(2, 2), 1.0), ValueError, "DropConnect: p must be below 1, or no weight is left, got 1.0."),
        ((nn.Linear(2, 2), -0.1), ValueError, "DropConnect: p must be a number in [0, 1], got -0.1."),
    ],
)
def test_refusals(arguments: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match="DropConnect") as caught:
        DropConnect(*arguments)
    assert str(caught.value) == text


@pytest.mark.parametrize("argument", ["per", "sampler"])
def test_unknown_choices_are_refused(argument: str) -> None:
    options: Any = {argument: "beta"}
    with pytest.raises(ValueError, match=f"DropConnect: {argument} must be one of"):
        DropConnect(nn.Linear(2, 2), **options)
