"""The samplers of an evaluation, and logging that takes equal shares for granted."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning.pytorch.trainer.connectors.logger_connector.result import _ResultCollection
from lightning.pytorch.utilities import CombinedLoader
from torch.utils.data import BatchSampler, DataLoader, DistributedSampler, SequentialSampler
from torchmetrics import MeanMetric

from lightning_regkit._lightning import evaluation_samplers, refuse_uneven_logs
from lightning_regkit.samplers import ExactDistributedSampler
from tests.samplers.support import process

WAITS = (
    "Average: self.log('loss') must not be synchronized on each batch where processes have 2 and 1, got "
    "'on_step=True'. One would wait for ever: log it with on_step=False."
)
ROUNDS = (
    "Average: batch_size of self.log('loss', sync_dist=True) must be a multiple of 4 inputs times 2 processes, got 4. "
    "Else Lightning rounds the mean's denominator down: pass batch_size=len(inputs) * self.trainer.world_size, or log "
    "a torchmetrics.MeanMetric."
)


@pytest.fixture(autouse=True, params=[0, 1])
def _both_processes(request: pytest.FixtureRequest) -> Iterator[None]:
    with process(request.param, 2):
        yield


def exact(count: int, batch_size: int | None, **options: Any) -> DataLoader[Any]:
    data = range(count)
    return DataLoader(data, batch_size=batch_size, sampler=ExactDistributedSampler(data), **options)


def running(loaders: Any, world_size: int = 2, dataloader_idx: int | None = None, **log: Any) -> Any:
    """Return what of a Trainer is read, with one value logged on the first batch."""
    results = _ResultCollection(training=False)
    results.dataloader_idx = dataloader_idx
    options: dict[str, Any] = {"on_step": False, "on_epoch": True, "sync_dist": True, "batch_size": 4}
    value = log.pop("value", torch.tensor(1.0))
    results.log("test_step", "loss", value, sync_dist_fn=lambda value, **_: value, **{**options, **log})
    return SimpleNamespace(test_dataloaders=loaders, val_dataloaders=None, world_size=world_size, _results=results)


def test_samplers_come_in_order_from_any_collection() -> None:
    plain, own, dealt = DataLoader(range(4)), exact(5, 2), DistributedSampler(range(4), num_replicas=2, rank=0)  # type: ignore[var-annotated]
    grouped: DataLoader[Any] = DataLoader(range(4), batch_sampler=BatchSampler(dealt, 2, drop_last=False))
    nested = {"a": plain, "b": [own, grouped, range(3)]}
    for loaders in (nested, CombinedLoader(nested, "sequential")):
        trainer: Any = SimpleNamespace(test_dataloaders=loaders, val_dataloaders=own)
        assert evaluation_samplers(trainer, "test") == [plain.sampler, own.sampler, dealt]
        assert evaluation_samplers(trainer, "validate") == [own.sampler]


def test_a_sampler_without_batches_or_in_a_batch_sampler_of_the_user_s_own_is_found() -> None:
    class Batches(SequentialSampler):
        pass

    single = exact(5, None)
    custom: DataLoader[Any] = DataLoader(range(5), batch_sampler=Batches(range(5)))
    trainer: Any = SimpleNamespace(test_dataloaders=[single, custom])
    assert evaluation_samplers(trainer, "test") == [single.sampler, custom.sampler]


def test_a_fit_without_validation_has_none() -> None:
    assert evaluation_samplers(SimpleNamespace(val_dataloaders=None), "validate") == []


def test_a_value_synchronized_on_each_batch_is_refused_where_one_process_has_more() -> None:
    with pytest.raises(ValueError, match="Average") as refused:
        refuse_uneven_logs("Average", running(exact(9, 4), on_step=True, batch_size=8), "test", 0)
    assert str(refused.value) == WAITS


@pytest.mark.parametrize(
    ("count", "batch_size", "drop_last"), [(9, 3, False), (9, 5, False), (10, 4, False), (9, 4, True), (15, 5, False)]
)
def test_as_many_batches_on_all_processes_pass(count: int, batch_size: int, drop_last: bool) -> None:
    loader = exact(count, batch_size, drop_last=drop_last)
    refuse_uneven_logs("Average", running(loader, on_step=True, batch_size=2 * 60), "test", 0)


def test_batches_that_are_dropped_count() -> None:
    trainer = running(exact(15, 4, drop_last=True), on_step=True, batch_size=8)
    with pytest.raises(ValueError, match="where processes have 2 and 1"):
        refuse_uneven_logs("Average", trainer, "test", 0)


def test_a_mean_that_would_be_rounded_is_refused() -> None:
    with pytest.raises(ValueError, match="Average") as refused:
        refuse_uneven_logs("Average", running(exact(9, 4)), "test", 0)
    assert str(refused.value) == ROUNDS


@pytest.mark.parametrize(
    "log",
    [
        {"batch_size": 8},
        {"batch_size": 4.0},
        {"sync_dist": False},
        {"reduce_fx": "sum"},
        {"reduce_fx": "max"},
        {"value": MeanMetric(), "on_step": True},
    ],
)
def test_what_is_exact_passes(log: dict[str, Any]) -> None:
    refuse_uneven_logs("Average", running(exact(9, 4), **log), "test", 0)


@pytest.mark.parametrize(
    ("loader", "world_size"),
    [
        (exact(9, 4), 1),
        (exact(8, 4), 2),
        (exact(9, None), 2),
        (DataLoader(range(9), 4), 2),
        ([(0,)], 2),
    ],
    ids=["one process", "equal shares", "no batches", "no distributed sampler", "no loader"],
)
def test_where_shares_are_equal_or_unknown_all_pass(loader: Any, world_size: int) -> None:
    refuse_uneven_logs("Average", running(loader, world_size, on_step=True), "test", 0)


def test_a_value_of_single_batches_has_no_weight() -> None:
    refuse_uneven_logs("Average", running(exact(9, 3), on_step=True, on_epoch=False, batch_size=3), "test", 0)


def test_the_last_batch_of_a_small_share_may_be_the_first() -> None:
    share = len(ExactDistributedSampler(range(5)))
    refuse_uneven_logs("Average", running(exact(5, 64), batch_size=2 * share), "test", 0)
    with pytest.raises(ValueError, match=f"a multiple of {share} inputs times 2 processes, got {share}"):
        refuse_uneven_logs("Average", running(exact(5, 64), batch_size=share), "test", 0)


def test_each_loader_is_judged_by_its_own_shares() -> None:
    loaders = [exact(8, 4), exact(9, 4)]
    refuse_uneven_logs("Average", running(loaders, dataloader_idx=0), "test", 0)
    with pytest.raises(ValueError, match="batch_size"):
        refuse_uneven_logs("Average", running(loaders, dataloader_idx=1), "test", 1)
