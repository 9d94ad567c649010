"""What all training noise shares: it must be made concrete, leaves no trace, and travels to spawned processes."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch

from lightning_regkit._lightning import Keys
from lightning_regkit.callbacks import CutMix, Cutout, Mixup, OneOf, RandomErasing
from lightning_regkit.callbacks._training_noise import TrainingNoise
from tests.support import Classifier, images, loader, trainer

HOOK = "on_after_batch_transfer"
ALL = [Mixup(1.0), CutMix(until="0.5run"), Cutout(), RandomErasing(until=3), OneOf([Mixup(1.0), CutMix(), Cutout()])]


@pytest.fixture(autouse=True)
def _seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PL_GLOBAL_SEED", "7")


class Watch(pl.Callback):
    """Remembers whether the hook was layered at the batches, and may break one."""

    def __init__(self, *, breaks: bool = False) -> None:
        self.breaks = breaks
        self.layered: list[bool] = []

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        self.layered.append(HOOK in vars(pl_module))
        if self.breaks:
            raise RuntimeError("in the middle")


def test_it_is_abstract() -> None:
    with pytest.raises(TypeError, match=r"abstract methods '?explain'?, '?transform"):
        TrainingNoise(Keys("Noise"))  # type: ignore[abstract]


def test_a_fit_that_ends_leaves_the_module_as_it_was() -> None:
    model, watch = Classifier(), Watch()
    trainer(max_epochs=1, callbacks=[Cutout(), watch]).fit(model, loader())
    assert watch.layered == [True] * 5
    assert HOOK not in vars(model)


def test_a_fit_that_breaks_does_too_and_can_be_tried_again() -> None:
    model, cutout, watch = Classifier(), Cutout(), Watch(breaks=True)
    with pytest.raises(RuntimeError, match="in the middle"):
        trainer(max_epochs=1, callbacks=[cutout, watch]).fit(model, loader())
    assert watch.layered == [True]
    assert HOOK not in vars(model)

    again = Classifier()
    trainer(max_epochs=1, callbacks=[cutout]).fit(again, loader())
    assert torch.equal(again.seen[0][0], model.seen[0][0])
    assert not torch.equal(again.seen[0][0], images(10)[0][:2])


@pytest.mark.parametrize("noise", ALL, ids=lambda noise: type(noise).__name__)
def test_a_pickled_twin_makes_the_same_noise(noise: TrainingNoise) -> None:
    seen = []
    for twin in (noise, pickle.loads(pickle.dumps(noise))):
        model = Classifier()
        trainer(max_epochs=1, callbacks=[twin]).fit(model, loader())
        seen.append(torch.cat([inputs for inputs, _ in model.seen]))
    assert torch.equal(*seen)
    assert not torch.equal(seen[0], images(10)[0])


def test_a_checkpoint_keeps_the_seed_and_nothing_else(tmp_path: Path) -> None:
    run = trainer(max_epochs=1, callbacks=[Cutout(), Mixup()])
    run.fit(Classifier(), loader())
    run.save_checkpoint(tmp_path / "end.ckpt")
    checkpoint = torch.load(tmp_path / "end.ckpt", weights_only=True)
    assert checkpoint["lightning_regkit"] == {"Cutout/0/seed": 7, "Mixup/0/seed": 7}
    assert checkpoint["callbacks"] == {}


def test_an_unseeded_run_goes_on_with_the_seed_of_its_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PL_GLOBAL_SEED")
    path = tmp_path / "run.ckpt"
    whole, resumed = Classifier(), Classifier()
    run = trainer(max_epochs=1, callbacks=[Cutout()])
    run.fit(Classifier(), loader())
    run.save_checkpoint(path)
    for model in (whole, resumed):
        trainer(max_epochs=2, callbacks=[Cutout()]).fit(model, loader(), ckpt_path=path, weights_only=True)
    assert len(whole.seen) == 5
    for one, other in zip(whole.seen, resumed.seen, strict=True):
        assert torch.equal(one[0], other[0])


def test_noise_does_not_depend_on_the_order_of_callbacks() -> None:
    """Cutout with nothing else that moves pixels: the squares are equal wherever it stands."""
    seen = []
    for callbacks in ([Cutout(fill=9.0), Watch(), Cutout(fill=9.0)], [Watch(), Cutout(fill=9.0), Cutout(fill=9.0)]):
        model = Classifier()
        trainer(max_epochs=2, callbacks=callbacks).fit(model, loader())
        seen.append(torch.cat([inputs for inputs, _ in model.seen]))
    assert torch.equal(*seen)


@pytest.mark.parametrize("kind", [Mixup, CutMix, Cutout, RandomErasing])
def test_draws_do_not_depend_on_who_else_draws(kind: Callable[[], TrainingNoise]) -> None:
    """Each kind has streams of its own: what it draws beside others is what it draws alone."""
    drawn: dict[str, list[int]] = {"alone": [], "beside": []}

    class Listens(pl.Callback):
        def __init__(self, noise: TrainingNoise, found: list[int]) -> None:
            inner = noise.transform

            def transform(example: Any, generator: Any) -> Any:
                found.append(int(generator.bit_generator.state["state"]["counter"].sum()))
                found.extend(generator.bit_generator.state["state"]["key"].tolist())
                return inner(example, generator)

            vars(noise)["transform"] = transform

    others = [each() for each in (Cutout, CutMix, RandomErasing, Mixup) if each is not kind]
    for name, beside in (("alone", []), ("beside", others)):
        noise = kind()
        callbacks = [*beside, Listens(noise, drawn[name]), noise]
        trainer(max_epochs=1, callbacks=callbacks).fit(Classifier(), loader())
    assert drawn["alone"] == drawn["beside"]
    assert len(drawn["alone"]) == 15


@pytest.mark.parametrize("noise", ALL, ids=lambda noise: type(noise).__name__)
def test_workers_change_nothing(noise: TrainingNoise) -> None:
    seen = []
    for workers in (0, 2):
        model = Classifier()
        trainer(max_epochs=1, callbacks=[noise]).fit(model, loader(num_workers=workers))
        seen.append(torch.cat([inputs for inputs, _ in model.seen]))
    assert torch.equal(*seen)
    assert not torch.equal(seen[0], images(10)[0])
