"""WeightPenalty in real fits: the loss trained on is the loss plus the penalty, whatever the loop does."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import pytorch_lightning
import torch
from jsonargparse import ArgumentParser
from lightning.pytorch.callbacks import BaseFinetuning, ModelCheckpoint
from lightning.pytorch.plugins import MixedPrecision
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer
from torch.utils.data import ConcatDataset, DataLoader
from typing_extensions import override

from lightning_regkit import optim
from lightning_regkit.callbacks._schedule_lr import ScheduleLR
from lightning_regkit.callbacks._weight_penalty import WeightPenalty
from lightning_regkit.regularizers import weight_penalty
from lightning_regkit.schedules import Linear
from tests.support import Classifier, images, loader, trainer

L2 = 0.03
Make = Callable[[Any], Optimizer]


class Net(Classifier):
    """Starts from the same weights every time; its optimizer is what it is told."""

    def __init__(self, make: Make | None = None) -> None:
        super().__init__()
        self.make: Make = make or (lambda groups: torch.optim.SGD(groups, lr=0.1))
        start = torch.randn(self.weight.shape, generator=torch.Generator().manual_seed(1))
        with torch.no_grad():
            self.weight.copy_(start)
            self.bias.copy_(start[:, 0])

    @property
    def weight(self) -> Tensor:
        weight: Tensor = self.net[1].weight
        return weight

    @property
    def bias(self) -> Tensor:
        bias: Tensor = self.net[1].bias
        return bias

    @override
    def configure_optimizers(self) -> Optimizer:
        optimizer = self.make([{"params": [self.weight]}, {"params": [self.bias], "weight_decay": 0.0}])
        optimizer.register_step_pre_hook(self._record_rate)
        return optimizer


def sgd(weight_decay: float = 0.0, **options: Any) -> Make:
    return lambda groups: torch.optim.SGD(groups, lr=0.1, weight_decay=weight_decay, **options)


def fitted(model: Net, *callbacks: pl.Callback, **options: Any) -> Net:
    trainer(callbacks=list(callbacks), **{"max_epochs": 2, **options}).fit(model, loader())
    return model


def assert_equal(ours: Net, theirs: Net) -> None:
    assert torch.equal(ours.weight, theirs.weight)
    assert torch.equal(ours.bias, theirs.bias)


def scaled() -> MixedPrecision:
    return MixedPrecision("16-mixed", "cpu", torch.amp.GradScaler("cpu", init_scale=4.0))


@pytest.mark.parametrize("accumulate", [1, 2, 5])
@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam])
def test_l2_is_the_coupled_decay_of_torch(kind: Any, accumulate: int) -> None:
    by_torch = Net(lambda groups: kind(groups, lr=0.1, weight_decay=L2))
    by_us = Net(lambda groups: kind(groups, lr=0.1))
    fitted(by_us, WeightPenalty(l2=L2), accumulate_grad_batches=accumulate)
    assert_equal(by_us, fitted(by_torch, accumulate_grad_batches=accumulate))
    assert not torch.equal(by_us.weight, fitted(Net(sgd()), accumulate_grad_batches=accumulate).weight)


class Penalized(Net):
    """Has the penalty in its loss."""

    @override
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return super().training_step(batch, batch_idx) + weight_penalty([self.weight], l1=0.02, l2=L2)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_it_is_the_penalty_in_the_loss_clipped_with_it(accumulate: int) -> None:
    # Whole windows only: Lightning divides the loss of a shorter last one by as much as the others', penalty and all.
    options: dict[str, Any] = {
        "gradient_clip_val": 0.2,
        "accumulate_grad_batches": accumulate,
        "limit_train_batches": 4,
    }
    ours, theirs = fitted(Net(), WeightPenalty(l1=0.02, l2=L2), **options), fitted(Penalized(), **options)
    torch.testing.assert_close(ours.weight, theirs.weight)
    torch.testing.assert_close(ours.bias, theirs.bias)
    options.pop("gradient_clip_val")
    assert not torch.allclose(ours.weight, fitted(Net(), WeightPenalty(l1=0.02, l2=L2), **options).weight), "it clips"


def test_the_loss_rises_by_exactly_the_penalty() -> None:
    (model, plain), batch = (Penalized(), Net()), images(2)
    rise = model.training_step(batch, 0) - plain.training_step(batch, 0)
    value = WeightPenalty(l1=0.02, l2=L2).penalty(model)
    assert value.item() > 0
    torch.testing.assert_close(rise, value)
    model.weight.requires_grad = False
    assert WeightPenalty(l1=0.02, l2=L2).penalty(model).item() == 0.0


class Overflows(Net):
    """Loss 0 with gradient 0, and two that overflow; so nothing but the penalty moves it."""

    @override
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return super().training_step(batch, batch_idx) * (torch.inf if batch_idx in {1, 3} else 0.0)


@pytest.mark.parametrize("fused", [False, True], ids=["skipped by the scaler", "fused, skips by itself"])
def test_steps_that_mixed_precision_skips_make_no_proximal_step(fused: bool) -> None:
    ours = fitted(Overflows(sgd(fused=fused)), WeightPenalty(l2=5.0, proximal=True), max_epochs=1, plugins=[scaled()])
    torch.testing.assert_close(ours.weight, Net().weight / 1.5**3)
    assert torch.equal(ours.bias, Net().bias)


def test_gradients_are_unscaled_when_it_adds_its_own() -> None:
    ours = fitted(Overflows(), WeightPenalty(l2=L2), max_epochs=1, plugins=[scaled()])
    assert_equal(ours, fitted(Overflows(sgd(L2)), max_epochs=1, plugins=[scaled()]))
    torch.testing.assert_close(ours.weight, Net().weight * (1 - 0.1 * L2) ** 3)
    with pytest.raises(ValueError, match="WeightPenalty: optimizer must not be fused under 16-mixed"):
        fitted(Overflows(sgd(fused=True)), WeightPenalty(l2=L2), plugins=[scaled()])


def by_hand(rates: list[float], l1: float, l2: float) -> Net:
    """Return what proximal gradient makes of the same batches with these rates."""
    model, data = Net(), loader()
    batches = [batch for _ in range(2) for batch in data]
    for rate, (inputs, targets) in zip(rates, batches, strict=True):
        model.zero_grad()
        functional.cross_entropy(model(inputs), targets).backward()
        with torch.no_grad():
            for parameter in model.parameters():
                assert parameter.grad is not None
                parameter.sub_(parameter.grad, alpha=rate)
            model.weight.copy_(functional.softshrink(model.weight, rate * l1) / (1 + rate * l2))
    return model


@pytest.mark.parametrize("is_first", [True, False], ids=["penalty first", "schedule first"])
def test_a_proximal_step_has_the_rate_of_its_step(is_first: bool) -> None:
    pair: list[pl.Callback] = [WeightPenalty(l1=0.3, l2=L2, proximal=True), ScheduleLR(Linear())]
    model = fitted(Net(), *(pair if is_first else pair[::-1]))
    assert model.rates == pytest.approx([0.1 * (1 - step / 10) for step in range(10)])
    expected = by_hand(model.rates, 0.3, L2)
    torch.testing.assert_close(model.weight, expected.weight)
    torch.testing.assert_close(model.bias, expected.bias)
    assert torch.equal(model.weight == 0, expected.weight == 0)
    assert 0 < int((model.weight == 0).sum()) < model.weight.numel()


def test_through_the_gradient_nothing_is_exactly_zero() -> None:
    assert fitted(Net(), WeightPenalty(l1=0.3)).weight.all()


@pytest.mark.parametrize("accumulate", [2, 5])
def test_one_proximal_step_a_step(accumulate: int) -> None:
    class Still(Net):
        @override
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            return super().training_step(batch, batch_idx) * 0

    ours = fitted(Still(), WeightPenalty(l2=5.0, proximal=True), max_epochs=1, accumulate_grad_batches=accumulate)
    torch.testing.assert_close(ours.weight, Net().weight / 1.5 ** -(-5 // accumulate))


class Own(torch.optim.SGD):
    """Does something of its own around the step of its parent, whose wrapper then calls torch's hooks again."""

    @override
    def step(self, closure: Any = None) -> Any:
        return super().step(closure)


@pytest.mark.parametrize("proximal", [False, True])
def test_an_optimizer_that_calls_the_step_of_its_parent_is_penalized_once(proximal: bool) -> None:
    theirs = fitted(Net(sgd()), WeightPenalty(l1=0.1, l2=0.5, proximal=proximal))
    ours = fitted(Net(lambda groups: Own(groups, lr=0.1)), WeightPenalty(l1=0.1, l2=0.5, proximal=proximal))
    assert_equal(ours, theirs)


def test_under_adam_the_proximal_step_is_the_decay_of_adamw() -> None:
    plain = fitted(Net(lambda groups: torch.optim.Adam(groups, lr=0.01)), max_epochs=1, limit_train_batches=1)
    ours = fitted(
        Net(lambda groups: torch.optim.Adam(groups, lr=0.01)),
        WeightPenalty(l2=0.5, proximal=True),
        max_epochs=1,
        limit_train_batches=1,
    )
    torch.testing.assert_close(ours.weight, plain.weight / 1.005)


def test_the_elastic_net_and_the_names() -> None:
    ours = fitted(Net(), WeightPenalty(elastic=(0.1, 0.25), parameters="net.1.*"))
    theirs = fitted(Net(), WeightPenalty(0.025, 0.075), WeightPenalty(0.025, 0.075, parameters=["*.bias"]))
    assert_equal(ours, theirs)
    assert not torch.equal(ours.bias, fitted(Net(), WeightPenalty(0.025, 0.075)).bias)


class Manual(Net):
    """Two optimizers, of the weight and of the bias; the second steps every second batch."""

    def __init__(self, *, is_raw: bool = False) -> None:
        super().__init__()
        self.is_raw = is_raw
        self.automatic_optimization = False

    @override
    def configure_optimizers(self) -> Any:
        return [torch.optim.SGD([self.weight], lr=0.1), torch.optim.SGD([self.bias], lr=1.0)]

    @override
    def training_step(self, batch: Any, batch_idx: int) -> None:
        optimizers: Any = self.optimizers(use_pl_optimizer=not self.is_raw)
        for index, optimizer in enumerate(optimizers):
            if index == 0 or batch_idx % 2:
                self.zero_grad(set_to_none=True)
                self.manual_backward(functional.cross_entropy(self(batch[0]), batch[1]) * 0)
                optimizer.step()


def test_several_optimizers_each_penalize_their_own() -> None:
    ours = fitted(Manual(), WeightPenalty(l2=0.5, parameters="*"), max_epochs=1)
    torch.testing.assert_close(ours.weight, Net().weight * 0.95**5)
    torch.testing.assert_close(ours.bias, Net().bias * 0.5**2)


@pytest.mark.parametrize("is_raw", [False, True], ids=["Lightning's", "raw"])
def test_several_optimizers_each_make_their_proximal_steps(is_raw: bool) -> None:
    ours = fitted(Manual(is_raw=is_raw), WeightPenalty(l2=1.0, parameters="*", proximal=True), max_epochs=1)
    torch.testing.assert_close(ours.weight, Net().weight / 1.1**5)
    torch.testing.assert_close(ours.bias, Net().bias / 2.0**2)


class HalfRaw(Manual):
    """Steps the first optimizer through Lightning, and then the raw one."""

    @override
    def training_step(self, batch: Any, batch_idx: int) -> None:
        self.manual_backward(functional.cross_entropy(self(batch[0]), batch[1]))
        for is_raw in (False, True):
            optimizers: Any = self.optimizers(use_pl_optimizer=not is_raw)
            optimizers[0].step()


@pytest.mark.parametrize("model", [Manual(is_raw=True), HalfRaw()], ids=["all raw", "the second raw"])
def test_raw_steps_cannot_be_penalized_through_the_gradient(model: Manual) -> None:
    with pytest.raises(ValueError, match="raw") as caught:
        fitted(model, WeightPenalty(l2=0.5))
    assert str(caught.value) == (
        "WeightPenalty: a step must go through Lightning, got 'a raw one'. "
        "Step what self.optimizers() returns, or take proximal=True."
    )


@pytest.mark.parametrize(("base", "length"), [("sgd", 0.1), ("momentum", 1.0)])
def test_a_proximal_step_under_sam_is_that_of_its_base(base: str, length: float) -> None:
    class Still(Net):
        @override
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            return super().training_step(batch, batch_idx) * 0

    sharp = Still(lambda groups: optim.create(groups, "sam", base=base, lr=0.1))
    ours = fitted(sharp, WeightPenalty(l2=1.0, proximal=True), max_epochs=1)
    torch.testing.assert_close(ours.weight, Net().weight / (1 + length) ** 5)


def test_under_sam_it_is_the_penalty_in_the_loss() -> None:
    def sharp(groups: Any) -> Optimizer:
        return optim.create(groups, "sam", lr=0.1, rho=0.5)

    ours, theirs = fitted(Net(sharp), WeightPenalty(l1=0.02, l2=L2)), fitted(Penalized(sharp))
    torch.testing.assert_close(ours.weight, theirs.weight)
    assert not torch.allclose(ours.weight, fitted(Net(sharp)).weight)


class Unfrozen(BaseFinetuning):
    """Adds the weight in the second epoch, with the optimizer's own defaults."""

    @override
    def freeze_before_training(self, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, Net)
        pl_module.weight.requires_grad = False

    @override
    def finetune_function(self, pl_module: pl.LightningModule, epoch: int, optimizer: Optimizer) -> None:
        assert isinstance(pl_module, Net)
        if epoch == 1:
            pl_module.weight.requires_grad = True
            optimizer.add_param_group({"params": [pl_module.weight]})


class Tuned(Net):
    @override
    def configure_optimizers(self) -> Optimizer:
        return self.make([{"params": [self.bias], "weight_decay": 0.0}])


@pytest.mark.parametrize("is_first", [True, False], ids=["penalty first", "fine-tuning first"])
@pytest.mark.parametrize("proximal", [False, True])
def test_a_weight_that_is_unfrozen_later_is_penalized_or_refused(proximal: bool, is_first: bool) -> None:
    def pair() -> list[pl.Callback]:
        found = [WeightPenalty(l2=0.5, proximal=proximal), Unfrozen()]
        return found if is_first else found[::-1]

    ours, plain = fitted(Tuned(), *pair()), fitted(Tuned(), Unfrozen())
    assert not torch.allclose(ours.weight, plain.weight)
    with pytest.raises(ValueError, match=r"^WeightPenalty: weight_decay of a penalized weight must be 0 beside l2"):
        fitted(Tuned(sgd(weight_decay=0.1)), *pair())


@pytest.mark.parametrize("proximal", [False, True])
def test_a_weight_that_gets_no_gradient_stays(proximal: bool) -> None:
    class Half(Net):
        @override
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            return self.bias.sum()

    ours = fitted(Half(), WeightPenalty(l2=0.5, proximal=proximal))
    assert torch.equal(ours.weight, Net().weight)
    assert not torch.equal(ours.bias, Net().bias)


@pytest.mark.parametrize("proximal", [False, True])
def test_it_rests_while_a_trial_swaps_the_callbacks(proximal: bool) -> None:
    class Trial(pl.Callback):
        @override
        def on_train_batch_start(
            self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
        ) -> None:
            trainer.callbacks = [self] if batch_idx == 2 else [penalty, self]  # type: ignore[attr-defined]

    class Still(Net):
        @override
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            return super().training_step(batch, batch_idx) * 0

    penalty = WeightPenalty(l2=1.0, proximal=proximal)
    ours = fitted(Still(), penalty, Trial(), max_epochs=1)
    factor = 1 / 1.1 if proximal else 0.9
    torch.testing.assert_close(ours.weight, Net().weight * factor**4)


@pytest.mark.filterwarnings("ignore:You're resuming from a checkpoint that ended before the epoch")
@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")
@pytest.mark.parametrize("proximal", [False, True])
@pytest.mark.parametrize("every", [3, 5], ids=["mid-epoch", "boundary"])
def test_a_resumed_run_equals_an_uninterrupted_one(every: int, proximal: bool, tmp_path: Path) -> None:
    def run(**options: Any) -> Net:
        model = Net(sgd(momentum=0.9))
        penalty = WeightPenalty(l1=0.05, l2=L2, proximal=proximal)
        keep = ModelCheckpoint(tmp_path, filename="{step}", every_n_train_steps=every, save_top_k=-1)
        data: DataLoader[Any] = DataLoader(ConcatDataset([loader(2).dataset] * 5), batch_size=2)  # equal batches
        callbacks = [penalty, ScheduleLR(Linear()), keep]
        trainer(max_epochs=2, callbacks=callbacks, enable_checkpointing=True).fit(model, data, **options)
        return model

    whole = run()
    assert_equal(run(ckpt_path=tmp_path / f"step={every}.ckpt", weights_only=True), whole)


def test_it_logs_the_penalty_when_asked() -> None:
    penalty, quiet = WeightPenalty(l1=0.1, log_as="penalty"), WeightPenalty(l2=L2)
    model = Net()
    run = trainer(max_epochs=1, callbacks=[penalty, quiet])
    run.fit(model, loader())
    assert run.callback_metrics == {"penalty": pytest.approx(0.1 * model.weight.abs().sum().item())}


@pytest.mark.parametrize("ends", [True, False], ids=["ends", "breaks"])
def test_no_hook_stays(ends: bool) -> None:
    class Breaks(Net):
        @override
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            raise RuntimeError("in the middle")

    model = (Net if ends else Breaks)(sgd())
    run = trainer(max_epochs=1, callbacks=[WeightPenalty(l1=0.1, proximal=True)])
    if ends:
        run.fit(model, loader())
    else:
        with pytest.raises(RuntimeError, match="in the middle"):
            run.fit(model, loader())
    assert not run.optimizers[0]._optimizer_step_post_hooks
    assert list(run.optimizers[0]._optimizer_step_pre_hooks.values()) == [model._record_rate]


def test_a_second_fit_starts_afresh() -> None:
    penalty = WeightPenalty(l2=5.0, proximal=True)
    for _ in range(2):
        ours = fitted(Overflows(), penalty, max_epochs=1, plugins=[scaled()])
        torch.testing.assert_close(ours.weight, Net().weight / 1.5**3)


def test_a_trainer_of_the_other_namespace() -> None:
    class Other(pytorch_lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Linear(2, 1, bias=False)
            nn.init.ones_(self.net.weight)

        def training_step(self, batch: Any, batch_idx: int) -> Any:
            return self.net(batch[0].flatten(1)[:, :2]).sum() * 0

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    model: Any = Other()
    quiet: Any = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    callbacks: Any = [WeightPenalty(l2=1.0), WeightPenalty(l1=1.0, proximal=True)]
    pytorch_lightning.Trainer(
        accelerator="cpu", devices=1, max_epochs=1, enable_model_summary=False, callbacks=callbacks, **quiet
    ).fit(model, loader(2))
    torch.testing.assert_close(model.net.weight, torch.full((1, 2), 0.8))


def test_it_can_be_configured() -> None:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(WeightPenalty, "penalty")
    given = {"elastic": [0.1, 0.25], "parameters": ["head.*"], "proximal": True}
    parsed = parser.parse_object({"penalty": given}).penalty
    penalty = WeightPenalty(**vars(parsed))
    assert (penalty.l1, penalty.l2) == pytest.approx((0.025, 0.075))
    assert (penalty.parameters, penalty.proximal) == (["head.*"], True)


@pytest.mark.parametrize(
    ("arguments", "kind", "text"),
    [
        ({}, ValueError, "l1 and l2 must not both be 0, got (0.0, 0.0). There would be nothing to do."),
        ({"l1": -1.0}, ValueError, "l1 must be a number of at least 0, got -1.0. Both are strengths"),
        ({"l2": "1e-4"}, TypeError, "l2 must be a number of at least 0, got '1e-4'. Both are strengths"),
        ({"l2": 1.0, "elastic": (0.1, 0.5)}, ValueError, "elastic must come without l1 and l2, got (0.1, 0.5)."),
    ],
)
def test_arguments_are_checked_at_construction(arguments: dict[str, Any], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind) as caught:
        WeightPenalty(**arguments)
    assert str(caught.value).startswith(f"WeightPenalty: {text}")


@pytest.mark.parametrize("proximal", [False, True])
@pytest.mark.parametrize(
    ("make", "options", "kind", "text"),
    [
        (sgd(), {"parameters": "nte.1.weight"}, ValueError, "parameters must match a parameter of the module"),
        (sgd(0.1), {}, ValueError, "weight_decay of a penalized weight must be 0 beside l2, got 0.1."),
        (lambda groups: torch.optim.LBFGS(groups[0]["params"]), {}, TypeError, "optimizer must take one gradient"),
    ],
)
def test_a_run_is_checked_before_the_first_step(
    make: Make, options: dict[str, Any], kind: type[Exception], text: str, proximal: bool
) -> None:
    model = Net(make)
    with pytest.raises(kind) as caught:
        fitted(model, WeightPenalty(l2=L2, proximal=proximal, **options))
    assert str(caught.value).startswith(f"WeightPenalty: {text}")
    assert not model.seen
