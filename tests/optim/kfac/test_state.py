"""Factors and eigenbases over the steps of a run, and what they do on an ill-conditioned problem."""

from io import BytesIO
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from lightning_regkit.optim.kfac._factors import Moments, factors
from lightning_regkit.optim.kfac._recorder import Recorder
from lightning_regkit.optim.kfac._settings import KFACSettings
from lightning_regkit.optim.kfac._state import KFACState
from tests.optim.kfac.test_inverse import dense
from tests.optim.kfac.test_layers import noise

LABELS = torch.arange(6) % 3


def state(**changed: Any) -> KFACState:
    plain: dict[str, Any] = {"damping": 0.1, "update_every": 1, "invert_every": 1, "decay": 0.5, "kl_clip": None}
    return KFACState(KFACSettings(**{**plain, **changed}))


class Problem:
    """A linear classifier whose every step sees another batch."""

    def __init__(self, lr: float = 0.5) -> None:
        self.layer = nn.Linear(4, 3).double()
        with torch.no_grad():
            self.layer.weight.copy_(noise(3, 4, seed=9))
            self.layer.bias.zero_()
        self.recorder = Recorder({"one": self.layer})
        self.optimizer = torch.optim.SGD(self.layer.parameters(), lr=lr)
        self.raw: list[Tensor] = []

    def backward(self, seed: int, factor: float = 1.0) -> dict[str, Moments]:
        self.optimizer.zero_grad()
        self.recorder.attach()
        (factor * functional.cross_entropy(self.layer(noise(6, 4, seed=seed)), LABELS)).backward()
        self.raw.append(self.gradient())
        return self.recorder.take()

    def gradient(self) -> Tensor:
        assert self.layer.weight.grad is not None
        assert self.layer.bias.grad is not None
        return torch.cat([self.layer.weight.grad, self.layer.bias.grad[:, None]], dim=1)

    def step(self, ours: KFACState, seed: int) -> Tensor:
        sums, is_due = self.backward(seed), ours.is_due
        if is_due:
            ours.update(sums, scale=1.0, micro_batches=1)
        ours.apply({"one": self.layer}, self.optimizer)
        return self.gradient()


def test_a_step_is_solved_with_the_factors_of_its_batch() -> None:
    problem, ours = Problem(), state()
    both = factors(Problem().backward(1)["one"])
    torch.testing.assert_close(problem.step(ours, 1), dense(both, problem.raw[0], 0.1), rtol=1e-9, atol=1e-12)


def test_factors_and_bases_are_renewed_on_their_own_steps() -> None:
    problem, ours = Problem(), state(update_every=2, invert_every=4)
    due, made, inverted = [], [], []
    for step in range(9):
        due.append(ours.is_due)
        problem.step(ours, step)
        made.append(ours.factors["one"].A)
        inverted.append(ours.bases["one"].Q_A)
    assert due == [True, False] * 4 + [True]
    assert [made[i] is not made[i - 1] for i in range(1, 9)] == [False, True] * 4
    assert [inverted[i] is not inverted[i - 1] for i in range(1, 9)] == [False, False, False, True] * 2
    assert ours.updates == {"one": 5}


def test_the_average_weighs_the_past() -> None:
    problem, ours = Problem(), state(decay=0.25)
    news = [factors(Problem().backward(seed)["one"]).A for seed in range(3)]
    for seed in range(3):
        problem.step(ours, seed)
    second = 0.25 * news[0] + 0.75 * news[1]
    torch.testing.assert_close(ours.factors["one"].A, 0.25 * second + 0.75 * news[2])


def test_loss_scale_and_accumulation_drop_out() -> None:
    ours, scaled = state(), state()
    ours.update(Problem().backward(1), scale=1.0, micro_batches=1)
    scaled.update(Problem().backward(1, factor=64.0 / 4), scale=64.0, micro_batches=4)
    torch.testing.assert_close(scaled.factors["one"].G, ours.factors["one"].G)


@pytest.mark.parametrize("bad", [torch.inf, torch.nan])
def test_an_overflow_leaves_the_factors_and_the_next_step_renews_them(bad: float) -> None:
    problem, ours = Problem(), state(update_every=3, invert_every=3)
    ours.update(problem.backward(0, factor=bad), scale=1.0, micro_batches=1)
    ours.apply({"one": problem.layer}, problem.optimizer)
    assert not ours.factors
    assert ours.is_due
    problem.step(ours, 1)
    assert ours.factors["one"].G.isfinite().all()
    assert not ours.is_due
    held = ours.factors["one"]
    ours.steps = 9
    ours.update(problem.backward(0, factor=bad), scale=1.0, micro_batches=1)
    assert ours.factors["one"] is held
    assert ours.is_due


def test_a_step_without_backward_changes_nothing() -> None:
    problem, ours = Problem(), state()
    problem.recorder.attach()
    ours.update(problem.recorder.take(), scale=1.0, micro_batches=1)
    ours.apply({"one": problem.layer}, problem.optimizer)
    assert not ours.factors
    assert problem.layer.weight.grad is None
    assert ours.steps == 1


def test_a_layer_that_was_never_called_is_refused() -> None:
    problem, ours = Problem(), state()
    other = nn.Linear(2, 2).double()
    both = Recorder({"one": problem.layer, "two": other})
    both.attach()
    problem.backward(0)
    functional.linear(noise(1, 2), other.weight, other.bias).sum().backward()
    problem.optimizer.add_param_group({"params": other.parameters()})
    ours.update(both.take(), scale=1.0, micro_batches=1)
    with pytest.raises(ValueError, match="called") as caught:
        ours.apply({"one": problem.layer, "two": other}, problem.optimizer)
    assert str(caught.value) == (
        "KFACPreconditioner: layers must be called as modules in the training step, got \"gradients of ['two'] without "
        "a call\". Call the layer itself, uncompiled, or pass exclude=['two']."
    )


def test_a_layer_called_later_is_left_until_its_factors_are_made() -> None:
    problem, ours = Problem(), state(update_every=2, invert_every=10)
    other = nn.Linear(4, 3).double()
    layers = {"one": problem.layer, "two": other}
    problem.optimizer.add_param_group({"params": other.parameters()})
    problem.step(ours, 0)
    sums = problem.backward(1)
    other(noise(6, 4)).sum().backward()
    assert other.weight.grad is not None
    plain = other.weight.grad.clone()
    ours.apply(layers, problem.optimizer)
    assert torch.equal(other.weight.grad, plain)
    late = Recorder({"two": other})
    late.attach()
    other.zero_grad()
    other(noise(6, 4)).sum().backward()
    ours.update({**sums, **late.take()}, scale=1.0, micro_batches=1)
    ours.apply(layers, problem.optimizer)
    assert ours.updates == {"one": 2, "two": 1}
    assert ours.inverted_at == 2
    assert not torch.equal(other.weight.grad, plain)


def test_what_the_optimizer_does_not_step_is_left() -> None:
    problem, ours = Problem(), state()
    ours.update(problem.backward(0), scale=1.0, micro_batches=1)
    ours.apply({"one": problem.layer}, torch.optim.SGD([problem.layer.weight], lr=0.1))
    assert torch.equal(problem.gradient(), problem.raw[0])


@pytest.mark.parametrize("bias", [True, False])
def test_long_steps_are_shortened_by_the_rates_in_use(bias: bool) -> None:
    layer = nn.Linear(4, 3, bias=bias).double()
    groups: list[dict[str, Any]] = [{"params": [layer.weight], "lr": torch.tensor(3.0)}]
    if bias:
        groups.append({"params": [layer.bias], "lr": 5.0})
    optimizer = torch.optim.SGD(groups, lr=1.0)
    found = {}
    for kl_clip in (None, 1e9, 1e-2):
        ours, recorder = state(kl_clip=kl_clip), Recorder({"one": layer})
        recorder.attach()
        layer.zero_grad()
        functional.cross_entropy(layer(noise(6, 4)), LABELS).backward()
        raw = [parameter.grad.clone() for parameter in layer.parameters() if parameter.grad is not None]
        ours.update(recorder.take(), scale=1.0, micro_batches=1)
        ours.apply({"one": layer}, optimizer)
        found[kl_clip] = [parameter.grad for parameter in layer.parameters() if parameter.grad is not None]
    terms = [float(lr) ** 2 * (v * g).sum() for lr, v, g in zip((3, 5), found[None], raw, strict=False)]
    factor = (1e-2 / torch.stack(terms).sum()).sqrt()
    assert factor < 1
    for plain, loose, clipped in zip(found[None], found[1e9], found[1e-2], strict=True):
        assert torch.equal(plain, loose)
        torch.testing.assert_close(clipped, factor * plain)


def test_a_saved_state_goes_on_bit_for_bit() -> None:
    def run(problem: Problem, ours: KFACState, seeds: range) -> list[Tensor]:
        return [problem.step(ours, seed) for seed in seeds]

    settings = {"update_every": 2, "invert_every": 5}
    whole = run(Problem(), state(**settings), range(12))
    problem, first = Problem(), state(**settings)
    run(problem, first, range(7))
    file = BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    second = state(**settings)
    second.load_state_dict(torch.load(file, weights_only=True))
    second.to(torch.device("cpu"))
    assert all(map(torch.equal, run(Problem(), second, range(7, 12)), whole[7:]))
    second.reset()
    assert second.state_dict() == state().state_dict()


def test_a_state_moves_with_the_layers() -> None:
    problem, ours = Problem(), state()
    problem.step(ours, 0)
    ours.to(torch.device("meta"))
    parts = [part for each in (*ours.factors.values(), *ours.bases.values()) for part in vars(each).values()]
    assert {part.device.type for part in parts} == {"meta"}


def loss_after(lr: float, ours: KFACState | None = None, *, adam: bool = False, steps: int = 60) -> float:
    """Fit a small network on all of an ill-conditioned data set at every step; return the loss before the last one."""
    generator = torch.Generator().manual_seed(0)
    scales = torch.logspace(0, -3, 8, dtype=torch.float64)
    inputs = torch.randn(96, 8, generator=generator, dtype=torch.float64)
    labels = (inputs @ torch.randn(8, 3, generator=generator, dtype=torch.float64)).argmax(1)
    net = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 3)).double()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64) / 3)
    layers: dict[str, Any] = {"0": net[0], "2": net[2]}
    sgd: torch.optim.Optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)
    optimizer = torch.optim.Adam(net.parameters(), lr=lr) if adam else sgd
    recorder = Recorder(layers)
    for _ in range(steps):
        optimizer.zero_grad()
        recorder.attach()
        loss = functional.cross_entropy(net(inputs * scales), labels)
        loss.backward()
        if ours is not None:
            ours.update(recorder.take(), scale=1.0, micro_batches=1)
            ours.apply(layers, optimizer)
        optimizer.step()
    return loss.item()


def test_an_ill_conditioned_problem_takes_fewer_steps_than_sgd_at_its_best() -> None:
    rates = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0]
    found = {
        "SGD": {lr: loss_after(lr) for lr in rates},
        "Adam": {lr: loss_after(lr, adam=True) for lr in rates},
        "SGD + K-FAC": {lr: loss_after(lr, state(damping=1e-3, decay=0.95, kl_clip=1e-2)) for lr in rates},
    }
    for name, after in found.items():
        print(f"{name:12}", {lr: round(loss, 3) for lr, loss in after.items()})
    assert min(found["SGD + K-FAC"].values()) < min(found["SGD"].values()) / 2
