"""Samplers that repeat or drop are refused on several processes, in the stages the callback acts in."""

from types import SimpleNamespace
from typing import Any

import pytest
from torch.utils.data import DataLoader, DistributedSampler

from lightning_regkit.callbacks._every_sample import EverySample
from lightning_regkit.samplers import ExactDistributedSampler
from tests.samplers.support import process
from tests.support import Validated, loader, trainer

REMEDY = "Pass DataLoader(dataset, ..., sampler=ExactDistributedSampler(dataset))."


def padded(count: int = 5, *, drop_last: bool = False) -> DataLoader[Any]:
    data: Any = range(count)
    return DataLoader(data, sampler=DistributedSampler(data, num_replicas=2, rank=0, drop_last=drop_last))


def running(test: Any = None, val: Any = None, world_size: int = 2) -> Any:
    return SimpleNamespace(test_dataloaders=test, val_dataloaders=val, world_size=world_size)


class Several(Validated):
    def test_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        self._evaluate(batch)

    def validation_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        self._evaluate(batch)


HOOKS = [
    ("on_test_start", "test", "test"),
    ("on_validation_start", "val", "validate"),
    ("on_train_start", "val", "validate"),
]


@pytest.mark.parametrize(("hook", "name", "stage"), HOOKS)
def test_repeats_are_refused(hook: str, name: str, stage: str) -> None:
    with pytest.raises(ValueError, match="Average") as refused:
        getattr(EverySample("Average", [stage]), hook)(running(**{name: [loader(), padded()]}), None)
    assert str(refused.value) == (
        f"Average: {name}_dataloader must give every sample once, got '1 repeated by DistributedSampler'. {REMEDY}"
    )


def test_dropped_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="Average") as refused:
        EverySample("Average", ["test"]).on_test_start(running(padded(drop_last=True)), Validated())
    assert str(refused.value) == (
        f"Average: test_dataloader must give every sample once, got '1 dropped by DistributedSampler'. {REMEDY}"
    )


@pytest.mark.parametrize(("hook", "name", "stage"), HOOKS)
def test_other_stages_one_process_and_exact_shares_pass(hook: str, name: str, stage: str) -> None:
    others = {"test", "validate", "predict"} - {stage}
    getattr(EverySample("Average", others), hook)(running(**{name: padded()}), None)
    getattr(EverySample("Average", [stage]), hook)(running(**{name: padded()}, world_size=1), None)
    with process(0, 2):
        exact: DataLoader[Any] = DataLoader(range(5), sampler=ExactDistributedSampler(range(5)))
        for whole in (padded(4), exact):
            getattr(EverySample("Average", [stage]), hook)(running(**{name: whole}), None)


@pytest.mark.parametrize("stage", ["test", "validate"])
def test_logs_are_looked_at_after_the_first_batch_of_each_loader(stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    module = "lightning_regkit.callbacks._every_sample.refuse_uneven_logs"
    monkeypatch.setattr(module, lambda owner, trainer, stage, index: asked.append((owner, stage, index)))
    run = trainer(callbacks=[EverySample("Average", [stage])])
    for entry in (run.test, run.validate):
        entry(Several(), [loader(), loader()], verbose=False)
    assert asked == [("Average", stage, 0), ("Average", stage, 1)]
