import inspect
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import timm.optim
import torch
from torch import Tensor, nn

from lightning_regkit import optim
from lightning_regkit.optim import _timm

NAMES = optim.names("timm/*")
pytestmark = pytest.mark.filterwarnings("ignore:.*have 'opt_einsum' installed:UserWarning")


@pytest.fixture(autouse=True)
def _without_compilation() -> Iterator[None]:
    """Kron compiles its algebra, which takes longer than all else here."""
    torch.compiler.set_stance("force_eager")
    yield
    torch.compiler.set_stance("default")


def small_net() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3), nn.Linear(3, 2))


def train(net: nn.Module, optimizer: torch.optim.Optimizer) -> list[Tensor]:
    inputs = torch.linspace(-3, 3, 64).sin().view(4, 1, 4, 4)
    with torch.random.fork_rng():
        torch.manual_seed(0)  # kron probes with noise
        for _ in range(4):
            optimizer.zero_grad()
            net(inputs).square().sum().backward()
            optimizer.step()
    return [parameter.detach().clone() for parameter in net.parameters()]


@pytest.mark.parametrize("name", NAMES)
def test_every_name_creates_what_timm_creates(name: str) -> None:
    settings = {"lr": 0.01, "weight_decay": 0.1}
    ours_net, theirs_net = small_net(), small_net()
    ours = optim.create(ours_net, name, **settings)
    groups = optim.param_groups(theirs_net, 0.1)
    theirs = timm.optim.create_optimizer_v2(groups, name.removeprefix("timm/"), **settings)
    assert type(ours) is type(theirs)
    start = [parameter.detach().clone() for parameter in ours_net.parameters()]
    moved, expected = train(ours_net, ours), train(theirs_net, theirs)
    torch.testing.assert_close(moved, expected)
    assert all(bool(tensor.isfinite().all()) for tensor in moved)
    assert not all(map(torch.equal, moved, start))


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_described(name: str) -> None:
    entry = optim.describe(name)
    assert entry.name == name
    assert entry.summary
    assert str(entry).startswith(f"{name}: {entry.optimizer_class.__module__}.")
    assert dict(entry.options).items() <= entry.accepted().items()


@pytest.mark.parametrize("name", optim.names("timm/kron*"))  # since timm 1.0.15
def test_kron_warns_in_timm_s_words_where_opt_einsum_is_missing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert optim.describe(name).summary.endswith("; install opt_einsum for it")
    monkeypatch.setattr("timm.optim.kron.has_opt_einsum", False)
    with pytest.warns(UserWarning, match="^It is highly recommended to have 'opt_einsum' installed"):
        optimizer = optim.create(small_net(), name)
    assert type(optimizer) is timm.optim.kron.Kron


@pytest.mark.parametrize("name", NAMES)
def test_every_name_refuses_what_its_class_does_not_accept(name: str) -> None:
    with pytest.raises(
        TypeError, match=rf"^optim\.create: options must be ones that {name} accepts, got \['bogus'\]\."
    ):
        optim.create(small_net(), name, lr=0.1, bogus=1)


def test_all_of_timm_s_but_second_order_and_other_packages_are_listed() -> None:
    left_out = {f"timm/{name}" for name in timm.optim.list_optimizers()} - set(NAMES)
    assert "timm/adahessian" in left_out
    assert all(name.startswith(("timm/bnb", "timm/fused")) for name in left_out - {"timm/adahessian"})
    assert {"timm/lamb", "timm/lars", "timm/lion", "timm/adopt"} <= set(NAMES)


@pytest.mark.parametrize("name", _timm.SHORT)
def test_short_names_create_the_same(name: str) -> None:
    short, full = optim.create(small_net(), name), optim.create(small_net(), f"timm/{name}")
    assert type(short) is type(full)
    assert short.state_dict() == full.state_dict()


def test_defaults_are_those_of_the_class_and_timm_s_momentum() -> None:
    lars, lamb = optim.describe("lars"), optim.describe("lamb")
    assert (lars.lr, lars.weight_decay, lars.options) == (1.0, 0.0, (("momentum", 0.9),))
    assert (lamb.lr, lamb.weight_decay, lamb.options) == (1e-3, 0.01, ())
    assert dict(optim.describe("timm/nlars").options) == {"momentum": 0.9, "nesterov": True}


@pytest.mark.parametrize("name", ["timm/sgdp", "timm/adafactor"])
def test_a_class_without_a_rate_has_none_here(name: str) -> None:
    assert optim.describe(name).lr is None
    assert inspect.signature(optim.describe(name).optimizer_class).parameters["lr"].default != 0.1


def update(name: str, gradient: float) -> float:
    parameter = nn.Parameter(torch.ones(2, 2))
    optimizer = optim.create([parameter], name, lr=1e-3, weight_decay=0.0)
    with torch.random.fork_rng():
        torch.manual_seed(0)  # kron probes with noise
        for _ in range(8):
            parameter.grad = gradient * torch.tensor([[1.0, 2.0], [3.0, -4.0]])
            before = parameter.detach().clone()
            optimizer.step()
    return float((before - parameter.detach()).norm())


@pytest.mark.parametrize("name", NAMES)
def test_adaptive_are_those_whose_update_does_not_grow_with_the_gradient(name: str) -> None:
    # After 8 steps what some start with (RMSpropTF: 1, kron: the identity) still shows a little; the update of MARS,
    # which clips, even shrank in timm 1.0.22.
    growth = update(name, 64.0) / update(name, 1.0)
    assert optim.describe(name).is_adaptive == (growth < 1.5)


def test_second_order_is_refused() -> None:
    with pytest.raises(ValueError, match="first-order") as refused:
        optim.create(small_net(), "timm/adahessian")
    assert str(refused.value) == (
        "optim.create: name must be a first-order optimizer, got 'timm/adahessian'. It needs "
        "backward(create_graph=True): make it by hand, with manual optimization."
    )


@pytest.mark.parametrize("error", [AssertionError, ImportError])
def test_what_cannot_be_loaded_is_refused_with_timm_s_reason(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def fail(name: str, *, bind_defaults: bool) -> Any:
        raise error(f"{name} wants another machine")

    monkeypatch.setattr(timm.optim, "get_optimizer_class", fail)
    with pytest.raises(ValueError, match="loads") as refused:
        optim.create(small_net(), "timm/bnbadam")
    assert str(refused.value) == (
        "optim.create: name must be an optimizer that loads here, got 'timm/bnbadam'. bnbadam wants another machine."
    )


@pytest.mark.skipif(torch.cuda.is_available(), reason="timm asks for CUDA first")
@pytest.mark.parametrize("name", ["timm/bnbadam", "timm/fusedsgd"])
def test_other_packages_are_refused_without_a_crash(name: str) -> None:
    with pytest.raises(ValueError, match=rf"must be an optimizer that loads here, got '{name}'\. CUDA required"):
        optim.describe(name)


def test_timm_loads_when_it_is_asked_for() -> None:
    script = (
        "import sys, torch; from lightning_regkit import optim; optim.names(); optim.describe('adamw'); "
        "optim.create(torch.nn.Linear(1, 1), 'sgd'); print('timm' in sys.modules); optim.names('timm/*'); "
        "print('timm' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["False", "True"]
