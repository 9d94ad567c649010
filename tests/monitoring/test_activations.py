from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from lightning_regkit.monitoring import ActivationWatch, dead_units, saturated_share
from tests.mixing.support import fake_device


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def seen(net: nn.Module, inputs: Tensor) -> dict[str, float]:
    watch = ActivationWatch(net)
    watch.attach()
    net(inputs)
    return {name: share.item() for name, share in watch.take().items()}


def num_hooks(net: nn.Module) -> int:
    return sum(len(layer._forward_hooks) for layer in net.modules())


class Block(nn.Module):
    """Calls one rectifier twice, as residual blocks do, on outputs of different width."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last, self.relu = nn.Linear(3, 4), nn.Linear(4, 6), nn.ReLU(inplace=True)
        self.outputs: list[Tensor] = []

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = self.relu(self.first(inputs) - 0.5)
        outputs = self.relu(self.last(hidden) - 0.5)
        self.outputs = [hidden.clone(), outputs.clone()]
        return outputs.add_(1)  # in place, after the hook


def test_each_call_of_a_rectifier_has_a_share_of_its_own() -> None:
    net = Block()
    with torch.no_grad():
        net.first.bias[0] = -100
        net.last.bias[:3] = -100
    found = seen(net, noise(5, 3))
    dead = [dead_units(outputs) for outputs in net.outputs]
    assert found["dead/relu"] == dead[0].float().mean().item() >= 1 / 4
    assert found["dead/relu/2"] == dead[1].float().mean().item() >= 3 / 6
    assert found["dead"] == torch.cat(dead).float().mean().item()
    assert list(found) == ["dead/relu", "dead/relu/2", "dead"]


def test_saturated_shares_are_weighted_by_their_outputs() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 8), nn.Sigmoid())
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(6)
    inputs = noise(5, 3)
    shares = saturated_share(net[:2](inputs), -1, 1).item(), saturated_share(net(inputs), 0, 1).item()
    assert 0 < shares[1] < shares[0] < 1
    found = seen(net, inputs)
    assert (found["saturated/1"], found["saturated/3"]) == shares
    assert found["saturated"] == pytest.approx((2 * shares[0] + 8 * shares[1]) / 10)


@pytest.mark.parametrize("layer", [nn.ReLU(), nn.ReLU(inplace=True), nn.ReLU6()], ids=str)
def test_rectifiers(layer: nn.Module) -> None:
    found = seen(nn.Sequential(layer), torch.tensor([[-1.0, 1.0, 0.0, 9.0]]))
    assert found == {"dead/0": 0.5, "dead": 0.5}


def test_other_layers_are_not_looked_at() -> None:
    assert seen(nn.Sequential(nn.Linear(3, 3), nn.GELU(), nn.LeakyReLU()), noise(2, 3)) == {}


def test_outputs_of_no_units_are_passed_over() -> None:
    assert seen(nn.ReLU(), torch.zeros(3)) == {}


def test_it_says_whether_there_was_anything_to_see() -> None:
    for net, has_layers in ((nn.Sequential(nn.Tanh()), True), (nn.Sequential(nn.GELU()), False)):
        watch = ActivationWatch(net)
        assert not watch.has_layers
        watch.attach()
        assert watch.has_layers is has_layers
        assert watch.take() == {}


@pytest.mark.parametrize("end", [ActivationWatch.detach, ActivationWatch.take])
def test_no_hook_is_left(end: Callable[[ActivationWatch], Any]) -> None:
    net = nn.Sequential(nn.ReLU(), nn.Tanh())
    watch = ActivationWatch(net)
    assert num_hooks(net) == 0
    watch.attach()
    watch.attach()
    assert num_hooks(net) == 2
    end(watch)
    end(watch)
    assert num_hooks(net) == 0


def test_what_was_seen_stays_until_it_is_taken_and_no_longer() -> None:
    net = nn.Sequential(nn.ReLU())
    watch = ActivationWatch(net)
    watch.attach()
    net(torch.zeros(1, 2))
    watch.detach()
    net(torch.ones(1, 2))  # not seen
    assert watch.take() == {"dead/0": 1, "dead": 1}
    assert watch.take() == {}
    watch.attach()
    net(torch.zeros(1, 2))
    watch.attach()  # forgets
    assert watch.take() == {}


def test_layers_that_were_put_in_since_are_seen() -> None:
    net = nn.Sequential(nn.Identity())
    watch = ActivationWatch(net)
    net[0] = nn.ReLU()
    watch.attach()
    net(torch.zeros(1, 2))
    assert list(watch.take()) == ["dead/0", "dead"]


def test_gradients_are_those_without_it() -> None:
    gradients = []
    for is_watched in (False, True):
        torch.manual_seed(0)
        net, watch = nn.Sequential(nn.Linear(3, 4), nn.ReLU(inplace=True), nn.Linear(4, 1), nn.Tanh()), None
        if is_watched:
            watch = ActivationWatch(net)
            watch.attach()
        net(noise(5, 3)).sum().backward()
        gradients.append(torch.cat([p.grad.flatten() for p in net.parameters() if p.grad is not None]))
    assert torch.equal(*gradients)


def test_a_compiled_graph_is_neither_broken_nor_seen_nor_made_again() -> None:
    torch.compiler.reset()
    graphs: list[Any] = []

    def backend(graph: Any, _inputs: Any) -> Any:
        graphs.append(graph)
        return graph.forward

    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1), nn.Tanh())
    compiled: Any = torch.compile(net, backend=backend, fullgraph=True)
    watch, inputs = ActivationWatch(compiled), noise(5, 3)
    for _ in range(3):
        watch.attach()
        outputs = compiled(inputs)
        assert watch.take() == {}
        assert torch.equal(outputs, net(inputs))
        assert torch.equal(compiled(inputs), outputs)
    assert 1 <= len(graphs) <= 2  # with hooks, and without


def test_what_runs_while_a_graph_is_made_is_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    assert seen(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Tanh()), noise(5, 3)) == {}


def test_on_a_device_nothing_waits_for_it() -> None:
    device = fake_device()
    with FakeTensorMode(), torch.device(device):
        net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1), nn.Sigmoid())
        watch = ActivationWatch(net)
        watch.attach()
        net(torch.zeros(2, 3))
        found = watch.take()
    assert list(found) == ["dead/1", "saturated/3", "dead", "saturated"]
    assert {share.device.type for share in found.values()} == {device}
