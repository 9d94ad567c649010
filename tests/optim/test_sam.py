import copy
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.core.optimizer import LightningOptimizer
from lightning.pytorch.loops.optimization.automatic import Closure
from lightning.pytorch.plugins.precision import MixedPrecision
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from lightning_regkit import optim
from lightning_regkit.callbacks import Mixup, ScheduleLR
from lightning_regkit.optim._sam import stepping
from lightning_regkit.schedules import Linear
from tests.support import Classifier, images, loader, trainer

INPUTS = torch.linspace(-1, 1, 24, dtype=torch.float64).view(6, 4).sin()
TARGETS = torch.tensor([0, 1, 2, 0, 1, 2])


def small_net() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()


def loss_of(net: nn.Module) -> Tensor:
    return functional.cross_entropy(net(INPUTS), TARGETS)


def train(net: nn.Module, optimizer: torch.optim.Optimizer, steps: int = 4) -> list[float]:
    def closure() -> float:
        optimizer.zero_grad()
        loss = loss_of(net)
        loss.backward()
        return loss.item()

    return [optimizer.step(closure) for _ in range(steps)]


def weights(net: nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in net.parameters()]


def are_equal(one: nn.Module, other: nn.Module) -> bool:
    return all(map(torch.equal, weights(one), weights(other)))


def test_a_step_by_hand() -> None:
    # loss w^4 / 4, so g = w^3, at w = 2 with rho 0.5 and lr 0.1: e = 0.5, then w <- 2 - 0.1 * 2.5^3 = 0.4375.
    point = nn.Parameter(torch.tensor([2.0], dtype=torch.float64))
    optimizer = optim.create([point], "sam", base="sgd", rho=0.5, lr=0.1)

    def closure() -> float:
        optimizer.zero_grad()
        loss = point.pow(4).sum() / 4
        loss.backward()
        return loss.item()

    assert optimizer.step(closure) == 4.0, "the loss at w, not at w + e"
    assert point.item() == pytest.approx(0.4375)
    assert point.grad is not None
    assert point.grad.item() == pytest.approx(2.5**3), "the gradient that was used"


@pytest.mark.parametrize(
    ("base", "given"),
    [("sgd", {}), ("momentum", {}), ("adamw", {"betas": (0.8, 0.9)}), ("lion", {}), ("rprop", {})],
)
def test_equals_a_loop_written_by_hand(base: str, given: dict[str, Any]) -> None:
    ours, theirs = small_net(), small_net()
    decay = {} if base == "rprop" else {"weight_decay": 0.1}
    optimizer = optim.create(ours, "sam", base={"name": base, **given}, rho=0.3, lr=0.05, **decay)
    by_hand = optim.create(theirs, base, lr=0.05, **decay, **given)
    losses = train(ours, optimizer)
    for expected in losses:
        loss = loss_of(theirs)
        assert loss.item() == pytest.approx(expected, rel=1e-12)
        gradients = torch.autograd.grad(loss, list(theirs.parameters()))
        length = math.sqrt(sum(gradient.square().sum().item() for gradient in gradients))
        kept = weights(theirs)
        with torch.no_grad():
            for parameter, gradient in zip(theirs.parameters(), gradients, strict=True):
                parameter.add_(0.3 / length * gradient)
        raised = torch.autograd.grad(loss_of(theirs), list(theirs.parameters()))
        with torch.no_grad():
            for parameter, gradient, old in zip(theirs.parameters(), raised, kept, strict=True):
                parameter.copy_(old)
                parameter.grad = gradient
        by_hand.step()
    for one, other in zip(weights(ours), weights(theirs), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)
    assert not are_equal(ours, small_net())


@pytest.mark.parametrize("base", ["sgd", "nesterov", "adamw", "adafactor", "lamb"])
def test_without_a_radius_it_is_the_base(base: str) -> None:
    ours, theirs, sharp = small_net(), small_net(), small_net()
    train(ours, optim.create(ours, "sam", base=base, rho=0.0, lr=0.1, weight_decay=0.1))
    train(theirs, optim.create(theirs, base, lr=0.1, weight_decay=0.1))
    train(sharp, optim.create(sharp, "sam", base=base, rho=0.3, lr=0.1, weight_decay=0.1))
    assert are_equal(ours, theirs)
    assert not are_equal(sharp, theirs)


def test_groups_are_the_base_s() -> None:
    net = small_net()
    optimizer = optim.create(net, "sam", base="adamw", lr=0.1, weight_decay=0.1)
    assert isinstance(optimizer, optim.SAM)
    assert optimizer.param_groups is optimizer.base.param_groups
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.1, 0.0]
    optimizer.add_param_group({"params": [nn.Parameter(torch.ones(1))], "lr": 0.3})
    assert [group["lr"] for group in optimizer.base.param_groups] == [0.1, 0.1, 0.3]
    assert optimizer.base.param_groups[2]["betas"] == (0.9, 0.999)


def test_a_rate_set_from_outside_is_used() -> None:
    ours, still = small_net(), small_net()
    optimizer = optim.create(ours, "sam", base="sgd", lr=0.1)
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    train(ours, optimizer)
    assert are_equal(ours, still)


def test_an_unused_parameter_stays() -> None:
    net, extra = small_net(), nn.Parameter(torch.ones(2))
    train(net, optim.create([*net.parameters(), extra], "sam", lr=0.1))
    assert extra.tolist() == [1.0, 1.0]
    assert extra.grad is None


def test_sparse_gradients_are_those_of_dense_ones() -> None:
    found = []
    for sparse in (True, False):
        table = nn.Embedding(4, 2, sparse=sparse, _weight=torch.arange(1.0, 9.0, dtype=torch.float64).view(4, 2))
        optimizer = optim.create(table, "sam", base="sgd", lr=0.1, rho=0.5)

        def closure(table: nn.Module = table, optimizer: torch.optim.Optimizer = optimizer) -> float:
            optimizer.zero_grad()
            loss = table(torch.tensor([1, 1, 2])).pow(3).sum()
            loss.backward()
            return loss.item()

        optimizer.step(closure)
        found.append(table.weight.detach())
    torch.testing.assert_close(*found, rtol=1e-12, atol=0)
    assert found[0][0].tolist() == [1.0, 2.0]


def test_a_failed_second_pass_leaves_the_weights() -> None:
    net, calls = small_net(), []
    optimizer = optim.create(net, "sam", lr=0.1)

    def closure() -> float:
        calls.append(weights(net))
        if len(calls) == 2:
            raise KeyboardInterrupt
        optimizer.zero_grad()
        loss = loss_of(net)
        loss.backward()
        return loss.item()

    with pytest.raises(KeyboardInterrupt):
        optimizer.step(closure)
    assert are_equal(net, small_net())
    assert not all(map(torch.equal, *calls)), "they had been raised"


@pytest.mark.parametrize("is_base_alone", [False, True])
def test_a_saved_state_goes_on_bit_for_bit(is_base_alone: bool) -> None:
    whole, resumed = small_net(), small_net()
    first = optim.create(whole, "sam", base="adam", lr=0.1, rho=0.0)
    train(whole, first, steps=2)
    saved = copy.deepcopy((whole.state_dict(), first.state_dict()))
    train(whole, first, steps=2)
    given = {"name": "adam", "lr": 0.7} if is_base_alone else {"name": "sam", "base": "adam", "lr": 0.7, "rho": 0.0}
    second = optim.create(resumed, **given)
    resumed.load_state_dict(saved[0])
    second.load_state_dict(saved[1])
    assert second.param_groups[0]["lr"] == 0.1
    train(resumed, second, steps=2)
    assert are_equal(whole, resumed)
    assert second.state[next(resumed.parameters())]["step"].item() == 4


@pytest.mark.filterwarnings("ignore:.*have 'opt_einsum' installed:UserWarning")
@pytest.mark.parametrize("base", optim.names("timm/kron"))  # since timm 1.0.15
def test_the_state_is_the_base_s_with_what_is_its_own(base: str) -> None:
    optimizer = optim.create(small_net(), "sam", base=base, lr=0.1)
    assert "rng_state" in optimizer.state_dict()
    optimizer.load_state_dict(optimizer.state_dict())


@pytest.mark.parametrize("is_wrapped", [False, True], ids=["itself", "as Lightning wraps it"])
@pytest.mark.parametrize("base", ["adam", "adagrad"])
def test_after_a_load_the_groups_are_shared_again(base: str, is_wrapped: bool) -> None:
    net = small_net()
    optimizer = optim.create(net, "sam", base=base, lr=0.1)
    train(net, optimizer, steps=1)
    saved = copy.deepcopy(optimizer.state_dict())
    train(net, optimizer, steps=1)
    (LightningOptimizer(optimizer) if is_wrapped else optimizer).load_state_dict(saved)
    assert isinstance(optimizer, optim.SAM)
    assert {float(state["step"]) for state in optimizer.state.values()} == {1.0}
    assert optimizer.param_groups is optimizer.base.param_groups
    assert optimizer.state is optimizer.base.state


def test_a_copy_works_on_its_own_weights() -> None:
    net = small_net()
    optimizer = optim.create(net, "sam", base="adam", lr=0.1, rho=0.2)
    train(net, optimizer, steps=1)
    other, its_optimizer = copy.deepcopy((net, optimizer))
    train(other, its_optimizer)
    assert not are_equal(net, other)
    train(net, optimizer)
    assert are_equal(net, other)


def test_no_closure_is_refused() -> None:
    with pytest.raises(TypeError) as refused:
        optim.create(small_net(), "sam", lr=0.1).step()
    assert str(refused.value) == (
        "SAM: closure must be given to step, got None. "
        "A gradient scaler leaves none: choose 32-true or bf16-mixed precision."
    )


UNCLEARED = (
    "SAM: closure must call zero_grad of the optimizer before backward, got one that did not, as with "
    "accumulate_grad_batches > 1, where only the last batch could be evaluated again. Enlarge the batch."
)


def test_a_closure_that_does_not_clear_is_refused() -> None:
    net = small_net()
    optimizer = optim.create(net, "sam", lr=0.1)
    train(net, optimizer, steps=1)
    before = weights(net)

    def closure() -> float:
        loss = loss_of(net)
        loss.backward()
        return loss.item()

    with pytest.raises(RuntimeError) as refused:
        optimizer.step(closure)
    assert str(refused.value) == UNCLEARED
    assert all(map(torch.equal, weights(net), before))


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        ({}, ValueError, "optim.create: lr must be given for sam, which has no default, got None."),
        ({"lr": 0.1, "rho": -0.1}, ValueError, "SAM: rho must be a number of at least 0, got -0.1."),
        ({"lr": 0.1, "rho": True}, TypeError, "SAM: rho must be a number of at least 0, got True."),
        (
            {"lr": 0.1, "base": "lbfgs"},
            ValueError,
            "SAM: base must be an optimizer that needs no closure, got 'lbfgs'.",
        ),
        ({"lr": 0.1, "base": "sam"}, ValueError, "SAM: base must be an optimizer that needs no closure, got 'sam'."),
        (
            {"lr": 0.1, "base": "sgdd"},
            ValueError,
            "SAM: name must be a registered optimizer, got 'sgdd'. Close: sgdm, sgd, asgd.",
        ),
        (
            {"lr": 0.1, "base": {"betas": [0.9, 0.95]}},
            ValueError,
            "SAM: base must hold a name, got {'betas': [0.9, 0.95]}.",
        ),
        (
            {"lr": 0.1, "base": {"name": "adam", "maximize": True}},
            ValueError,
            "SAM: maximize of the base must be False, got [True]. Return the negative loss.",
        ),
        ({"lr": 0.1, "base": {"name": 3}}, TypeError, "SAM: name must be a string, got <class 'int'>."),
        (
            {"lr": 0.1, "base": {"name": "adam", "lr": 0.2}},
            TypeError,
            "lightning_regkit.optim._create.create() got multiple values for keyword argument 'lr'",
        ),
        (
            {"lr": 0.1, "base": {"name": "adagrad", "beta": 0.9}},
            TypeError,
            "optim.create: options must be ones that adagrad accepts, got ['beta']. ",
        ),
        (
            {"lr": 0.1, "base": "rprop", "weight_decay": 0.1},
            ValueError,
            "optim.create: weight_decay must be 0 for rprop, which has none, got 0.1.",
        ),
    ],
)
def test_bad_arguments_are_refused(given: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error) as refused:
        optim.create(small_net(), "sam", **given)
    assert str(refused.value).startswith(text)


class Sharp(Classifier):
    """A classifier with everything that a second evaluation may touch; remembers each evaluation."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.net = nn.Sequential(nn.Flatten(), nn.Linear(16, 4), nn.BatchNorm1d(4), nn.Linear(4, 3))
        self.options = {"base": "momentum", "rho": 0.5, "lr": 0.1, **options}
        self.losses: list[float] = []

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        loss = super().training_step(batch, batch_idx)
        self.losses.append(loss.item())
        self.log("loss", loss, on_step=True, on_epoch=True)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        optimizer = optim.create(self, "sam", **self.options)
        optimizer.register_step_pre_hook(self._record_rate)
        return optimizer


def by_hand(model: Sharp, batches: list[Any], rates: list[float], clip: float | None = None) -> None:
    """Train as a plain loop would; torch adds 1e-6 to the norm it clips by."""
    momentum = [torch.zeros_like(p) for p in model.parameters()]
    for (inputs, targets), rate in zip(batches, rates, strict=True):
        kept = weights(model)
        for is_second in (False, True):
            gradients = torch.autograd.grad(functional.cross_entropy(model(inputs), targets), list(model.parameters()))
            norm = math.sqrt(sum(gradient.square().sum().item() for gradient in gradients))
            factor = min(1.0, clip / norm) if clip else 1.0
            with torch.no_grad():
                for p, g, m, old in zip(model.parameters(), gradients, momentum, kept, strict=True):
                    if is_second:
                        p.copy_(old - rate * m.mul_(0.9).add_(factor * g))
                    else:
                        p.add_(0.5 / norm * g)


@pytest.mark.parametrize("clip", [None, 0.2])
def test_a_fit_is_the_loop_written_by_hand(clip: float | None) -> None:
    model, other = Sharp(), Sharp()
    schedule = ScheduleLR(Linear())
    run = trainer(max_epochs=2, callbacks=[schedule], gradient_clip_val=clip, precision="64-true")
    run.fit(model, loader(20, 4))
    rates = [0.1 * (1 - step / 10) for step in range(10)]
    assert model.rates == pytest.approx(rates), "one step is one step"
    assert run.global_step == 10
    assert len(model.losses) == 20
    by_hand(other.double(), [(x.double(), y) for _ in range(2) for x, y in loader(20, 4)], rates, clip)
    for one, two in zip(model.state_dict().values(), other.state_dict().values(), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4 if clip else 1e-8, atol=1e-5 if clip else 1e-10)


def test_both_evaluations_see_the_same_mixed_batch() -> None:
    model = Sharp()
    trainer(max_epochs=2, callbacks=[Mixup(alpha=1.0)]).fit(model, loader(8, 4))
    firsts, seconds = model.seen[::2], model.seen[1::2]
    assert all(one[0] is two[0] for one, two in zip(firsts, seconds, strict=True))
    assert not torch.equal(firsts[0][0], images(8)[0][:4]), "it was mixed"
    assert all(one != two for one, two in zip(model.losses[::2], model.losses[1::2], strict=True))


def test_what_is_logged_counts_both_evaluations() -> None:
    model = Sharp()
    run = trainer(max_epochs=1)
    run.fit(model, loader(4, 2))
    assert run.callback_metrics["loss_step"].item() == pytest.approx(model.losses[-1]), "at w + e"
    assert run.callback_metrics["loss_epoch"].item() == pytest.approx(sum(model.losses) / 4)


def test_batch_norm_s_running_statistics_see_both_evaluations() -> None:
    model = Sharp()
    trainer(max_epochs=1).fit(model, loader(4, 2))
    assert model.net[2].num_batches_tracked.item() == 4


def test_dropout_draws_anew_in_the_second_evaluation() -> None:
    class Dropped(Sharp):
        def __init__(self) -> None:
            super().__init__()
            self.masks: list[Tensor] = []
            self.dropout = nn.Dropout(0.5)

        def training_step(self, batch: Any, batch_idx: int) -> Any:
            self.masks.append(self.dropout(torch.ones(64)))
            return super().training_step(batch, batch_idx)

    model = Dropped()
    trainer(max_epochs=1).fit(model, loader(2, 2))
    assert not torch.equal(*model.masks)


@pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`:UserWarning")
def test_a_resumed_fit_is_the_uninterrupted_one(tmp_path: Path) -> None:
    batches: Any = DataLoader(TensorDataset(*images(12)), batch_size=12)
    keep = ModelCheckpoint(tmp_path, filename="{step}", every_n_train_steps=3, save_top_k=-1)
    whole, resumed = Sharp(base="adamw"), Sharp(base="adamw")
    callbacks: list[Callback] = [ScheduleLR(Linear()), keep]
    trainer(max_epochs=6, callbacks=callbacks, enable_checkpointing=True).fit(whole, batches)
    trainer(max_epochs=6, callbacks=[ScheduleLR(Linear())]).fit(
        resumed, batches, ckpt_path=tmp_path / "step=3.ckpt", weights_only=True
    )
    assert resumed.rates == whole.rates[3:]
    assert are_equal(whole, resumed)


@pytest.mark.parametrize("base", ["momentum", "adamw"])
def test_accumulation_is_refused_in_the_first_step(base: str) -> None:
    model, start = Sharp(base=base), Sharp()
    with pytest.raises(RuntimeError) as refused:
        trainer(max_epochs=1, accumulate_grad_batches=2).fit(model, loader(8, 2))
    assert str(refused.value) == UNCLEARED
    assert are_equal(model, start)


class Manual(Sharp):
    """Steps by itself, with a closure that clears through what ``self.optimizers()`` returns."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.automatic_optimization = False

    def training_step(self, batch: Any, batch_idx: int) -> None:
        optimizer: Any = self.optimizers()

        def closure() -> Tensor:
            loss: Tensor = functional.cross_entropy(self(batch[0]), batch[1])
            optimizer.zero_grad()
            self.manual_backward(loss)
            return loss

        optimizer.step(closure)


def test_manual_optimization_makes_the_same_steps() -> None:
    by_hand, automatic = Manual(), Sharp()
    for model in (by_hand, automatic):
        trainer(max_epochs=1).fit(model, loader())
    assert are_equal(by_hand, automatic)
    assert not are_equal(by_hand, Sharp())


def test_what_moves_the_weights_is_the_base() -> None:
    optimizer = optim.create(small_net(), "sam", lr=0.1)
    assert isinstance(optimizer, optim.SAM)
    assert stepping(optimizer) is optimizer.base
    assert stepping(optimizer.base) is optimizer.base


def test_a_gradient_scaler_is_refused_in_the_first_step() -> None:
    model, start = Sharp(), Sharp()
    scaler = torch.amp.GradScaler("cpu", init_scale=1.0)
    with pytest.raises(TypeError, match="SAM: closure must be given to step, got None"):
        trainer(max_epochs=1, plugins=[MixedPrecision("16-mixed", "cpu", scaler)]).fit(model, loader())
    assert are_equal(model, start)


def test_a_batch_that_gives_no_loss_changes_nothing() -> None:
    Closure.warning_cache.clear()  # Lightning says it once a process

    class Skips(Sharp):
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            return None

    model, start = Skips(), Sharp()
    with pytest.warns(UserWarning, match="returned `None`"):
        trainer(max_epochs=1).fit(model, loader(4, 2))
    assert are_equal(model, start)
