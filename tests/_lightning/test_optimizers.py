"""The optimizers of a fit, seen before any callback's on_fit_start, and no trace left."""

from typing import Any

import pytest
import torch

from lightning_regkit._lightning import pl
from lightning_regkit._lightning._optimizers import OptimizerSeam, optimizers_in
from tests.support import Classifier, loader, trainer

ONE, OTHER = (torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1) for _ in range(2))
SCHEDULER = torch.optim.lr_scheduler.ConstantLR(ONE)


@pytest.mark.parametrize(
    ("configured", "expected"),
    [
        (None, []),
        (ONE, [ONE]),
        ([ONE, OTHER], [ONE, OTHER]),
        ((OTHER, ONE), [OTHER, ONE]),
        (([ONE], [SCHEDULER]), [ONE]),
        ({"optimizer": ONE, "lr_scheduler": SCHEDULER}, [ONE]),
        ([{"optimizer": OTHER}, {"optimizer": ONE}], [OTHER, ONE]),
    ],
)
def test_every_form_that_lightning_takes(configured: Any, expected: list[torch.optim.Optimizer]) -> None:
    assert optimizers_in(configured) == expected


class Watch(pl.Callback):
    """Notes when it saw what."""

    def __init__(self) -> None:
        self.seam = OptimizerSeam(self.see)
        self.seen: list[Any] = []

    def see(self, trainer: "pl.Trainer", optimizers: list[torch.optim.Optimizer]) -> None:
        self.seen.append(optimizers)

    def setup(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", stage: str) -> None:
        self.seam.attach(trainer, pl_module)

    def on_fit_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self.seen.append("on_fit_start")

    def teardown(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", stage: str) -> None:
        self.seam.detach()
        self.seam.detach()


def test_it_sees_them_before_on_fit_start_once_a_fit() -> None:
    watch, model = Watch(), Classifier()
    own = trainer(max_epochs=1, callbacks=[watch])
    own.fit(model, loader())
    assert watch.seen == [own.optimizers, "on_fit_start"]
    assert "configure_optimizers" not in vars(model)
    own.fit(model, loader())
    assert watch.seen[2:] == [own.optimizers, "on_fit_start"]
    assert watch.seen[2] != watch.seen[0], "a fit makes its own"


def test_detached_it_sees_nothing() -> None:
    watch, model = Watch(), Classifier()
    own = trainer(callbacks=[watch])
    watch.seam.attach(own, model)
    held = model.configure_optimizers
    watch.seam.detach()
    held()
    configured = model.configure_optimizers()
    assert watch.seam._configure(lambda: configured) is configured, "a call under way while it is detached"
    assert watch.seen == []
