"""The training data of a run that goes on: no example twice, none left out, whatever the number of processes."""

from dataclasses import asdict
from types import SimpleNamespace
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from lightning.pytorch.utilities import CombinedLoader
from torch.utils.data import BatchSampler, DataLoader
from typing_extensions import override

from lightning_regkit._lightning import Place
from lightning_regkit.callbacks._data_order import DataOrder
from lightning_regkit.samplers import LoaderPlan, ResumableSampler, sample_order
from tests.samplers.support import process
from tests.support import LayoutClassifier, trainer

BATCHES = "epoch_loop.batch_progress"


def loader(size: int = 10, batch_size: int = 2, **options: Any) -> DataLoader[Any]:
    data: Any = list(range(size))
    return DataLoader(data, batch_size=batch_size, sampler=ResumableSampler(data, seed=1), **options)


def order_of(epoch: int, size: int = 10) -> list[int]:
    return sample_order(size, seed=1, epoch=epoch, shuffle=True).tolist()


def running(train_dataloader: Any, *, epoch: int = 0, **options: Any) -> Any:
    """Return what of a Trainer is read."""
    return SimpleNamespace(
        **{"world_size": 1, "overfit_batches": 0.0, "limit_train_batches": 1.0, **options},
        train_dataloader=train_dataloader,
        fit_loop=SimpleNamespace(
            _combined_loader=None,
            _data_source=SimpleNamespace(instance=train_dataloader),
            epoch_progress=SimpleNamespace(current=SimpleNamespace(processed=epoch)),
        ),
    )


def loops(batches: int) -> dict[str, Any]:
    def counters() -> dict[str, int]:
        return dict.fromkeys(("ready", "started", "processed", "completed"), batches)

    return {BATCHES: {"current": counters(), "total": counters()}}


def examples(loader: Any) -> list[int]:
    return [example for batch in loader for example in batch.tolist()]


class Order(pl.Callback):
    """Wires an order as the callback does."""

    def __init__(self, order: DataOrder) -> None:
        self.order = order
        self.draws: list[int] = []

    @override
    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.order.attach(trainer)

    @override
    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.order.refuse_replaced(trainer)
        self.draws.append(self.order.draws)

    @override
    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        self.order.entered()

    @override
    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        self.order.detach()


def seen_by(model: LayoutClassifier) -> list[list[int]]:
    return [batch.tolist() for batch in model.seen]


def test_a_fresh_fit_reads_every_epoch_from_its_beginning() -> None:
    order, model = Order(DataOrder("ExactResume")), LayoutClassifier()
    assert order.order.save() == []
    one = loader()
    trainer(max_epochs=2, callbacks=[order]).fit(model, one)
    assert [example for batch in seen_by(model) for example in batch] == order_of(0) + order_of(1)
    plan = LoaderPlan(num_examples=10, batch_size=2, drop_last=False, shuffle=True, seed=1)
    assert order.order.save() == [asdict(plan)]
    assert order.draws == [1]


def test_draws_are_those_of_iterators_that_draw_a_seed() -> None:
    order = Order(DataOrder("ExactResume"))
    loaders = [loader(), loader(generator=torch.Generator()), loader()]
    trainer(max_epochs=1, callbacks=[order]).fit(LayoutClassifier(), loaders)
    assert order.draws == [2]


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (Place(2, 3, is_inside=True), order_of(2)[6:]),
        (Place(2, 0), order_of(2)),
        (Place(2, 5, is_inside=True, is_over=True), []),
        # The last batch of the epoch as limit_train_batches=3 cut it.
        (Place(2, 3, is_inside=True, is_over=True), []),
    ],
)
def test_the_next_iterator_begins_where_the_run_stopped(place: Place, expected: list[int]) -> None:
    before, after, one = DataOrder("ExactResume"), DataOrder("ExactResume"), loader()
    before.attach(running(one))
    after.load(before.save(), place, world_size=1)
    run = running(one, epoch=7)
    after.attach(run)
    assert examples(one) == expected
    after.entered()
    one.sampler.set_epoch(3)  # type: ignore[attr-defined]
    assert examples(one) == order_of(3), "later iterators begin their epochs"


def test_once_entered_or_detached_the_place_is_forgotten() -> None:
    for forget in (DataOrder.entered, DataOrder.detach):
        order, one = DataOrder("ExactResume"), loader()
        order.attach(running(one))
        order.load(order.save(), Place(2, 3, is_inside=True), world_size=1)
        forget(order)
        order.attach(running(one, epoch=4))
        assert examples(one) == order_of(4)


def test_detaching_leaves_the_module_s_hook_alone() -> None:
    class Own(LayoutClassifier):
        def train_dataloader(self) -> Any:
            return loader()

    order, model = DataOrder("ExactResume"), Own()
    order.attach(running(model))
    assert examples(model.train_dataloader()) == order_of(0)
    order.detach()
    order.detach()
    assert "train_dataloader" not in vars(model)


def test_several_loaders_have_their_own_sizes() -> None:
    before, after = DataOrder("ExactResume"), DataOrder("ExactResume")
    small, large = loader(), loader(12, batch_size=4)
    before.attach(running([small, large]))
    after.load(before.save(), Place(0, 2, is_inside=True), world_size=1)
    after.attach(running([small, large]))
    assert examples(small) == order_of(0)[4:]
    assert examples(large) == order_of(0, 12)[8:]


@pytest.mark.parametrize(
    ("mode", "batches", "expected"),
    [
        ("max_size_cycle", 5, order_of(0, 6)[4:]),
        ("max_size_cycle", 3, []),
        ("max_size_cycle", 4, order_of(0, 6)[2:]),
        ("max_size", 5, []),
        ("min_size", 2, order_of(0, 6)[4:]),
    ],
)
def test_the_shorter_of_two_loaders_goes_on_in_its_pass(mode: Any, batches: int, expected: list[int]) -> None:
    before, after, short, long = DataOrder("ExactResume"), DataOrder("ExactResume"), loader(6), loader(16)
    before.attach(running(CombinedLoader([short, long], mode)))
    after.load(before.save(), Place(0, batches, is_inside=True), world_size=1)
    after.attach(running(CombinedLoader([short, long], mode)))
    assert examples(short) == expected
    assert examples(long) == order_of(0, 16)[2 * batches :]


# Processes before and after, with batches of two of eleven examples: the numbers are counted by hand.
@pytest.mark.parametrize(
    ("before", "after", "batches", "renumbered"),
    [(2, 1, 1, 2), (2, 1, 2, 4), (1, 2, 2, 1), (1, 2, 3, 1), (2, 3, 1, 0), (2, 3, 2, 1), (3, 1, 1, 3)],
)
def test_batches_are_counted_as_the_new_processes_have_them(
    before: int, after: int, batches: int, renumbered: int
) -> None:
    order = DataOrder("ExactResume")
    plan = LoaderPlan(num_examples=11, batch_size=2, drop_last=False, shuffle=True, seed=1)
    order.load([asdict(plan)], Place(0, batches, is_inside=True), world_size=before)
    state = loops(batches)
    order.change_world(running(loader(11), world_size=after), state, is_window_open=False)
    assert state == loops(renumbered)


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 20), st.integers(1, 4), st.booleans(), st.data())
def test_another_world_reads_the_rest_in_order(
    before: int, after: int, size: int, batch_size: int, drop_last: bool, data: st.DataObject
) -> None:
    one = loader(size, batch_size, drop_last=drop_last)
    order = DataOrder("ExactResume")
    order.attach(running(one))
    plans = order.save()
    whole = LoaderPlan(**plans[0]).batches_after(0, world_size=before)
    batches = data.draw(st.integers(0, max(0, whole - 1)))
    used = min(size, batches * batch_size * before)
    order.load(plans, Place(0, batches, is_inside=True), world_size=before)
    state = loops(batches)
    order.change_world(running(one, world_size=after), state, is_window_open=False)
    hands = []
    for rank in range(after):
        with process(rank, after):
            order.attach(running(one, world_size=after))
            hands.append([batch.tolist() for batch in one])
            remaining = len(one) - state[BATCHES]["current"]["processed"]
            assert len(hands[-1]) == remaining, "the epoch is as long as Lightning expects"
    dealt = [[example for batch in hand for example in batch] for hand in hands]
    in_order = [example for turn in zip(*dealt, strict=True) for example in turn]
    rest = order_of(0, size)[used:]
    if drop_last:
        assert rest[: len(in_order)] == in_order[: len(rest)]
        assert len(rest) - len(in_order) < batch_size * after
    else:
        assert in_order[: len(rest)] == rest
        assert len(in_order) - len(rest) < after


@pytest.mark.parametrize("place", [None, Place(1, 0), Place(0, 5, is_inside=True, is_over=True)])
def test_between_epochs_another_world_changes_no_count(place: Place | None) -> None:
    order, plan = DataOrder("ExactResume"), LoaderPlan(10, 2, drop_last=False, shuffle=True, seed=1)
    if place is not None:
        order.load([asdict(plan)] * 2, place, world_size=2)
    state = loops(5)
    order.change_world(running(loader(), limit_train_batches=0.5), state, is_window_open=True)
    assert state == loops(5)


@pytest.mark.parametrize(("count", "limit"), [(2, 1.0), (1, 3), (1, 0.5)])
def test_another_world_is_refused_where_batches_do_not_tell_the_examples(count: int, limit: float) -> None:
    order, plan = DataOrder("ExactResume"), LoaderPlan(10, 2, drop_last=False, shuffle=True, seed=1)
    order.load([asdict(plan)] * count, Place(0, 2, is_inside=True), world_size=2)
    with pytest.raises(ValueError, match="processes") as refused:
        order.change_world(running(loader(), world_size=3, limit_train_batches=limit), loops(2), is_window_open=False)
    assert str(refused.value) == (
        "ExactResume: the number of processes must be that of the checkpoint with several loaders or "
        "limit_train_batches, got 3. Resume with as many processes as before, or from a checkpoint of the end of an "
        "epoch."
    )


def test_another_world_is_refused_inside_an_accumulation_window() -> None:
    order, plan = DataOrder("ExactResume"), LoaderPlan(10, 2, drop_last=False, shuffle=True, seed=1)
    order.load([asdict(plan)], Place(0, 2, is_inside=True), world_size=2)
    with pytest.raises(ValueError, match="processes") as refused:
        order.change_world(running(loader(), world_size=3), loops(2), is_window_open=True)
    assert str(refused.value) == (
        "ExactResume: the number of processes must be that of the checkpoint inside an accumulation window, got 3. "
        "Resume with as many processes as before, or from a checkpoint of the end of an epoch."
    )


def test_overfit_batches_are_refused() -> None:
    with pytest.raises(ValueError, match="overfit_batches") as refused:
        trainer(max_epochs=1, overfit_batches=2, callbacks=[Order(DataOrder("ExactResume"))]).fit(
            LayoutClassifier(), loader()
        )
    assert str(refused.value) == (
        "ExactResume: overfit_batches must be 0, got 2. "
        "It replaces the sampler: take ExactResume out of the callbacks for that trial."
    )


def test_a_loader_without_the_sampler_is_refused() -> None:
    data: Any = range(4)
    with pytest.raises(TypeError, match="ExactResume: train_dataloader must draw through ResumableSampler"):
        trainer(max_epochs=1, callbacks=[Order(DataOrder("ExactResume"))]).fit(LayoutClassifier(), DataLoader(data))


def test_a_sampler_that_lightning_replaces_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    run = trainer(max_epochs=1, callbacks=[Order(DataOrder("ExactResume"))])
    monkeypatch.setattr(type(run._accelerator_connector), "is_distributed", True)
    ranks = {"num_replicas": 1, "rank": 0}
    monkeypatch.setattr(type(run), "distributed_sampler_kwargs", property(lambda _: ranks))
    data: Any = list(range(4))
    inside: Any = BatchSampler(ResumableSampler(data), 2, drop_last=False)
    with pytest.raises(TypeError) as refused:
        run.fit(LayoutClassifier(), DataLoader(data, batch_sampler=inside))
    assert str(refused.value) == (
        "ExactResume: train_dataloader must keep its sampler, got one that the Trainer put in its place. "
        "Pass Trainer(use_distributed_sampler=False)."
    )


def test_another_sampler_of_the_right_kind_is_one_put_in_its_place() -> None:
    order = DataOrder("ExactResume")
    order.attach(running(loader()))
    with pytest.raises(TypeError, match="must keep its sampler"):
        order.refuse_replaced(running(loader()))


@pytest.mark.parametrize(
    ("changed", "was", "now"),
    [
        (loader(batch_size=5), "{'batch_size': 2}", "{'batch_size': 5}"),
        (loader(9), "{'num_examples': 10}", "{'num_examples': 9}"),
    ],
)
def test_other_data_is_refused_inside_an_epoch_and_taken_between(changed: Any, was: str, now: str) -> None:
    order = DataOrder("ExactResume")
    order.attach(running(loader()))
    plans = order.save()
    order.load(plans, Place(0, 2, is_inside=True), world_size=1)
    with pytest.raises(ValueError, match="the training data") as refused:
        order.attach(running(changed))
    assert str(refused.value) == (
        f"ExactResume: the training data must be dealt as the checkpoint says, {was}, got {now}. "
        "Set it back, or resume from a checkpoint of the end of an epoch."
    )
    order.load(plans, Place(1, 0), world_size=1)
    order.attach(running(changed, epoch=1))
    assert examples(changed) == order_of(1, len(changed.dataset))


def test_another_number_of_loaders_is_refused_inside_an_epoch() -> None:
    order = DataOrder("ExactResume")
    order.attach(running([loader(), loader()]))
    order.load(order.save(), Place(0, 2, is_inside=True), world_size=1)
    with pytest.raises(ValueError, match="loaders") as refused:
        order.attach(running(loader()))
    assert str(refused.value) == (
        "ExactResume: train_dataloader must hold 2 loaders as the checkpoint says, got 1. "
        "Set it back, or resume from a checkpoint of the end of an epoch."
    )
