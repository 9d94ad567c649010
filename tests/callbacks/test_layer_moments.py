"""Moments of whole steps in real fits: which steps, which micro-batches, and nothing left behind."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import Checkpoint, LearningRateFinder, ModelCheckpoint
from torch import Tensor
from typing_extensions import override

from lightning_regkit.callbacks._layer_moments import LayerMoments
from tests.support import Classifier, Validated, loader, trainer

if TYPE_CHECKING:
    from lightning_regkit.optim.kfac._factors import Moments


class Every(LayerMoments):
    """Records every n-th step."""

    def __init__(self, every: int = 1) -> None:
        super().__init__("Every")
        self.every = every
        self.steps = 0
        self.found: list[dict[str, Moments]] = []

    @property
    @override
    def is_due(self) -> bool:
        return self.steps % self.every == 0

    @override
    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, Classifier)
        self.observe({"head": pl_module.net[1]})

    @override
    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        self.found.append(self.take(trainer, optimizer))
        self.steps += 1

    @property
    def counts(self) -> list[float]:
        return [float(sums["head"].counts[0]) if sums else 0 for sums in self.found]


def fit(callback: Every, model: Classifier | None = None, count: int = 10, **options: Any) -> Classifier:
    model = model or Classifier()
    options = {"max_epochs": 1, **options, "callbacks": [callback, *options.get("callbacks", [])]}
    trainer(**options).fit(model, loader(count))
    assert not model.net[1]._forward_hooks
    return model


def test_only_steps_that_are_due_are_recorded() -> None:
    every = Every(2)
    fit(every)
    assert every.counts == [2, 0, 2, 0, 2]


def test_a_step_is_all_its_micro_batches() -> None:
    every = Every(2)
    model = fit(every, accumulate_grad_batches=2)
    assert every.counts == [4, 0, 2], "the last window is short"
    inputs = torch.cat([batch[0] for batch in model.seen[:2]]).flatten(1)
    rows = torch.cat([inputs, torch.ones(4, 1)], dim=1)
    torch.testing.assert_close(every.found[0]["head"].inputs, rows.T @ rows)


def test_validation_and_trials_are_not_recorded(tmp_path: Path) -> None:
    every, model = Every(), Validated()
    options: Any = {"max_epochs": 1, "val_check_interval": 1, "default_root_dir": tmp_path}
    finder = LearningRateFinder(num_training_steps=3, min_lr=1e-3, max_lr=1e-1)
    trainer(callbacks=[every, finder], **options).fit(model, loader(6), loader(4))
    assert every.counts == [2, 2, 2]


def test_an_exception_leaves_no_hook() -> None:
    class Breaks(Classifier):
        def training_step(self, batch: Any, batch_idx: int) -> Tensor:
            raise RuntimeError("in the middle")

    model = Breaks()
    with pytest.raises(RuntimeError, match="in the middle"):
        fit(Every(), model)
    assert not model.net[1]._forward_hooks


def test_an_open_window_ends_with_the_fit() -> None:
    class Stops(pl.Callback):
        def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
            trainer.should_stop = True

    every = Every()
    model = fit(every, accumulate_grad_batches=4, callbacks=[Stops()])
    assert every.found == []
    assert len(model.seen) == 1


def test_a_closure_run_twice_is_refused() -> None:
    class Twice(torch.optim.SGD):
        @override
        def step(self, closure: Any = None) -> Any:
            closure()
            return super().step(closure)

    class Careful(Classifier):
        def configure_optimizers(self) -> torch.optim.Optimizer:
            return Twice(self.parameters(), lr=0.1)

    with pytest.raises(ValueError, match="once a step") as caught:
        fit(Every(), Careful())
    assert str(caught.value) == "Every: optimizer must evaluate the loss once a step, got 'Twice'. Use SGD or Adam."


@pytest.mark.filterwarnings("ignore:You're resuming from a checkpoint that ended before the epoch")
@pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`:UserWarning")
def test_an_open_window_is_saved_with_the_checkpoint(tmp_path: Path) -> None:
    class Keep(pl.Callback):
        def on_train_batch_end(self, trainer: pl.Trainer, *rest: Any) -> None:
            trainer.save_checkpoint(tmp_path / f"{rest[-1]}.ckpt")

    whole = Every()
    fit(whole, count=8, accumulate_grad_batches=2, callbacks=[Keep()])
    for batch, is_open in enumerate([True, False, True, False]):
        saved = torch.load(tmp_path / f"{batch}.ckpt", weights_only=True)
        assert ("lightning_regkit" in saved) is is_open
    rest = Every()
    trainer(max_epochs=1, accumulate_grad_batches=2, callbacks=[rest]).fit(
        Classifier(), loader(8), ckpt_path=tmp_path / "2.ckpt", weights_only=True
    )
    saved_part = torch.load(tmp_path / "2.ckpt", weights_only=True)["lightning_regkit"]["Every"]
    assert [part["head"]["counts"].tolist() for part in saved_part] == [[2, 2]]
    assert rest.counts[0] == 4


def test_an_exception_leaves_the_window_to_the_checkpoint_callbacks(tmp_path: Path) -> None:
    class Breaks(Classifier):
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            if batch_idx == 3:
                raise RuntimeError("in the middle")
            return super().training_step(batch, batch_idx)

    class Keep(Checkpoint):
        def on_exception(self, trainer: pl.Trainer, *_: Any) -> None:
            trainer.save_checkpoint(tmp_path / "last.ckpt")

    with pytest.raises(RuntimeError, match="in the middle"):
        fit(Every(), Breaks(), accumulate_grad_batches=2, callbacks=[Keep()], enable_checkpointing=True)
    saved = torch.load(tmp_path / "last.ckpt", weights_only=True)["lightning_regkit"]["Every"]
    assert [part["head"]["counts"].tolist() for part in saved] == [[2, 2]]


def test_a_checkpoint_without_an_open_window_adds_nothing(tmp_path: Path) -> None:
    fit(Every(), enable_checkpointing=True, callbacks=[ModelCheckpoint(tmp_path, filename="last")])
    assert "lightning_regkit" not in torch.load(tmp_path / "last.ckpt", weights_only=True)
