from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import Callback, GradientAccumulationScheduler
from lightning.pytorch.plugins.precision import MixedPrecision
from torch import nn

from lightning_regkit import optim
from lightning_regkit._lightning._closures import refuse_closure_misuse
from tests.support import Classifier, loader, trainer


class Guard(Callback):
    """Asks as a callback of ours does; remembers whether it could."""

    def __init__(self) -> None:
        self.is_through = False

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        refuse_closure_misuse("Guard", trainer)
        self.is_through = True


class Created(Classifier):
    def __init__(self, name: str = "lbfgs", dropout: float = 0.0) -> None:
        super().__init__()
        self.name = name
        self.net.append(nn.Dropout(dropout))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return optim.create(self, self.name, lr=0.1)


def scaled() -> dict[str, Any]:
    return {"plugins": [MixedPrecision("16-mixed", "cpu", torch.amp.GradScaler("cpu", init_scale=1.0))]}


def fit(model: Classifier, batch_size: int = 10, **options: Any) -> bool:
    guard = Guard()
    given = options.pop("callbacks", [])
    trainer(**{"max_epochs": 2, "callbacks": [guard, *given], **options}).fit(model, loader(10, batch_size))
    return guard.is_through


REFUSED: list[tuple[dict[str, Any], str]] = [
    (
        scaled(),
        "Guard: precision must need no gradient scaler with LBFGS, got '16-mixed'. "
        "A scaler serves one gradient a step, a line search takes several: choose 32-true or bf16-mixed.",
    ),
    (
        {"accumulate_grad_batches": 2},
        "Guard: accumulate_grad_batches must be 1 with LBFGS, got 2. "
        "It evaluates the loss of one batch again and again, never that of several: enlarge the batch.",
    ),
    (
        {"callbacks": [GradientAccumulationScheduler({0: 1, 1: 3})]},
        "Guard: accumulate_grad_batches must be 1 with LBFGS, got 3. "
        "It evaluates the loss of one batch again and again, never that of several: enlarge the batch.",
    ),
    (
        {"gradient_clip_val": 0.5},
        "Guard: gradient_clip_val must be None with LBFGS, got 0.5. "
        "A clipped gradient is not the slope of the loss that its line search measures.",
    ),
]
NAMES = ("scaler", "accumulation", "scheduled accumulation", "clipping")


@pytest.mark.parametrize(("options", "text"), REFUSED, ids=NAMES)
def test_what_l_bfgs_cannot_do_is_refused_before_a_step(options: dict[str, Any], text: str) -> None:
    model = Created()
    with pytest.raises(ValueError, match="LBFGS") as refused:
        fit(model, **options)
    assert str(refused.value) == text
    assert model.seen == []


def test_several_processes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pl.Trainer, "world_size", 2)
    own = trainer()
    own.strategy._optimizers = [optim.create(nn.Linear(1, 1), "lbfgs")]
    own.strategy._lightning_module = Created()
    with pytest.raises(ValueError, match="LBFGS") as refused:
        refuse_closure_misuse("Guard", own)
    assert str(refused.value) == (
        "Guard: world_size must be 1 with LBFGS, got 2. "
        "Each process decides by the loss of its own part of the batch; where two disagree, all wait forever."
    )


@pytest.mark.parametrize("options", [options for options, _ in REFUSED], ids=NAMES)
def test_other_optimizers_pass(options: dict[str, Any]) -> None:
    assert fit(Created("nesterov"), **options)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"precision": "bf16-mixed"},
        {"precision": "64-true"},
        {"gradient_clip_val": 0.0},
        {"callbacks": [GradientAccumulationScheduler({1: 1})]},
        {"max_epochs": -1, "max_steps": 2},
    ],
)
def test_what_it_can_do_passes(options: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    model = Created()
    assert fit(model, **options)
    assert len(model.seen) > 2, "its line search evaluates more than once a step"
    assert not any("Guard" in record.getMessage() for record in caplog.records), "nothing to say"


def test_a_subclass_is_refused_by_its_name() -> None:
    class Mine(torch.optim.LBFGS): ...

    class Own(Classifier):
        def configure_optimizers(self) -> torch.optim.Optimizer:
            return Mine(self.parameters())

    with pytest.raises(ValueError, match=r"^Guard: accumulate_grad_batches must be 1 with Mine, got 2"):
        fit(Own(), accumulate_grad_batches=2)


def test_small_batches_and_dropout_are_said(caplog: pytest.LogCaptureFixture) -> None:
    assert fit(Created(dropout=0.5), batch_size=5)
    said = [record.getMessage() for record in caplog.records if record.getMessage().startswith("Guard")]
    assert said == [
        "Guard: LBFGS is for full batches; it sees 2 different losses an epoch.",
        "Guard: dropout draws anew in every evaluation of LBFGS's line search: net.2.",
    ]


def test_a_line_search_sees_one_batch() -> None:
    model = Created()
    fit(model, batch_size=5, max_epochs=1)
    assert len({id(batch[0]) for batch in model.seen}) == 2
