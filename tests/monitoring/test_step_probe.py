"""A step of which everything is worked out again by hand."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.checkpoint import checkpoint

from lightning_regkit.monitoring import dead_units, to_floats
from lightning_regkit.monitoring._step_probe import StepProbe
from tests.mixing.support import fake_device
from tests.optim.kfac.test_layers import noise

LR, DECAY = 0.5, 0.1


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.relu, self.last = nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)
        self.hidden = torch.empty(0)

    def forward(self, inputs: Tensor) -> Tensor:
        self.hidden = self.relu(self.first(inputs))
        outputs: Tensor = self.last(self.hidden)
        return outputs


def made() -> tuple[Net, torch.optim.Optimizer, Tensor]:
    torch.manual_seed(0)
    net = Net().double()
    return net, torch.optim.SGD(net.parameters(), lr=LR, weight_decay=DECAY), noise(5, 3)


def step(net: nn.Module, optimizer: torch.optim.Optimizer, probe: StepProbe, inputs: Tensor) -> dict[str, float]:
    probe.begin()
    loss = net(inputs).square().sum()
    probe.end_forward()
    loss.backward()
    probe.note_gradients(optimizer)
    optimizer.step()
    return to_floats(probe.take())


def copies(net: nn.Module) -> dict[str, Tensor]:
    return {name: parameter.detach().clone() for name, parameter in net.named_parameters()}


def flat(tensors: Any) -> Tensor:
    return torch.cat([tensor.flatten() for tensor in tensors])


def test_a_whole_step_by_hand() -> None:
    net, optimizer, inputs = made()
    before = copies(net)
    row = step(net, optimizer, StepProbe(net, [optimizer]), inputs)
    gradients = {name: parameter.grad for name, parameter in net.named_parameters()}
    updates = {name: LR * (gradients[name] + DECAY * before[name]) for name in before}  # type: ignore[operator]
    names = ["first.weight", "last.weight"]
    expected = {
        "lr": LR,
        "momentum": 0.0,
        "weight_decay": DECAY,
        "grad_norm": flat(gradients.values()).norm().item(),
        "dead/relu": dead_units(net.hidden).double().mean().item(),
        "dead": dead_units(net.hidden).double().mean().item(),
        "update_ratio": (flat(updates[n] for n in names).norm() / flat(before[n] for n in names).norm()).item(),
        **{f"update_ratio/{n}": (updates[n].norm() / before[n].norm()).item() for n in names},
    }
    assert row == pytest.approx(expected)
    assert list(row) == list(expected)


def test_figures_of_single_layers_can_be_left_out() -> None:
    net, optimizer, inputs = made()
    row = step(net, optimizer, StepProbe(net, [optimizer], per_layer=False), inputs)
    assert list(row) == ["lr", "momentum", "weight_decay", "grad_norm", "dead", "update_ratio"]


def test_options_are_those_before_the_step() -> None:
    net, optimizer, inputs = made()
    optimizer.register_step_post_hook(lambda *_: optimizer.param_groups[0].update(lr=9.0))
    assert step(net, optimizer, StepProbe(net, [optimizer]), inputs)["lr"] == LR


def test_of_several_evaluations_the_first_gradient_counts() -> None:
    net, optimizer, inputs = made()
    probe = StepProbe(net, [optimizer])
    probe.begin()
    net(inputs).sum().backward()
    probe.note_gradients(optimizer)
    first = flat(p.grad for p in net.parameters()).norm()
    net(inputs).sum().backward()  # adds up
    probe.note_gradients(optimizer)
    assert to_floats(probe.take())["grad_norm"] == pytest.approx(first.item())


def test_gradients_that_are_still_scaled_are_not_taken_for_long() -> None:
    net, optimizer, inputs = made()
    probe = StepProbe(net, [optimizer])
    probe.begin()
    (net(inputs).sum() * 1024).backward()
    probe.note_gradients(optimizer, 1024.0)
    found = to_floats(probe.take())["grad_norm"]
    net.zero_grad()
    net(inputs).sum().backward()
    assert found == pytest.approx(flat(p.grad for p in net.parameters()).norm().item())


def test_clipped_gradients_have_a_norm_of_their_own() -> None:
    net, optimizer, inputs = made()
    probe = StepProbe(net, [optimizer])
    probe.begin()
    net(inputs).square().sum().backward()
    probe.note_gradients(optimizer)
    nn.utils.clip_grad_norm_(net.parameters(), 0.25)
    probe.note_clipped()
    row = to_floats(probe.take())
    assert row["grad_norm"] > 1
    assert row["grad_norm_clipped"] == pytest.approx(0.25)


def test_each_of_several_optimizers_has_its_own() -> None:
    net, _, inputs = made()
    optimizers = [torch.optim.SGD(part.parameters(), lr=LR) for part in (net.first, net.last)]
    probe = StepProbe(net, optimizers)
    probe.begin()
    net(inputs).square().sum().backward()
    for optimizer in reversed(optimizers):
        probe.note_gradients(optimizer)
    probe.note_clipped()
    row = to_floats(probe.take())
    expected = [flat(p.grad for p in part.parameters()).norm().item() for part in (net.first, net.last)]
    for name in ("grad_norm", "grad_norm_clipped"):
        assert [row[f"{name}/{at}"] for at in range(2)] == pytest.approx(expected)
    assert "grad_norm" not in row


def test_without_a_gradient_there_is_no_norm() -> None:
    net, optimizer, _ = made()
    probe = StepProbe(net, [optimizer])
    probe.begin()
    probe.note_gradients(optimizer)
    probe.note_clipped()
    assert not [name for name in probe.take() if "grad" in name]


def test_frozen_weights_and_vectors_have_no_ratio() -> None:
    net, optimizer, inputs = made()
    net.first.weight.requires_grad_(False)
    row = step(net, optimizer, StepProbe(net, [optimizer]), inputs)
    assert [name for name in row if "ratio" in name] == ["update_ratio", "update_ratio/last.weight"]
    vectors = nn.LayerNorm(3).double()
    optimizer = torch.optim.SGD(vectors.parameters(), lr=LR)
    assert not [name for name in step(vectors, optimizer, StepProbe(vectors, [optimizer]), inputs) if "ratio" in name]


def test_checkpointed_layers_are_seen_once() -> None:
    net, optimizer, inputs = made()
    plain, probe = net.forward, StepProbe(net, [optimizer])
    vars(net)["forward"] = lambda given: checkpoint(plain, given, use_reentrant=False)
    row = step(net, optimizer, probe, inputs.requires_grad_())
    assert [name for name in row if "dead" in name] == ["dead/relu", "dead"]


@pytest.mark.parametrize("kind", ["seen", "not called", "none there"])
def test_it_says_when_there_were_layers_and_none_was_called(kind: str) -> None:
    net, optimizer, inputs = made()
    probe = StepProbe(net, [optimizer])
    if kind == "none there":
        net.relu = nn.Identity()  # type: ignore[assignment]
    probe.begin()
    if kind == "seen":
        net(inputs)
    probe.take()
    assert probe.is_blind is (kind == "not called")


def test_between_two_steps_it_holds_nothing_and_notes_nothing() -> None:
    net, optimizer, inputs = made()
    probe = StepProbe(net, [optimizer])
    assert not probe.is_open
    probe.begin()
    assert probe.is_open
    net(inputs).sum().backward()
    probe.drop()
    probe.note_gradients(optimizer)
    assert not probe.is_open
    assert (probe._weights, probe._row) == ({}, {})
    assert not net.relu._forward_hooks
    first = step(net, optimizer, probe, inputs)
    assert "grad_norm" in first
    assert not probe.is_open
    assert not net.relu._forward_hooks


def test_on_a_device_nothing_waits_for_it() -> None:
    device = fake_device()
    with FakeTensorMode(), torch.device(device):
        net = Net()
        optimizer = torch.optim.SGD(net.parameters(), lr=LR)
        optimizer.param_groups[0]["lr"] = torch.zeros(())
        probe = StepProbe(net, [optimizer])
        probe.begin()
        net(torch.zeros(5, 3))
        for parameter in net.parameters():
            parameter.grad = torch.zeros_like(parameter)
        probe.note_gradients(optimizer)
        probe.note_clipped()
        row = probe.take()
    on_device = [name for name, value in row.items() if isinstance(value, Tensor) and value.device.type == device]
    assert {"lr", "grad_norm", "grad_norm_clipped", "dead", "update_ratio"} <= set(on_device)
