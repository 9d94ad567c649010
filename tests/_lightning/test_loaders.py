"""A callback sees the training loaders before they are iterated, wherever they come from, and leaves no trace."""

from collections.abc import Iterator
from typing import Any

import lightning.pytorch as pl
import pytest
from lightning.pytorch.utilities import CombinedLoader
from torch.utils.data import SequentialSampler
from typing_extensions import override

from lightning_regkit._lightning import LoaderSeam, flat_loaders, is_cycled
from tests.support import Classifier, LayoutClassifier, loader, trainer


class Watches(SequentialSampler):
    """Counts the iterators made of it."""

    def __init__(self, size: int = 4) -> None:
        super().__init__(range(size))
        self.iterators = 0

    @override
    def __iter__(self) -> Iterator[int]:
        self.iterators += 1
        return super().__iter__()


class Sees(pl.Callback):
    """Remembers the loaders it was shown, and how often each had been iterated by then."""

    def __init__(self) -> None:
        self.seam = LoaderSeam(self.on_loaders)
        self.seen: list[tuple[pl.Trainer, list[Any], list[int]]] = []

    def on_loaders(self, trainer: pl.Trainer, loaders: object) -> None:
        flat: list[Any] = flat_loaders(loaders)
        self.seen.append((trainer, flat, [loader.sampler.iterators for loader in flat]))

    @override
    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.seam.attach(trainer)

    @override
    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        self.seam.detach()

    @override
    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self.seam.detach()


class Data(pl.LightningDataModule):
    def __init__(self, loaders: Any) -> None:
        super().__init__()
        self.loaders = loaders

    @override
    def train_dataloader(self) -> Any:
        return self.loaders


class Module(LayoutClassifier):
    def __init__(self, loaders: Any) -> None:
        super().__init__()
        self.loaders = loaders

    def train_dataloader(self) -> Any:
        return self.loaders


def watched() -> Any:
    return loader(4, sampler=Watches())


@pytest.mark.parametrize("source", ["fit", "module", "datamodule"])
def test_loaders_are_seen_before_they_are_iterated(source: str) -> None:
    sees, one = Sees(), watched()
    owners = {"fit": Classifier(), "module": Module(one), "datamodule": Classifier()}
    model, data = owners[source], Data(one)
    before = set(vars(model)), set(vars(data))
    run = trainer(max_epochs=2, callbacks=[sees])
    arguments: dict[str, dict[str, Any]] = {
        "fit": {"train_dataloaders": one},
        "module": {},
        "datamodule": {"datamodule": data},
    }
    run.fit(model, **arguments[source])
    assert sees.seen == [(run, [one], [0])]
    assert one.sampler.iterators == 2
    assert "train_dataloader" not in (set(vars(model)) - before[0]) | (set(vars(data)) - before[1])


@pytest.mark.parametrize("source", ["fit", "module"])
@pytest.mark.parametrize("kind", ["list", "dict", "nested", "combined"])
def test_collections_are_flat_in_lightning_s_order(source: str, kind: str) -> None:
    first, second, sees = watched(), watched(), Sees()
    collections: dict[str, Any] = {
        "list": [first, second],
        "dict": {"b": first, "a": second},
        "nested": {"b": [first], "a": (second,)},
        "combined": CombinedLoader({"b": first, "a": second}, "min_size"),
    }
    run = trainer(max_epochs=1, callbacks=[sees])
    if source == "fit":
        run.fit(LayoutClassifier(), collections[kind])
    else:
        run.fit(Module(collections[kind]))
    ((_, loaders, iterated),) = sees.seen
    assert loaders == flat_loaders(run.train_dataloader)
    assert [each is other for each, other in zip(loaders, (first, second), strict=True)] == [True, True]
    assert iterated == [0, 0]


def test_one_loader_is_a_list_of_it() -> None:
    one = watched()
    assert flat_loaders(one) == [one]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("one", False), ("list", True), ("max_size_cycle", True), ("min_size", False), ("max_size", False)],
)
def test_lists_are_cycled_and_so_are_collections_that_say_so(kind: str, expected: bool) -> None:
    pair, one = [watched(), watched()], watched()
    plain = {"one": one, "list": pair}
    assert is_cycled(plain[kind] if kind in plain else CombinedLoader(pair, kind)) is expected


def test_loaders_that_a_finder_has_asked_for_are_seen_too() -> None:
    model, sees, one = Module(None), Sees(), watched()
    run = trainer(max_epochs=1)
    run.fit_loop._data_source.instance = model
    run.fit_loop._combined_loader = CombinedLoader(one, "max_size_cycle")
    sees.seam.attach(run)
    assert sees.seen == [(run, [one], [0])]
    sees.seam.detach()


def test_reloaded_loaders_are_seen_each_time() -> None:
    class Fresh(Module):
        def train_dataloader(self) -> Any:
            return watched()

    sees = Sees()
    trainer(max_epochs=3, reload_dataloaders_every_n_epochs=1, callbacks=[sees]).fit(Fresh(None))
    assert [iterated for _, _, iterated in sees.seen] == [[0]] * 3
    assert len({id(loaders[0]) for _, loaders, _ in sees.seen}) == 3


def test_an_entry_of_the_user_s_own_is_put_back() -> None:
    model, sees = Module(None), Sees()
    one = watched()

    def own() -> Any:
        return one

    vars(model)["train_dataloader"] = own
    trainer(max_epochs=1, callbacks=[sees]).fit(model)
    assert [loaders for _, loaders, _ in sees.seen] == [[one]]
    assert vars(model)["train_dataloader"] is own


def test_an_exception_detaches_too() -> None:
    class Fails(Module):
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            assert "train_dataloader" in vars(self)
            raise ZeroDivisionError

    model = Fails(watched())
    with pytest.raises(ZeroDivisionError):
        trainer(max_epochs=1, callbacks=[Sees()]).fit(model)
    assert "train_dataloader" not in vars(model)


def test_a_new_fit_detaches_the_old_one_and_detaching_twice_is_harmless() -> None:
    first, second = Module(watched()), Module(watched())
    seam_of = Sees()
    runs = [trainer(max_epochs=1), trainer(max_epochs=1)]
    for run, model in zip(runs, (first, second), strict=True):
        run.fit_loop._data_source.instance = model
        seam_of.seam.attach(run)
    assert ["train_dataloader" in vars(model) for model in (first, second)] == [False, True]
    first.train_dataloader()
    assert seam_of.seen == []
    second.train_dataloader()
    assert [each for each, _, _ in seam_of.seen] == [runs[1]]
    for _ in range(2):
        seam_of.seam.detach()
    assert "train_dataloader" not in vars(second)


def test_a_layer_that_outlives_its_trainer_shows_nothing() -> None:
    sees, model = Sees(), Module(watched())
    run = trainer(max_epochs=1)
    run.fit_loop._data_source.instance = model
    sees.seam.attach(run)
    left_over = model.train_dataloader
    _, inner = vars(model)["train_dataloader"]._layers[0]
    sees.seam.detach()
    assert inner(lambda: model.loaders) is model.loaders
    assert left_over() is model.loaders
    assert sees.seen == []
