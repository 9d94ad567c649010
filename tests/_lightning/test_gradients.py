"""Which runs a callback that changes gradients refuses, and what it asks Lightning."""

from types import SimpleNamespace
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.plugins import MixedPrecision, Precision
from lightning.pytorch.strategies import DDPStrategy, DeepSpeedStrategy, FSDPStrategy, SingleDeviceStrategy

from lightning_regkit._lightning._gradients import load_part, loss_scale, refuse_closure, refuse_unsuited, save_part

PARAMETERS = [torch.nn.Parameter(torch.zeros(1))]
SCALER = torch.amp.GradScaler("cpu", init_scale=512.0)


def run(**changed: Any) -> Any:
    plain = {
        "strategy": SingleDeviceStrategy(),
        "optimizers": [torch.optim.SGD(PARAMETERS)],
        "precision_plugin": Precision(),
        "world_size": 1,
        "global_rank": 0,
    }
    return SimpleNamespace(**{**plain, **changed})


def module(*, is_automatic: bool = True) -> pl.LightningModule:
    found = pl.LightningModule()
    found.automatic_optimization = is_automatic
    return found


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"strategy": DDPStrategy()},
        {"precision_plugin": MixedPrecision("16-mixed", "cpu", SCALER)},
        {
            "precision_plugin": MixedPrecision("bf16-mixed", "cpu"),
            "optimizers": [torch.optim.SGD(PARAMETERS, fused=True)],
        },
        {"optimizers": [torch.optim.SGD(PARAMETERS, fused=True)]},
    ],
)
def test_what_suits_passes(changed: dict[str, Any]) -> None:
    refuse_unsuited("Ours", run(**changed), module())


@pytest.mark.parametrize(
    ("changed", "is_automatic", "text"),
    [
        ({}, False, "optimization must be automatic, got 'manual'. Let Lightning make the steps, or remove Ours."),
        (
            {"strategy": FSDPStrategy()},
            True,
            "strategy must keep whole parameters on every rank, got 'FSDPStrategy'. Use \"ddp\" or one device.",
        ),
        (
            {"strategy": object.__new__(DeepSpeedStrategy)},
            True,
            "strategy must keep whole parameters on every rank, got 'DeepSpeedStrategy'. Use \"ddp\" or one device.",
        ),
        (
            {"optimizers": [torch.optim.LBFGS(PARAMETERS)]},
            True,
            "optimizer must evaluate the loss once a step, got 'LBFGS'. Use SGD or Adam.",
        ),
        (
            {
                "precision_plugin": MixedPrecision("16-mixed", "cpu", SCALER),
                "optimizers": [torch.optim.SGD(PARAMETERS, fused=True)],
            },
            True,
            "optimizer must leave unscaling to the loss scaler, got 'fused SGD'. Pass fused=False.",
        ),
    ],
)
def test_what_does_not_suit_is_refused(changed: dict[str, Any], is_automatic: bool, text: str) -> None:
    with pytest.raises(ValueError, match=r"^Ours: ") as caught:
        refuse_unsuited("Ours", run(**changed), module(is_automatic=is_automatic))
    assert str(caught.value) == f"Ours: {text}"


def test_a_second_closure_is_refused() -> None:
    with pytest.raises(ValueError, match="once a step, got 'SGD'"):
        refuse_closure("Ours", torch.optim.SGD(PARAMETERS))


@pytest.mark.parametrize(
    ("plugin", "scale"),
    [
        (Precision(), 1.0),
        (MixedPrecision("bf16-mixed", "cpu"), 1.0),
        (MixedPrecision("16-mixed", "cpu", SCALER), 512.0),
    ],
)
def test_the_loss_scale(plugin: Precision, scale: float) -> None:
    assert loss_scale(run(precision_plugin=plugin)) == scale


def test_each_rank_gets_its_part_back() -> None:
    checkpoint: dict[str, Any] = {"lightning_regkit": {"Other": 1}}
    save_part("Ours", run(), checkpoint, {"one": 1})
    assert checkpoint == {"lightning_regkit": {"Other": 1, "Ours": [{"one": 1}]}}
    assert load_part("Ours", run(), checkpoint) == {"one": 1}
    assert load_part("Ours", run(world_size=2), checkpoint) is None
    assert load_part("Ours", run(), {}) is None
    assert load_part("Ours", run(world_size=2, global_rank=1), {"lightning_regkit": {"Ours": ["a", "b"]}}) == "b"
