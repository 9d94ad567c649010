"""How long a run is, against what real fits do."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import GradientAccumulationScheduler
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from lightning_regkit._durations import Horizon
from lightning_regkit._lightning import pl
from lightning_regkit._lightning._horizon import check_total_steps, horizons, refuse_long_windows, steps_by_epoch
from tests.support import Classifier, images, loader, trainer


class Ask(pl.Callback):
    """Asks for the horizon where our callbacks do."""

    def __init__(self, total_steps: Any = None) -> None:
        self.total_steps = total_steps
        self.found: list[Horizon] = []

    def on_train_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self.found = horizons("Ask", trainer, self.total_steps)


class Endless(IterableDataset[Any]):
    def __iter__(self) -> Iterator[Any]:
        inputs, labels = images(6)
        yield from zip(inputs, labels, strict=True)


class TwoOptimizers(Classifier):
    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False

    def configure_optimizers(self) -> Any:
        return [torch.optim.SGD(self.parameters(), lr=0.1), torch.optim.SGD(self.parameters(), lr=0.1)]

    def training_step(self, batch: Any, batch_idx: int) -> None:
        for optimizer in self.optimizers():  # type: ignore[union-attr]
            loss: Tensor = torch.nn.functional.cross_entropy(self(batch[0]), batch[1])
            self.manual_backward(loss)
            optimizer.step()


@pytest.mark.parametrize(
    ("batches", "windows", "ends"),
    [(5, [1], (5,)), (5, [2, 2], (3, 6)), (5, [1, 2, 2], (5, 8, 11)), (1, [4], (1,)), (4, [4], (1,)), (5, [], ())],
)
def test_steps_by_epoch(batches: int, windows: list[int], ends: tuple[int, ...]) -> None:
    assert steps_by_epoch(batches, windows) == ends


@pytest.mark.parametrize(
    ("options", "horizon"),
    [
        ({"max_epochs": 2}, Horizon(10, (5, 10))),
        ({"max_epochs": 2, "accumulate_grad_batches": 2}, Horizon(6, (3, 6))),
        ({"max_epochs": 3, "max_steps": 7}, Horizon(7, (5, 10, 15))),
        ({"max_epochs": 1, "max_steps": 7}, Horizon(5, (5,))),
        ({"max_steps": 7}, Horizon(7, (5,))),
        ({"max_epochs": 2, "limit_train_batches": 3}, Horizon(6, (3, 6))),
        ({"max_epochs": 2, "limit_train_batches": 0.5}, Horizon(4, (2, 4))),
        ({"max_epochs": 2, "max_time": "00:01:00:00"}, Horizon(10, (5, 10))),
        ({"max_epochs": 3, "callbacks": [GradientAccumulationScheduler({1: 2})]}, Horizon(11, (5, 8, 11))),
        ({"max_steps": 9, "callbacks": [GradientAccumulationScheduler({1: 2, 3: 5})]}, Horizon(9, (5, 8, 11, 12))),
        ({"fast_dev_run": True}, Horizon(1, (1,))),
    ],
)
def test_equals_what_the_fit_does(options: dict[str, Any], horizon: Horizon) -> None:
    ask, model = Ask(), Classifier()
    trainer(**{**options, "callbacks": [ask, *options.get("callbacks", [])]}).fit(model, loader())
    assert ask.found == [horizon]
    assert len(model.rates) == horizon.total_steps


def test_a_time_limit_alone_bounds_no_steps() -> None:
    ask = Ask()
    trainer(max_time="00:00:00:01", max_epochs=-1, callbacks=[ask]).fit(Classifier(), loader())
    assert ask.found == [Horizon(None, (5,))]


def test_data_without_length() -> None:
    for options, horizon in (
        ({"max_epochs": 2}, Horizon(None, ())),
        ({"max_steps": 4}, Horizon(4, ())),
        ({"max_epochs": 2, "limit_train_batches": 2}, Horizon(4, (2, 4))),
    ):
        ask, model = Ask(), Classifier()
        trainer(callbacks=[ask], **options).fit(model, DataLoader(Endless(), batch_size=2))
        assert ask.found == [horizon]
        assert horizon.total_steps in {None, len(model.rates)}


def test_several_optimizers_count_each_for_itself() -> None:
    for options, horizon in (({"max_epochs": 2}, Horizon(10, (5, 10))), ({"max_steps": 4}, Horizon(2, (5,)))):
        ask = Ask()
        trainer(callbacks=[ask], **options).fit(TwoOptimizers(), loader())
        assert ask.found == [horizon] * 2


def test_total_steps_of_the_user() -> None:
    ask = Ask(7)
    trainer(max_epochs=1, callbacks=[ask]).fit(TwoOptimizers(), loader())
    assert ask.found == [Horizon(7, ())] * 2
    ask = Ask((7, 9))
    trainer(max_epochs=1, callbacks=[ask]).fit(TwoOptimizers(), loader())
    assert ask.found == [Horizon(7, ()), Horizon(9, ())]
    with pytest.raises(ValueError, match="total_steps") as caught:
        trainer(max_epochs=1, callbacks=[Ask((7, 9))]).fit(Classifier(), loader())
    assert str(caught.value) == "Ask: total_steps must list one number for each of 1 optimizers, got (7, 9)."


@pytest.mark.parametrize(("value", "checked"), [(None, None), (5, 5), ([5, 6], (5, 6)), ((5,), (5,))])
def test_check_total_steps(value: Any, checked: Any) -> None:
    assert check_total_steps("ScheduleLR", value) == checked


@pytest.mark.parametrize(
    ("value", "kind"), [("5", TypeError), (0, ValueError), ([5, -1], ValueError), (1.5, TypeError)]
)
def test_check_total_steps_refuses(value: Any, kind: type[Exception]) -> None:
    wrong = value[1] if isinstance(value, list) else value
    with pytest.raises(kind) as caught:
        check_total_steps("ScheduleLR", value)
    assert str(caught.value) == f"ScheduleLR: total_steps must be a positive integer, got {wrong!r}."


class Refuse(pl.Callback):
    def on_train_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        refuse_long_windows("Ask", trainer)


@pytest.mark.parametrize(
    "options",
    [
        {"accumulate_grad_batches": 6},
        {"callbacks": [GradientAccumulationScheduler({0: 1, 1: 6})]},
        {"limit_train_batches": 2, "accumulate_grad_batches": 6},
    ],
)
def test_accumulation_longer_than_the_epoch_is_refused(options: dict[str, Any]) -> None:
    model = Classifier()
    with pytest.raises(ValueError, match="accumulate_grad_batches") as caught:
        trainer(max_epochs=2, **{**options, "callbacks": [Refuse(), *options.get("callbacks", [])]}).fit(
            model, loader()
        )
    batches = options.get("limit_train_batches", 5)
    assert str(caught.value) == (
        f"Ask: accumulate_grad_batches must be at most the {batches} batches of an epoch, got 6. "
        "Every epoch ends with a step, on fewer batches than asked for."
    )
    assert model.rates == []


@pytest.mark.parametrize(
    "options",
    [
        {"accumulate_grad_batches": 5, "max_epochs": 1},
        {"callbacks": [GradientAccumulationScheduler({0: 1, 1: 6})], "max_epochs": 1},
        {"accumulate_grad_batches": 6, "fast_dev_run": True},
        {"max_epochs": 0},
    ],
)
def test_accumulation_within_the_epochs_of_the_run_passes(options: dict[str, Any]) -> None:
    trainer(**{**options, "callbacks": [Refuse(), *options.get("callbacks", [])]}).fit(Classifier(), loader())


def test_data_without_length_may_be_accumulated() -> None:
    data = DataLoader(Endless(), batch_size=2)
    trainer(max_epochs=1, accumulate_grad_batches=6, callbacks=[Refuse()]).fit(Classifier(), data)
