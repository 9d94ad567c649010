"""Steps counted where they happen: skipped, raw, repeated and trial ones come out right."""

from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.plugins import MixedPrecision
from torch import Tensor
from torch.nn import functional
from typing_extensions import override

from lightning_regkit._lightning import Clock
from tests.support import Classifier, loader, trainer


class Count(pl.Callback):
    """A callback with a clock; remembers the counts after each batch and the order of steps."""

    def __init__(self, total_steps: int | tuple[int, ...] | None = None) -> None:
        self.clock = Clock(self, self.on_step, total_steps)
        self.order: list[int] = []
        self.counts: list[list[int]] = []

    def on_step(self, index: int) -> None:
        self.order.append(index)

    @override
    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.clock.attach(trainer)

    @override
    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        self.counts.append(list(self.clock.steps))

    @override
    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        self.clock.detach()

    @override
    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.clock.steps}

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.clock.steps = state_dict["steps"]


class Manual(Classifier):
    """Two optimizers; the second steps once every ``every`` batches, through the raw optimizer if asked."""

    def __init__(self, every: int = 1, *, is_raw: bool = False) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.every, self.is_raw = every, is_raw

    def configure_optimizers(self) -> Any:
        return [torch.optim.SGD(self.parameters(), lr=0.1), torch.optim.SGD(self.parameters(), lr=0.1)]

    def training_step(self, batch: Any, batch_idx: int) -> None:
        for index, optimizer in enumerate(self.optimizers(use_pl_optimizer=not self.is_raw)):
            if index == 0 or (batch_idx + 1) % self.every == 0:
                self.manual_backward(functional.cross_entropy(self(batch[0]), batch[1]))
                optimizer.step()


class Overflows(Classifier):
    """Two of five losses overflow."""

    def __init__(self, *, fused: bool = False) -> None:
        super().__init__()
        self.fused = fused

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        loss = super().training_step(batch, batch_idx)
        return loss * torch.inf if batch_idx in {1, 3} else loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1, fused=self.fused)


def test_accumulation() -> None:
    count = Count()
    trainer(max_epochs=1, accumulate_grad_batches=2, callbacks=[count]).fit(Classifier(), loader())
    assert count.counts == [[0], [1], [1], [2], [3]]


@pytest.mark.parametrize("is_raw", [False, True], ids=["Lightning's", "raw"])
def test_manual_optimization_counts_each_optimizer(is_raw: bool) -> None:
    count = Count()
    trainer(max_epochs=2, callbacks=[count]).fit(Manual(every=2, is_raw=is_raw), loader())
    assert count.clock.steps == [10, 4]
    assert count.order[:3] == [0, 0, 1]


def test_closures_count_once() -> None:
    class Newton(Classifier):
        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.LBFGS(self.parameters(), max_iter=4)

    count = Count()
    trainer(max_epochs=1, callbacks=[count]).fit(Newton(), loader())
    assert count.counts == [[1], [2], [3], [4], [5]]


@pytest.mark.parametrize("fused", [False, True], ids=["skipped by the scaler", "fused, skips by itself"])
def test_steps_that_overflow_do_not_count(fused: bool) -> None:
    count = Count()
    scaler = torch.amp.GradScaler("cpu", init_scale=1.0)
    plugin = MixedPrecision("16-mixed", "cpu", scaler)
    run = trainer(max_epochs=1, callbacks=[count], plugins=[plugin])
    run.fit(Overflows(fused=fused), loader())
    assert count.counts == [[1], [1], [2], [2], [3]]
    assert run.global_step == 5, "Lightning counts them"


def test_steps_of_a_trial_do_not_count() -> None:
    class Trial(pl.Callback):
        """Swaps the callbacks for one batch, as the finders do."""

        @override
        def on_train_batch_start(
            self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
        ) -> None:
            trainer.callbacks = [self] if batch_idx == 2 else [count, self]  # type: ignore[attr-defined]

    count, model = Count(), Classifier()
    trainer(max_epochs=1, callbacks=[count, Trial()]).fit(model, loader())
    assert len(model.rates) == 5
    assert count.clock.steps == [4]


@pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`:UserWarning")
@pytest.mark.parametrize("every", [2, 1], ids=["scaled", "manual"])
def test_counts_survive_a_resume(every: int, tmp_path: Path) -> None:
    model = Manual(every=every)
    keep = ModelCheckpoint(tmp_path, filename="last", every_n_epochs=1)
    trainer(max_epochs=1, callbacks=[Count(), keep], enable_checkpointing=True).fit(model, loader())
    count = Count()
    trainer(max_epochs=2, callbacks=[count]).fit(
        Manual(every=every), loader(), ckpt_path=tmp_path / "last.ckpt", weights_only=True
    )
    assert count.clock.steps == ([10, 4] if every == 2 else [10, 10])
    assert len(count.counts) == 5


def test_counts_of_raw_optimizers_survive_a_resume_too(tmp_path: Path) -> None:
    run = trainer(max_epochs=1, callbacks=[Count()])
    run.fit(Manual(is_raw=True), loader())
    assert run.global_step == 0, "Lightning does not see them"
    run.save_checkpoint(tmp_path / "raw.ckpt")
    count = Count()
    path = tmp_path / "raw.ckpt"
    trainer(max_epochs=2, callbacks=[count]).fit(Manual(is_raw=True), loader(), ckpt_path=path, weights_only=True)
    assert count.clock.steps == [10, 10]


@pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`:UserWarning")
def test_a_checkpoint_without_counts(tmp_path: Path) -> None:
    keep = ModelCheckpoint(tmp_path, filename="{epoch}")
    trainer(max_epochs=1, callbacks=[keep], enable_checkpointing=True).fit(Classifier(), loader())
    count = Count()
    path = tmp_path / "epoch=0.ckpt"
    trainer(max_epochs=2, callbacks=[count]).fit(Classifier(), loader(), ckpt_path=path, weights_only=True)
    assert count.counts == [[6], [7], [8], [9], [10]], "one optimizer: its steps are the Trainer's"

    keep = ModelCheckpoint(tmp_path / "two", filename="last")
    trainer(max_epochs=1, callbacks=[keep], enable_checkpointing=True).fit(Manual(), loader())
    with pytest.raises(RuntimeError, match="the checkpoint must hold") as caught:
        trainer(max_epochs=2, callbacks=[Count()]).fit(
            Manual(), loader(), ckpt_path=tmp_path / "two" / "last.ckpt", weights_only=True
        )
    assert str(caught.value) == (
        "Count: the checkpoint must hold the steps of 2 optimizers, got none, for it was saved without Count. "
        "Load its weights only and start a new fit."
    )


def test_a_new_fit_starts_at_zero_and_leaves_no_hook() -> None:
    count, model = Count(), Classifier()
    for _ in range(2):
        run = trainer(max_epochs=1, callbacks=[count])
        run.fit(model, loader())
        assert count.clock.steps == [5]
        assert not run.optimizers[0]._optimizer_step_post_hooks


def test_counts_are_dropped_where_a_checkpoint_has_none() -> None:
    count = Count()
    count.clock.steps = [7]
    count.clock.forget()
    assert count.clock.steps == []


def test_drift_is_refused_unless_the_total_is_given() -> None:
    class Strict(Count):
        @override
        def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
            self.clock.refuse_drift(trainer)

    trainer(max_epochs=2, callbacks=[Strict()]).fit(Manual(every=1), loader())
    trainer(max_epochs=2, callbacks=[Strict((10, 4))]).fit(Manual(every=2), loader())
    with pytest.raises(ValueError, match="total_steps") as caught:
        trainer(max_epochs=2, callbacks=[Strict()]).fit(Manual(every=2), loader())
    assert str(caught.value) == (
        "Strict: total_steps must be given where manual optimization does not step every optimizer once a batch, "
        "got [1, 0] steps in 1 batches. Pass total_steps= with the steps of the whole run, one number for each "
        "optimizer."
    )


def test_a_step_that_the_scaler_skips_is_no_drift() -> None:
    class Strict(Count):
        @override
        def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
            self.clock.refuse_drift(trainer)

    class Skips(Manual):
        def training_step(self, batch: Any, batch_idx: int) -> None:
            for index, optimizer in enumerate(self.optimizers()):
                if index == 0 or (batch_idx + 1) % self.every == 0:
                    loss = functional.cross_entropy(self(batch[0]), batch[1])
                    self.manual_backward(loss * torch.inf if batch_idx in {1, 3} else loss)
                    optimizer.step()
                    optimizer.zero_grad()

    def fit(model: Skips) -> list[int]:
        count, scaler = Strict(), torch.amp.GradScaler("cpu", init_scale=1.0)
        plugin = MixedPrecision("16-mixed", "cpu", scaler)
        trainer(max_epochs=1, callbacks=[count], plugins=[plugin]).fit(model, loader())
        return count.clock.steps

    assert fit(Skips()) == [3, 3]
    with pytest.raises(ValueError, match=r"got \[1, 0\] steps in 1 batches"):
        fit(Skips(every=2))


def test_an_epoch_of_another_length_is_refused_unless_the_total_is_given() -> None:
    class Strict(Count):
        @override
        def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
            self.clock.refuse_resize(trainer)

    class Grows(Classifier):
        def train_dataloader(self) -> Any:
            return loader(10 + 2 * self.current_epoch)

    options: dict[str, Any] = {"max_epochs": 2, "reload_dataloaders_every_n_epochs": 1}
    trainer(callbacks=[Strict(11)], **options).fit(Grows())
    with pytest.raises(ValueError, match="batches per epoch") as caught:
        trainer(callbacks=[Strict()], **options).fit(Grows())
    assert str(caught.value) == (
        "Strict: batches per epoch must stay 5 as planned, got 6. "
        "Pass total_steps= with the optimizer steps of the whole run."
    )
