"""Weights of a checkpoint in the module, and who else writes them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import EMAWeightAveraging, StochasticWeightAveraging, WeightAveraging
from lightning.pytorch.strategies import DDPStrategy, DeepSpeedStrategy, FSDPStrategy, SingleDeviceStrategy

from lightning_regkit._lightning._weights import averaging, load_weights, refuse_unrestorable
from tests.support import Classifier, loader, trainer


def fake(*callbacks: pl.Callback, strategy: type = SingleDeviceStrategy) -> Any:
    return SimpleNamespace(callbacks=list(callbacks), strategy=object.__new__(strategy))


class Plugin:
    """Remembers how it was asked."""

    def __init__(self, checkpoint: dict[str, Any]) -> None:
        self.checkpoint = checkpoint
        self.asked: list[Any] = []

    def load_checkpoint(self, path: str, weights_only: bool | None) -> dict[str, Any]:
        self.asked.append((path, weights_only))
        return self.checkpoint


@pytest.mark.parametrize(("is_ours", "weights_only"), [(True, False), (False, None)])
def test_only_files_of_this_process_may_hold_any_class(is_ours: bool, weights_only: bool | None) -> None:
    model, other = Classifier(), Classifier()
    run = trainer(max_epochs=1)
    run.fit(model, loader())
    plugin = Plugin({"state_dict": other.state_dict()})
    run.strategy._checkpoint_io = plugin  # type: ignore[assignment]
    load_weights(run, model, "best.ckpt", is_ours=is_ours)
    assert plugin.asked == [("best.ckpt", weights_only)]
    assert all(map(torch.equal, model.state_dict().values(), other.state_dict().values()))


def test_a_module_loads_less_if_it_says_so(tmp_path: Path) -> None:
    model = Classifier()
    run = trainer(max_epochs=1)
    run.fit(model, loader())
    run.strategy._checkpoint_io = Plugin({"state_dict": {}})  # type: ignore[assignment]
    with pytest.raises(RuntimeError, match="Missing key"):
        load_weights(run, model, "best.ckpt", is_ours=True)
    model.strict_loading = False
    load_weights(run, model, "best.ckpt", is_ours=True)


@pytest.mark.parametrize("strategy", [SingleDeviceStrategy, DDPStrategy])
def test_whole_modules_can_be_restored(strategy: type) -> None:
    refuse_unrestorable("Best", fake(EMAWeightAveraging(), strategy=strategy))


@pytest.mark.parametrize("strategy", [FSDPStrategy, DeepSpeedStrategy])
def test_parts_of_modules_are_refused(strategy: type) -> None:
    with pytest.raises(ValueError, match="restore") as caught:
        refuse_unrestorable("Best", fake(strategy=strategy))
    assert str(caught.value) == (
        f"Best: restore must be False under {strategy.__name__}, which keeps parts of the module, got True. "
        'Load best_model_path with ckpt_path="best".'
    )


def test_an_average_made_at_the_end_is_refused() -> None:
    with pytest.raises(ValueError, match="beside StochasticWeightAveraging"):
        refuse_unrestorable("Best", fake(StochasticWeightAveraging(swa_lrs=0.1)))


def test_the_average_of_the_run() -> None:
    average = EMAWeightAveraging()
    assert averaging(fake(pl.Callback(), average)) is average
    assert averaging(fake(WeightAveraging())) is not None
    assert averaging(fake(pl.Callback())) is None
    other = pytest.importorskip("pytorch_lightning").callbacks.WeightAveraging()
    assert averaging(fake(other)) is other
