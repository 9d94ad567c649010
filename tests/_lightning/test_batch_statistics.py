"""BatchNorm statistics: against sums by hand and torch's own loop; nothing else of the run changes."""

import copy
import random
from typing import Any

import lightning.pytorch as pl
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn
from torch.utils.data import ConcatDataset, DataLoader, IterableDataset, RandomSampler, WeightedRandomSampler

from lightning_regkit._lightning import Keys
from lightning_regkit._lightning._batch_statistics import again, recalibrate, trained_norms
from lightning_regkit.samplers import ResumableSampler
from tests.support import NUM_CLASSES, SIDE_PX, Classifier, images, loader, trainer


class Normalized(Classifier):
    """Batch normalization between two layers, dropout before it, and a head that ``forward`` does not run."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        super().__init__()
        layers = [nn.Flatten(), nn.Dropout(), nn.Linear(SIDE_PX * SIDE_PX, 4), nn.BatchNorm1d(4), nn.ReLU()]
        self.net = nn.Sequential(*layers, nn.Linear(4, NUM_CLASSES))
        self.auxiliary = nn.BatchNorm1d(4)
        self.at_transfer: list[bool] = []

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        self.at_transfer.append(self.trainer.training)
        return batch

    def hidden(self, inputs: Tensor) -> Tensor:
        """What the normalization sees at test."""
        return nn.functional.linear(inputs.flatten(1), self.net[2].weight, self.net[2].bias)


class Recalibrates(pl.Callback):
    """Does it after some batches."""

    def __init__(self, num_batches: int = 200, at: int = 3) -> None:
        self.num_batches, self.at = num_batches, at

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *args: Any) -> None:
        if trainer.global_step == self.at:
            keys = Keys("Exact", needs_targets=False)
            self.layers = trained_norms(pl_module)
            recalibrate(trainer, pl_module, self.layers, keys, self.num_batches)
            self.found = copy.deepcopy(pl_module.net[3])
            self.twin = copy.deepcopy(pl_module)


def fit(*callbacks: pl.Callback, data: Any = None, model: Any = None, **options: Any) -> Normalized:
    model = Normalized() if model is None else model
    run = trainer(callbacks=list(callbacks), **{"max_epochs": 2, **options})
    run.fit(model, loader() if data is None else data)
    return model


@pytest.mark.parametrize("num_batches", [1, 2, 5, 200])
def test_statistics_are_the_mean_over_batches(num_batches: int) -> None:
    does = Recalibrates(num_batches)
    fit(does)
    batches = [does.twin.hidden(batch[0]).detach() for batch in list(loader())[:num_batches]]
    mean = torch.stack([batch.mean(0) for batch in batches]).mean(0)
    variance = torch.stack([batch.var(0, unbiased=True) for batch in batches]).mean(0)
    torch.testing.assert_close(does.found.running_mean, mean)
    torch.testing.assert_close(does.found.running_var, variance)
    assert does.found.num_batches_tracked == len(batches)


def test_without_dropout_it_is_what_torch_does_in_a_loop_of_its_own() -> None:
    model = Normalized()
    model.net[1].p = 0.0
    does = Recalibrates()
    fit(does, model=model)
    theirs = copy.deepcopy(does.twin)
    update_bn(loader(), theirs)
    torch.testing.assert_close(does.found.running_mean, theirs.net[3].running_mean)
    torch.testing.assert_close(does.found.running_var, theirs.net[3].running_var)


def test_modes_momenta_weights_and_other_layers_are_as_before() -> None:
    does = Recalibrates()
    model = fit(does)
    other = fit()
    assert all(module.training for module in model.modules())
    assert (does.found.momentum, does.found.training) == (0.1, True)
    assert [len(does.layers), model.at_transfer.count(False)] == [2, 5]
    for name, value in other.state_dict().items():
        is_statistic = name.startswith(("net.3.running", "net.3.num"))
        assert torch.equal(value, model.state_dict()[name]) != is_statistic, name
    assert torch.equal(does.twin.auxiliary.running_var, torch.ones(4)), "what forward does not run stays"
    assert all(parameter.grad is None or parameter.grad.isfinite().all() for parameter in model.parameters())


def test_frozen_layers_and_those_without_statistics_are_no_part_of_it() -> None:
    model = nn.Sequential(nn.BatchNorm1d(2), nn.BatchNorm2d(2, track_running_stats=False), nn.SyncBatchNorm(2))
    assert trained_norms(model) == [model[0], model[2]]
    model[0].eval()
    assert trained_norms(model) == [model[2]]
    assert trained_norms(nn.LayerNorm(2)) == []


def test_a_forward_that_runs_none_of_them_is_refused_and_leaves_them() -> None:
    class Other(Normalized):
        def forward(self, inputs: Tensor) -> Tensor:
            return inputs

        def training_step(self, batch: Any, batch_idx: int) -> Any:
            return self.net(batch[0]).square().mean()

    model, untouched = Other(), Other()
    model.net[1].p = untouched.net[1].p = 0.0
    with pytest.raises(ValueError, match="forward") as caught:
        fit(Recalibrates(at=1), model=model)
    assert (
        str(caught.value) == "Exact: forward must run the BatchNorm layers, got 'Other'. Write a forward that predicts."
    )
    fit(model=untouched, max_steps=1)
    assert torch.equal(model.net[3].running_mean, untouched.net[3].running_mean)
    assert all(module.training for module in model.modules())


class Noisy:
    """Draws from all global generators."""

    def __len__(self) -> int:
        return 10

    def __getitem__(self, key: Any) -> tuple[Tensor, int]:
        index = key[1] if isinstance(key, tuple) else key
        noise = torch.randn(1) + np.random.rand() + random.random()  # noqa: NPY002
        return images(10)[0][index] + noise, index % NUM_CLASSES


SAMPLERS: dict[str, Any] = {
    "shuffle": lambda data: {"shuffle": True},
    "own generator": lambda data: {"sampler": RandomSampler(data, generator=torch.Generator().manual_seed(3))},
    "generator": lambda data: {"shuffle": True, "generator": torch.Generator().manual_seed(3)},
    "weighted": lambda data: {"sampler": WeightedRandomSampler([1.0] * 10, 10)},
    "resumable": lambda data: {"sampler": ResumableSampler(data, keyed=True)},
    "workers": lambda data: {"shuffle": True, "num_workers": 1, "persistent_workers": True},
}


@pytest.mark.parametrize("name", SAMPLERS)
def test_the_training_goes_on_with_the_batches_it_would_have_had(name: str) -> None:
    def seen(*callbacks: pl.Callback) -> list[Tensor]:
        pl.seed_everything(3, verbose=False)
        data: Any = Noisy()
        train: DataLoader[Any] = DataLoader(data, batch_size=2, **SAMPLERS[name](data))
        return [batch[0] for batch in fit(*callbacks, data=train).seen]

    ours = seen(Recalibrates(num_batches=3))
    assert len(ours) == 10
    assert all(map(torch.equal, ours, seen()))


def test_several_loaders_are_combined_as_in_training() -> None:
    class Two(Normalized):
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            return self(batch["one"][0]).square().mean() + self(batch["two"][0]).square().mean()

    does = Recalibrates()
    fit(does, data={"one": loader(8), "two": loader(6)}, model=Two())
    assert does.found.num_batches_tracked == 8, "four batches of each"


def test_streams_are_begun_anew() -> None:
    class Stream(IterableDataset[Any]):
        def __iter__(self) -> Any:
            yield from zip(*images(10), strict=True)

    does = Recalibrates()
    fit(does, data=DataLoader(Stream(), batch_size=2))
    expected = Recalibrates()
    fit(expected)
    assert torch.equal(does.found.running_mean, expected.found.running_mean)


def test_the_data_itself_is_shared() -> None:
    data: Any = ConcatDataset([loader().dataset])
    original = DataLoader(data, batch_size=2, shuffle=True)
    twin = again("Exact", original)
    assert twin.dataset is data
    assert twin.sampler is not original.sampler
    batches: Any = twin.batch_sampler
    assert batches.sampler is twin.sampler
    assert len(twin) == len(original)


def test_what_is_no_loader_is_refused() -> None:
    with pytest.raises(TypeError, match="train_dataloader") as caught:
        again("Exact", [1, 2])
    assert str(caught.value) == (
        "Exact: train_dataloader must be a DataLoader, got 'list'. "
        "Its batches cannot be had without taking them from the training."
    )
