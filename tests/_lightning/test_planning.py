"""What is found out before a fit, against what the fit then does; and that nothing moves."""

import copy
import random
from typing import Any

import lightning.pytorch as pl
import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import GradientAccumulationScheduler
from lightning.pytorch.utilities import CombinedLoader
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, random_split

from lightning_regkit._durations import Horizon
from lightning_regkit._lightning import pl as ours
from lightning_regkit._lightning._planning import plan_fit
from tests._lightning.test_horizon import Ask, Endless, TwoOptimizers
from tests.support import NUM_CLASSES, SIDE_PX, Classifier, images, loader, trainer


@pytest.mark.parametrize(
    "options",
    [
        {"max_epochs": 2},
        {"max_epochs": 2, "accumulate_grad_batches": 2},
        {"max_epochs": 3, "max_steps": 7},
        {"max_steps": 7},
        {"max_epochs": 2, "limit_train_batches": 3},
        {"max_epochs": 2, "limit_train_batches": 0.5},
        {"max_epochs": 2, "overfit_batches": 2},
        {"max_epochs": 3, "callbacks": [GradientAccumulationScheduler({1: 2})]},
        {"fast_dev_run": True},
    ],
)
@pytest.mark.parametrize("model_class", [Classifier, TwoOptimizers])
def test_the_horizon_is_what_the_fit_finds(options: dict[str, Any], model_class: type[Classifier]) -> None:
    if model_class is TwoOptimizers and ("accumulate_grad_batches" in options or "callbacks" in options):
        pytest.skip("Lightning accumulates in automatic optimization only")
    ask, model = Ask(), model_class()
    own = trainer(**{**options, "callbacks": [ask, *options.get("callbacks", [])]})
    plan = plan_fit(own, model, loader())
    own.fit(model, loader())
    assert plan.horizons == ask.found
    assert len(plan.optimizers) == len(own.optimizers)
    assert plan.unknown == ()


def test_lightning_s_own_default_of_epochs() -> None:
    assert plan_fit(trainer(), Classifier(), loader()).horizons[0].total_steps == 5000
    assert plan_fit(trainer(max_epochs=-1), Classifier(), loader()).horizons == [Horizon(None, (5,))]
    assert plan_fit(trainer(max_time="00:00:00:01"), Classifier(), loader()).horizons == [Horizon(None, (5,))]


class Lengthless:
    def __iter__(self) -> Any:
        return iter([images(2)])

    def __len__(self) -> int:
        raise NotImplementedError


@pytest.mark.parametrize("data", [DataLoader(Endless(), batch_size=2), Lengthless()])
def test_data_without_length(data: Any) -> None:
    assert plan_fit(trainer(max_epochs=2), Classifier(), data).horizons == [Horizon(None, ())]
    limited = trainer(max_epochs=2, limit_train_batches=3)
    assert plan_fit(limited, Classifier(), data).horizons == [Horizon(6, (3, 6))]


@pytest.mark.parametrize(
    ("data", "batches"),
    [
        ([loader(10), loader(6)], 5),
        (CombinedLoader([loader(10), loader(6)], "min_size"), 3),
        (CombinedLoader([loader(10), loader(6)], "max_size"), 5),
    ],
)
def test_several_loaders(data: Any, batches: int) -> None:
    plan = plan_fit(trainer(max_epochs=1), Classifier(), data)
    assert plan.horizons[0].total_steps == batches
    assert [type(item) for item in plan.loaders] == [DataLoader] * 2


def test_several_devices_share_the_data() -> None:
    own = trainer(max_epochs=1, devices=2, num_nodes=2, strategy="ddp")
    assert plan_fit(own, Classifier(), loader(18, 2)).horizons[0].total_steps == 3  # 5 on each of 4, padded
    whole = trainer(max_epochs=1, devices=2, num_nodes=2, strategy="ddp", use_distributed_sampler=False)
    assert plan_fit(whole, Classifier(), loader(18, 2)).horizons[0].total_steps == 9


class Unready(Lengthless):
    def __len__(self) -> int:
        raise RuntimeError("not yet")


class Late(Classifier):
    """Makes its layer in configure_model and its data in setup, and asks the Trainer for something."""

    def __init__(self) -> None:
        super().__init__()
        self.net = None
        self.size = 0

    def setup(self, stage: str) -> None:
        assert stage == "fit"
        self.size = 2 * (self.trainer.max_epochs or 0)

    def configure_model(self) -> None:
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(SIDE_PX * SIDE_PX, NUM_CLASSES))

    def train_dataloader(self) -> Any:
        return loader(8, self.size)


def test_hooks_come_in_the_order_of_a_fit_on_a_copy() -> None:
    model = Late()
    plan = plan_fit(trainer(max_epochs=2), model)
    assert plan.unknown == ()
    assert plan.horizons == [Horizon(4, (2, 4))]
    assert (model.net, model.size) == (None, 0)
    assert model._trainer is None


class Split(pl.LightningDataModule):
    """Splits at random from a generator of its own and the global ones."""

    def __init__(self, data: Any) -> None:
        super().__init__()
        self.data = data
        self.generator = torch.Generator().manual_seed(1)
        self.part: Any = None

    def setup(self, stage: str) -> None:
        torch.rand(()), np.random.rand(), random.random()  # noqa: NPY002
        self.part, _ = random_split(self.data, [6, 4], generator=self.generator)

    def train_dataloader(self) -> Any:
        return DataLoader(self.part, batch_size=2, shuffle=True)


class Draws(Classifier):
    def __init__(self) -> None:
        super().__init__()
        self.generator = torch.Generator().manual_seed(1)
        self.register_buffer("mean", torch.zeros(2))
        self.data = loader().dataset

    def configure_optimizers(self) -> Any:
        torch.rand(3, generator=self.generator), torch.rand(3), np.random.rand(), random.random()  # noqa: NPY002
        self.net[1].weight.data.zero_()
        self.get_buffer("mean").add_(1)
        self.register_forward_hook(lambda *_: None)
        self.requires_grad_(False)
        return super().configure_optimizers()


def states() -> list[Any]:
    theirs: Any = np.random.get_state()  # noqa: NPY002
    return [torch.get_rng_state().tolist(), theirs[1].tolist(), random.getstate()]


def test_nothing_moves() -> None:
    model, data = Draws(), Split(loader().dataset)
    own = trainer(max_epochs=1)
    attributes = dict(vars(own))
    before, generators = copy.deepcopy(model.state_dict()), (model.generator.get_state(), data.generator.get_state())
    globally = states()
    plan = plan_fit(own, model, data)
    assert plan.unknown == ()
    assert plan.horizons[0].total_steps == 3
    assert states() == globally
    assert torch.equal(model.generator.get_state(), generators[0])
    assert torch.equal(data.generator.get_state(), generators[1])
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert not model._forward_hooks
    assert data.part is None
    assert data.trainer is None
    assert model._trainer is None
    assert vars(own) == attributes
    parameters = {id(parameter) for parameter in model.parameters()}
    assert not any(id(p) in parameters for group in plan.optimizers[0].param_groups for p in group["params"])


def test_data_sets_are_shared_with_the_copy() -> None:
    class Guarded(IterableDataset[Any]):
        def __iter__(self) -> Any:
            return iter(())

        def __deepcopy__(self, memo: Any) -> Any:
            raise AssertionError("a data set may be large")

    model: Any = Classifier()
    model.data = Guarded()
    assert plan_fit(trainer(max_epochs=1), model, loader()).unknown == ()


def test_after_a_fit_too() -> None:
    model, data, own = Classifier(), Split(loader().dataset), trainer(max_epochs=1)
    own.fit(model, datamodule=data)
    plan = plan_fit(own, model, data)
    assert plan.unknown == ()
    assert plan.horizons == [Horizon(3, (3,))]
    assert data.trainer is own


def test_what_a_hook_raises_outside_a_fit_is_a_line() -> None:
    class Asks(Classifier):
        def configure_optimizers(self) -> Any:
            raise RuntimeError("no total yet")

    plan = plan_fit(trainer(max_epochs=1), Asks(), loader())
    assert plan.unknown == ("Not known without a fit: optimizers (RuntimeError: no total yet)",)
    assert plan.optimizers == []
    assert plan.horizons == [Horizon(5, (5,))], "one optimizer is assumed"


def test_a_module_or_data_that_cannot_be_had() -> None:
    class Locked(Classifier):
        def __deepcopy__(self, memo: Any) -> Any:
            raise TypeError("cannot copy a lock")

    class Absent(pl.LightningDataModule):
        def setup(self, stage: str) -> None:
            raise FileNotFoundError("no such folder")

    plan = plan_fit(trainer(max_steps=3), Locked(), Absent())
    assert plan.unknown == (
        "Not known without a fit: the data module (FileNotFoundError: no such folder)",
        "Not known without a fit: the module (TypeError: cannot copy a lock)",
    )
    assert (plan.optimizers, plan.loaders, plan.horizons) == ([], (), [Horizon(3, ())])

    plan = plan_fit(trainer(max_epochs=2), Classifier())
    assert len(plan.unknown) == 1
    assert plan.unknown[0].startswith("Not known without a fit: training data (MisconfigurationException: ")
    assert plan.horizons == [Horizon(None, ())]

    plan = plan_fit(trainer(max_epochs=2), Classifier(), Unready())
    assert plan.unknown == ("Not known without a fit: batches an epoch (RuntimeError: not yet)",)
    assert plan.horizons == [Horizon(None, ())]


def test_the_module_is_of_the_namespace_in_use() -> None:
    assert ours.LightningModule is pl.LightningModule
