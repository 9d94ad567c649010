"""Strategies that take parameters out of the layers, told by the names of their classes."""

from types import SimpleNamespace
from typing import Any

import pytest
from lightning.pytorch.strategies import (
    DDPStrategy,
    DeepSpeedStrategy,
    FSDPStrategy,
    ModelParallelStrategy,
    SingleDeviceStrategy,
)

from lightning_regkit._lightning import refuse_flattened


class Own(FSDPStrategy):
    """Somebody's own."""


def under(kind: type) -> Any:
    return SimpleNamespace(strategy=object.__new__(kind))


@pytest.mark.parametrize("kind", [FSDPStrategy, DeepSpeedStrategy, Own])
def test_it_is_refused_by_its_name(kind: type) -> None:
    with pytest.raises(TypeError) as refusal:
        refuse_flattened("Noise", under(kind))
    assert str(refusal.value) == (
        "Noise: strategy must leave parameters and gradients in the layers of the module, got "
        f"'{kind.__name__}'. Use \"ddp\", or ModelParallelStrategy with fully_shard."
    )


@pytest.mark.parametrize("kind", [SingleDeviceStrategy, DDPStrategy, ModelParallelStrategy])
def test_others_pass(kind: type) -> None:
    refuse_flattened("Noise", under(kind))
