"""What a step is made of, read off real loaders and Trainers."""

from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import GradientAccumulationScheduler
from lightning.pytorch.utilities import CombinedLoader
from torch.utils.data import BatchSampler, DataLoader, SequentialSampler, TensorDataset

from lightning_regkit._lightning._global_batch import BatchParts, batch_parts, training_loaders
from tests._lightning.test_horizon import Endless
from tests.support import Classifier, Items, images, loader, trainer

DATA = TensorDataset(*images(10))
UNKNOWN = (
    "ScaleLR: train_dataloader must be one DataLoader that tells its batch size, got {}. "
    "Pass batch_size= with the examples in one batch of one device."
)


def parts(*loaders: Any, batch_size: int | None = None, **options: Any) -> BatchParts:
    return batch_parts("ScaleLR", trainer(**options), loaders, batch_size)


class Threes:
    """A sampler of batches that does not tell their size."""

    def __iter__(self) -> Any:
        return iter([[0, 1, 2], [3, 4, 5]])


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (loader(10, 3), 3),
        (loader(10, 3, drop_last=True), 3),
        (DataLoader(DATA), 1),
        (DataLoader(DATA, batch_sampler=BatchSampler(SequentialSampler(DATA), 4, drop_last=False)), 4),
        (DataLoader(Endless(), batch_size=2), 2),
    ],
)
def test_the_batch_size_of_a_loader(data: Any, size: int) -> None:
    assert parts(data) == BatchParts(size, 1, 1)


@pytest.mark.parametrize(
    ("loaders", "found"),
    [
        ([], []),
        ([loader(), loader()], ["DataLoader", "DataLoader"]),
        ([[1, 2]], ["list"]),
        ([DataLoader(Items([1]), batch_size=None)], ["DataLoader"]),
        ([DataLoader(DATA, batch_sampler=Threes())], ["DataLoader"]),
    ],
)
def test_a_batch_size_that_is_not_told(loaders: Any, found: list[str]) -> None:
    with pytest.raises(ValueError, match="batch_size=") as refused:
        parts(*loaders)
    assert str(refused.value) == UNKNOWN.format(found)
    assert parts(*loaders, batch_size=6) == BatchParts(6, 1, 1), "what the user says is not checked against loaders"


def test_devices_and_nodes_before_they_are_started() -> None:
    assert parts(loader(), devices=2, num_nodes=3, strategy="ddp").devices == 6


def test_devices_that_share_a_model_see_the_same_data(monkeypatch: pytest.MonkeyPatch) -> None:
    own = trainer(devices=4, strategy="ddp")
    sharing = {"num_replicas": 2, "rank": 0}
    monkeypatch.setattr(type(own.strategy), "distributed_sampler_kwargs", sharing)
    assert batch_parts("ScaleLR", own, [loader()]).devices == 2


@pytest.mark.parametrize(
    ("options", "accumulated"),
    [
        ({}, 1),
        ({"accumulate_grad_batches": 3}, 3),
        ({"callbacks": [GradientAccumulationScheduler({0: 4})]}, 4),
        ({"callbacks": [GradientAccumulationScheduler({0: 2, 3: 2})]}, 2),
    ],
)
def test_accumulation(options: dict[str, Any], accumulated: int) -> None:
    assert parts(loader(), **options).accumulated == accumulated


def test_accumulation_that_changes_is_refused() -> None:
    with pytest.raises(ValueError, match="GradientAccumulationScheduler") as refused:
        parts(loader(), callbacks=[GradientAccumulationScheduler({4: 2})])
    assert str(refused.value) == (
        "ScaleLR: GradientAccumulationScheduler must keep one accumulation, for the rate is scaled once, "
        "got {0: 1, 4: 2}. Pass Trainer(accumulate_grad_batches=) instead."
    )


class Asks(Classifier):
    """Asks for the loaders where the seam does, and later; its hook draws from torch's generator."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn: list[float] = []
        self.found: list[list[object]] = []

    def configure_optimizers(self) -> Any:
        self.found.append(training_loaders(self.trainer))
        return super().configure_optimizers()

    def on_train_start(self) -> None:
        self.found.append(training_loaders(self.trainer))

    def train_dataloader(self) -> Any:
        self.drawn.append(torch.rand(()).item())
        return CombinedLoader({"one": loader(10, 2), "other": loader(10, 5)}, "min_size")

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return super().training_step(batch["one"], batch_idx)


class Given(pl.LightningDataModule):
    def train_dataloader(self) -> Any:
        return loader(10, 3)


def test_loaders_of_a_hook_are_asked_for_once_more_and_draw_alike() -> None:
    model = Asks()
    trainer(max_epochs=1).fit(model)
    assert len(model.drawn) == 2
    assert model.drawn[0] == model.drawn[1]
    for found in model.found:
        assert [item.batch_size for item in found if isinstance(item, DataLoader)] == [2, 5]


def test_loaders_given_to_fit_or_by_a_data_module() -> None:
    for given, size in (({"train_dataloaders": loader(10, 5)}, 5), ({"datamodule": Given()}, 3)):
        model = Asks()
        model.training_step = Classifier.training_step.__get__(model)  # type: ignore[method-assign]
        trainer(max_epochs=1).fit(model, **given)
        assert model.drawn == []
        assert [item.batch_size for found in model.found for item in found if isinstance(item, DataLoader)] == [
            size
        ] * 2
