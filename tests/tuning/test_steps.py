"""Runs on copies leave no trace: weights, buffers, generators, loaders, callbacks, bit for bit."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from lightning_regkit.callbacks import Mixup, WeightPenalty
from lightning_regkit.tuning import Setup, initial_loss, overfit, range_test, rate_trials
from lightning_regkit.tuning._steps import run_steps, trainer_of
from lightning_regkit.tuning._watch import Watch
from tests.support import Classifier, Items, images, loader
from tests.tuning.support import CPU, Digits, Net

STEPS: list[Callable[..., Any]] = [initial_loss, overfit, range_test, rate_trials]


def generators() -> list[Any]:
    keys: Any = np.random.get_state(legacy=True)  # noqa: NPY002
    return [torch.get_rng_state().tolist(), keys[1].tolist(), random.getstate()]


@pytest.mark.parametrize("step", STEPS)
def test_nothing_is_left_behind(step: Callable[..., Any], tmp_path: Path) -> None:
    module, data, callbacks = Net(), Digits(), [Mixup(), WeightPenalty(l2=0.1)]
    before = {name: value.clone() for name, value in module.state_dict().items()}
    attributes, hooks, seeds = set(vars(module)), [dict(vars(each)) for each in callbacks], generators()
    modes = {name: layer.training for name, layer in module.named_modules()}
    setup = Setup(folder=tmp_path, callbacks=callbacks, trainer=CPU.trainer)
    options = {"num_steps": 5} if step in {range_test, rate_trials} else {}
    first, second = step(module, data, setup=setup, **options), step(module, data, setup=setup, **options)
    assert generators() == seeds
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert all(weight.grad is None for weight in module.parameters())
    assert set(vars(module)) == attributes
    assert {name: layer.training for name, layer in module.named_modules()} == modes
    assert [dict(vars(each)) for each in callbacks] == hooks
    assert not hasattr(data, "train")
    assert first == second
    assert {path.stem for path in tmp_path.iterdir()} == {path.stem for path in tmp_path.glob("*.json")} != set()


@pytest.mark.parametrize("step", STEPS)
def test_a_loader_with_a_generator_of_its_own_does_not_move(step: Callable[..., Any]) -> None:
    generator = torch.Generator().manual_seed(1)
    given: DataLoader[Any] = loader(50, 5, shuffle=True, generator=generator)
    options = {"num_steps": 5} if step in {range_test, rate_trials} else {}
    before = generator.get_state()
    step(Classifier(), given, setup=CPU, **options)
    assert torch.equal(generator.get_state(), before)


class Own(Classifier):
    """Has a loader, a scheduler and a callback of its own."""

    def train_dataloader(self) -> Any:
        return loader()

    def configure_callbacks(self) -> Any:
        raise AssertionError("asked for callbacks")

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(self.parameters(), lr=1.0)
        return [optimizer], [{"scheduler": torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.1), "interval": "step"}]


def test_the_modules_own_loader_serves_and_schedulers_do_not() -> None:
    watch = Watch()
    ran = run_steps(Own(), None, watch, CPU, (12, None, ()))
    assert watch.rates == [1.0] * 12
    assert ran.trainer.global_step == 12


def test_a_module_without_optimizer_is_run_too() -> None:
    class Still(Classifier):
        def configure_optimizers(self) -> Any:
            return None

    watch = Watch(lambda step, highest: 1.0)
    run_steps(Still(), loader(10, 5), watch, CPU, (2, 2, ()))
    assert len(watch.losses) > 0


def test_a_trainer_takes_the_users_options_and_then_ours() -> None:
    setup = Setup(trainer={"accelerator": "cpu", "max_steps": 7, "precision": "bf16-mixed"})
    trainer = trainer_of(setup, max_steps=3)
    assert (trainer.max_steps, trainer.precision) == (3, "bf16-mixed")


def test_batches_go_through_the_hooks_of_the_data_module() -> None:
    class Halved(pl.LightningDataModule):
        def train_dataloader(self) -> Any:
            return DataLoader(Items(list(zip(*images(10), strict=True))), batch_size=2)

        def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
            return [0.5 * batch[0], batch[1]]

    ran: Any = run_steps(Classifier(), Halved(), Watch(), CPU, (1, 1, ()))
    assert torch.equal(ran.module.seen[0][0], 0.5 * images(10)[0][:2])
