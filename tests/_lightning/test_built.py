"""The module as soon as it has its layers, whichever hook makes them, and no trace left."""

from typing import Any

import pytest
import pytorch_lightning
import torch
from lightning.pytorch.callbacks import EMAWeightAveraging
from torch import nn

from lightning_regkit._lightning import pl
from lightning_regkit._lightning._built import BuiltSeam
from tests.support import NUM_CLASSES, SIDE_PX, Validated, loader, trainer


def layers() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(SIDE_PX * SIDE_PX, NUM_CLASSES))


class Late(Validated):
    """Has no layers yet; notes which hooks ran."""

    def __init__(self) -> None:
        super().__init__()
        self.net = None
        self.hooks: list[str] = []

    def configure_optimizers(self) -> torch.optim.Optimizer:
        self.hooks.append("optimizers")
        return super().configure_optimizers()


class InSetup(Late):
    def setup(self, stage: str) -> None:
        self.hooks.append("setup")
        if self.net is None:
            self.net = layers()


class Configured(Late):
    def configure_model(self) -> None:
        self.hooks.append("configure_model")
        if self.net is None:
            self.net = layers()


class Both(Configured):
    def setup(self, stage: str) -> None:
        self.hooks.append("setup")


class Watch(pl.Callback):
    """Notes what the module had when it was shown."""

    def __init__(self) -> None:
        self.seam = BuiltSeam(self.see)
        self.seen: list[Any] = []

    def see(self, pl_module: "pl.LightningModule") -> None:
        self.seen.append((pl_module.net is not None, list(vars(pl_module).get("hooks", []))))

    def setup(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", stage: str) -> None:
        self.seam.attach(pl_module)


CASES: list[tuple[type[Late], list[str]]] = [
    (InSetup, ["setup"]),
    (Configured, ["configure_model"]),
    (Both, ["setup", "configure_model"]),
]


@pytest.mark.parametrize(("kind", "hooks"), CASES, ids=lambda value: getattr(value, "__name__", ""))
def test_it_is_shown_with_its_layers_before_optimizers_once(kind: type[Late], hooks: list[str]) -> None:
    watch, model = Watch(), kind()
    trainer(max_epochs=1, callbacks=[watch], num_sanity_val_steps=0).fit(model, loader(), loader())
    assert watch.seen == [(True, hooks)]
    assert model.hooks == [*hooks, "optimizers"]
    assert not {"setup", "configure_model"} & vars(model).keys()


@pytest.mark.parametrize("stage", ["validate", "test", "predict"])
@pytest.mark.parametrize("kind", [InSetup, Configured])
def test_in_every_stage(kind: type[Late], stage: str) -> None:
    watch = Watch()
    options = {} if stage == "predict" else {"verbose": False}
    getattr(trainer(callbacks=[watch]), stage)(kind(), loader(), **options)
    assert [is_built for is_built, _ in watch.seen] == [True]


@pytest.mark.filterwarnings("ignore:You're using the WeightAveraging callback with a model that overrides")
@pytest.mark.parametrize("is_first", [True, False])
def test_beside_a_callback_that_has_the_layers_made_itself(is_first: bool) -> None:
    watch, average = Watch(), EMAWeightAveraging()
    callbacks: list[Any] = [watch, average] if is_first else [average, watch]
    trainer(max_epochs=1, callbacks=callbacks).fit(Configured(), loader(), loader())
    assert [is_built for is_built, _ in watch.seen] == [True]


def test_two_see_it_in_their_order() -> None:
    first, second, model = Watch(), Watch(), InSetup()
    order: list[int] = []
    first.seam, second.seam = BuiltSeam(lambda _: order.append(1)), BuiltSeam(lambda _: order.append(2))
    trainer(max_epochs=1, callbacks=[first, second]).fit(model, loader(), loader())
    assert order == [1, 2]
    assert "setup" not in vars(model)


def test_detached_it_sees_nothing() -> None:
    watch, model = Watch(), InSetup()
    watch.seam.attach(model)
    held = model.setup
    watch.seam.detach()
    watch.seam.detach()
    held("fit")
    assert watch.seam._build(lambda stage: stage, "fit") == "fit", "a call under way while it is detached"
    assert (watch.seen, "setup" in vars(model)) == ([], False)


def test_a_module_of_the_other_namespace() -> None:
    class Other(pytorch_lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net: Any = None

        def setup(self, stage: str) -> None:
            self.net = layers()

        def predict_step(self, batch: Any, batch_idx: int) -> Any:
            return self.net(batch[0])

    watch: Any = Watch()
    quiet: Any = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    own = pytorch_lightning.Trainer(accelerator="cpu", devices=1, callbacks=[watch], **quiet)
    own.predict(Other(), loader())
    assert watch.seen == [(True, [])]
