"""What is measured of the steps of a fit, against what other callbacks see of the same steps."""

from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import LearningRateFinder, StochasticWeightAveraging
from lightning.pytorch.plugins import MixedPrecision
from torch import Tensor, nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from lightning_regkit import optim
from lightning_regkit.callbacks import ScheduleLR, WeightPenalty, _watched_steps
from lightning_regkit.callbacks._watched_steps import WatchedSteps
from lightning_regkit.monitoring import to_floats
from lightning_regkit.schedules import Cosine
from tests.callbacks.logged import Rows, Watched
from tests.support import loader, trainer


class Kept(WatchedSteps):
    """Keeps the rows, by the number of the batch."""

    def __init__(self, *, per_layer: bool = True) -> None:
        super().__init__("Kept", per_layer=per_layer)
        self.rows: dict[int, dict[str, float]] = {}

    def log_row(self, trainer: pl.Trainer, row: dict[str, float], batch: Any, batch_idx: int) -> None:
        self.rows[trainer.fit_loop.total_batch_idx] = row


class Oracle(pl.Callback):
    """Notes weights before and after each batch, and the last gradients before each step, in the plainest way."""

    def __init__(self) -> None:
        self.before: list[Tensor] = []
        self.after: list[Tensor] = []
        self.norms: dict[int, float] = {}

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        self.before.append(matrices(pl_module))

    def on_before_optimizer_step(self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Any) -> None:
        gradients = [p.grad.flatten() for p in pl_module.parameters() if p.grad is not None]
        if gradients:
            self.norms.setdefault(trainer.fit_loop.total_batch_idx, torch.cat(gradients).norm().item())

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        self.after.append(matrices(pl_module))

    def ratio(self, batch: int) -> float:
        return ((self.after[batch] - self.before[batch]).norm() / self.before[batch].norm()).item()


def matrices(module: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in module.parameters() if p.ndim > 1])


def fit(model: pl.LightningModule, *callbacks: pl.Callback, count: int = 12, **options: Any) -> tuple[Kept, Oracle]:
    kept, oracle = Kept(), Oracle()
    every = {"max_epochs": 1, "logger": Rows(), "log_every_n_steps": 1, "limit_val_batches": 0}
    trainer(**{**every, **options}, callbacks=[*callbacks, kept, oracle]).fit(model, loader(count), loader(4))
    return kept, oracle


def assert_agree(kept: Kept, oracle: Oracle, batches: list[int]) -> None:
    assert list(kept.rows) == batches
    for batch, row in kept.rows.items():
        assert row["grad_norm"] == pytest.approx(oracle.norms[batch], rel=1e-5)
        assert row["update_ratio"] == pytest.approx(oracle.ratio(batch), rel=1e-4)


def test_every_step() -> None:
    model = Watched(momentum=0.5)
    kept, oracle = fit(model)
    assert_agree(kept, oracle, list(range(6)))
    assert [row["train_loss"] for row in kept.rows.values()] == pytest.approx([loss.item() for loss in model.losses])
    first = kept.rows[0]
    assert {name: first[name] for name in ("lr", "momentum", "weight_decay")} == {
        "lr": 0.1,
        "momentum": 0.5,
        "weight_decay": 0,
    }
    names = {f"update_ratio/net.{index}.weight" for index in (1, 3, 5)}
    assert names | {"dead", "dead/net.2", "saturated", "saturated/net.4"} <= first.keys()
    assert {"samples_per_s", "wait_share"} <= first.keys()


def test_every_third_step() -> None:
    assert_agree(*fit(Watched(), log_every_n_steps=3, max_epochs=2), [2, 5, 8, 11])


def test_of_an_accumulated_step_the_last_batch_is_measured_and_the_whole_gradient() -> None:
    model = Watched()
    kept, oracle = fit(model, accumulate_grad_batches=2, count=10)
    assert_agree(kept, oracle, [1, 3, 4])
    losses = [model.losses[batch].item() for batch in kept.rows]
    assert [row["train_loss"] for row in kept.rows.values()] == pytest.approx(losses)


def test_rates_are_those_in_use_wherever_the_schedule_stands() -> None:
    model = Watched()
    kept, _ = fit(model, ScheduleLR(Cosine()), log_every_n_steps=2)
    assert [row["lr"] for row in kept.rows.values()] == [model.rates[batch] for batch in kept.rows]
    assert len({row["lr"] for row in kept.rows.values()}) == 3


def test_gradients_before_and_after_clipping() -> None:
    kept, oracle = fit(Watched(), gradient_clip_val=0.05)
    assert_agree(kept, oracle, list(range(6)))
    for row in kept.rows.values():
        assert row["grad_norm"] > 0.05
        assert row["grad_norm_clipped"] == pytest.approx(0.05, rel=1e-3)


def test_gradients_are_as_callbacks_before_it_leave_them() -> None:
    assert_agree(*fit(Watched(), WeightPenalty(l2=1.0)), list(range(6)))


class Overflows(Watched):
    """Has infinite gradients in the second batch."""

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return super().training_step(batch, batch_idx) * (float("inf") if batch_idx == 1 else 1.0)


def test_mixed_precision_is_unscaled_and_a_skipped_step_moves_nothing() -> None:
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    kept, oracle = fit(Overflows(), plugins=[MixedPrecision("16-mixed", "cpu", scaler)])
    assert not torch.isfinite(torch.tensor(kept.rows.pop(1)["grad_norm"]))
    plain, _ = fit(Overflows())
    assert kept.rows[0]["grad_norm"] == pytest.approx(plain.rows[0]["grad_norm"], rel=0.02)
    assert oracle.ratio(1) == 0
    assert_agree(kept, oracle, [0, 2, 3, 4, 5])


@pytest.mark.parametrize("fused", [False, True])
def test_so_is_a_fused_optimizer(fused: bool) -> None:
    class Model(Watched):
        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=0.1, fused=fused)

    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    kept, _ = fit(Model(), plugins=[MixedPrecision("16-mixed", "cpu", scaler)], count=2)
    plain, _ = fit(Watched(), count=2)
    assert kept.rows[0]["grad_norm"] == pytest.approx(plain.rows[0]["grad_norm"], rel=0.02)


class Two(Watched):
    """Two optimizers by hand, of which the second steps every other batch."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        optimizers: Any = self.optimizers()
        first, second = optimizers
        loss = functional.cross_entropy(self(batch[0]), batch[1])
        self.manual_backward(loss)
        first.step()
        if batch_idx % 2:
            second.step()
        self.noted = [p.grad.detach().clone() for p in self.net.parameters()]
        first.zero_grad()
        second.zero_grad()
        self.losses.append(loss.detach())
        return {"loss": loss} if batch_idx != 3 else None

    def configure_optimizers(self) -> Any:
        return [torch.optim.SGD(self.net[:2].parameters(), lr=0.1), torch.optim.Adam(self.net[2:].parameters(), lr=0.2)]


def test_several_optimizers_by_hand() -> None:
    model = Two()
    kept, oracle = fit(model)
    for batch, row in kept.rows.items():
        assert (row["lr/0/0"], row["lr/1/0"], row["momentum/1/0"]) == (0.1, 0.2, 0.9)
        assert ("grad_norm/1" in row) == bool(batch % 2)
        assert row["update_ratio"] == pytest.approx(oracle.ratio(batch), rel=1e-4)
        assert row.get("train_loss", 0) == pytest.approx(model.losses[batch].item() if batch != 3 else 0)
    last = [torch.cat([gradient.flatten() for gradient in part]) for part in (model.noted[:2], model.noted[2:])]
    assert [kept.rows[5][f"grad_norm/{at}"] for at in range(2)] == pytest.approx([each.norm().item() for each in last])


class Other(Watched):
    def __init__(self, name: str, **options: Any) -> None:
        super().__init__()
        self.given = name, options

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return optim.create(self, self.given[0], **self.given[1])


@pytest.mark.parametrize(
    "model",
    [Other("lbfgs", lr=0.1, max_iter=3), Other("sam", lr=0.1), Other("adamw", lr=0.01), Other("rprop")],
    ids=lambda model: model.given[0],
)
def test_whatever_an_optimizer_does_with_its_closure(model: Other) -> None:
    assert_agree(*fit(model, count=6), [0, 1, 2])


class Skips(Watched):
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        loss = super().training_step(batch, batch_idx)
        return None if batch_idx == 1 else loss


@pytest.mark.filterwarnings("ignore:`training_step` returned `None`")
def test_a_step_without_a_loss_has_the_rest() -> None:
    kept, oracle = fit(Skips(), count=6)
    row = kept.rows.pop(1)
    assert "train_loss" not in row
    assert "grad_norm" not in row
    assert row["update_ratio"] == 0 == oracle.ratio(1)
    assert_agree(kept, oracle, [0, 2])


class Ends(Watched):
    """Skips the rest of the epoch."""

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> int | None:
        return -1 if batch_idx == 2 else None


def test_a_batch_that_is_skipped_leaves_nothing_behind() -> None:
    model = Ends()
    kept, _ = fit(model, max_epochs=2)
    assert len(kept.rows) == 4
    assert num_hooks(model) == 0


def num_hooks(module: nn.Module) -> int:
    return sum(len(layer._forward_hooks) for layer in module.modules())


class Operations(TorchDispatchMode):
    """Counts operations, batch by batch, from the start of the first callback's hook to the end of the last one's."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: list[list[str]] = []

    def __torch_dispatch__(self, operation: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if self.found:
            self.found[-1].append(str(operation))
        return operation(*args, **(kwargs or {}))


class Begins(pl.Callback):
    def __init__(self, operations: Operations) -> None:
        self.operations = operations

    def on_train_batch_start(self, *_: Any) -> None:
        self.operations.found.append([])


def operations_of(model: pl.LightningModule, *callbacks: pl.Callback, **options: Any) -> list[list[str]]:
    every = {"max_epochs": 2, "logger": Rows(), "log_every_n_steps": 3, "limit_val_batches": 0, **options}
    with Operations() as operations:
        trainer(**every, callbacks=[Begins(operations), *callbacks]).fit(model, loader(8), loader(4))
    return operations.found


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (Watched, {}),
        (Watched, {"gradient_clip_val": 0.1}),
        (Watched, {"accumulate_grad_batches": 2, "log_every_n_steps": 2}),
        (Two, {}),
        (lambda: Other("adamw"), {}),
    ],
    ids=["plain", "clipped", "accumulated", "two optimizers", "adamw"],
)
def test_outside_of_logging_steps_not_one_operation_is_added(
    make: Any, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So nothing waits for the device either; in logging steps the numbers are fetched in one place, once."""
    fetched: list[int] = []

    def fetch(values: Any) -> dict[str, float]:
        fetched.append(len(values))
        return to_floats(values)

    monkeypatch.setattr(_watched_steps, "to_floats", fetch)
    kept = Kept()
    ours, bare = operations_of(make(), kept, **options), operations_of(make(), pl.Callback(), **options)
    assert len(ours) == len(bare) == 8
    for batch, (mine, theirs) in enumerate(zip(ours, bare, strict=True)):
        assert (mine == theirs) == (batch not in kept.rows)
        waits = [sum("_local_scalar_dense" in name for name in names) for names in (mine, theirs)]
        assert waits[0] == waits[1]
    assert 0 < len(kept.rows) == len(fetched) < 4


def test_training_itself_is_the_same_bit_for_bit() -> None:
    models = []
    for callbacks in ([Kept()], []):
        model = Watched(momentum=0.5)
        trainer(max_epochs=2, logger=Rows(), log_every_n_steps=2, limit_val_batches=0, callbacks=callbacks).fit(
            model, loader(), loader(4)
        )
        models.append(matrices(model))
    assert torch.equal(*models)


class Breaks(pl.Callback):
    def on_before_zero_grad(self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Any) -> None:
        assert num_hooks(pl_module) == 2
        raise RuntimeError("in the middle")


def test_a_fit_that_breaks_leaves_no_hook_and_no_copy() -> None:
    model, kept = Watched(), Kept()
    with pytest.raises(RuntimeError, match="in the middle"):
        trainer(max_epochs=1, logger=Rows(), log_every_n_steps=1, limit_val_batches=0, callbacks=[kept, Breaks()]).fit(
            model, loader(), loader(4)
        )
    assert num_hooks(model) == 0
    assert kept._probe is None


def test_trials_of_a_finder_are_not_measured() -> None:
    finder = LearningRateFinder(num_training_steps=3, min_lr=1e-3, max_lr=1e-1, early_stop_threshold=None)
    kept, _ = fit(Watched(), finder)
    assert list(kept.rows) == list(range(6))


class Normalized(Watched):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(self.net, nn.BatchNorm1d(3))


def test_batches_that_only_renew_statistics_are_not_measured() -> None:
    average = StochasticWeightAveraging(swa_lrs=0.1, swa_epoch_start=1)
    kept, _ = fit(Normalized(), average, max_epochs=3, count=4)
    assert len(kept.rows) == 6


def test_of_compiled_layers_it_says_once_that_they_are_not_seen(caplog: pytest.LogCaptureFixture) -> None:
    torch.compiler.reset()
    model: Any = Watched()
    model.net = torch.compile(model.net, backend="eager")
    caplog.set_level("INFO")
    kept, oracle = fit(model)
    assert_agree(kept, oracle, list(range(6)))
    assert not [name for name in kept.rows[0] if "dead" in name]
    text = "Kept: sees no dead or saturated units: the layers are in a compiled graph, or not called."
    assert sum(text in record.getMessage() for record in caplog.records) == 1


def test_a_second_process_measures_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pl.Trainer, "is_global_zero", False)
    kept, _ = fit(Watched())
    assert kept.rows == {}
    assert kept.odometer.samples == 12


def test_it_is_abstract() -> None:
    with pytest.raises(TypeError, match="log_row"):
        WatchedSteps("Kept", per_layer=True)  # type: ignore[abstract]
