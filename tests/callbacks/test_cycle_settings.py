"""What is chosen of a snapshot ensemble in training, and the runs that are refused."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from lightning_regkit.callbacks import SnapshotEnsemble
from lightning_regkit.callbacks._cycle_settings import CycleSettings
from tests.callbacks.ensembles import Scored, data
from tests.support import trainer


class TwoOptimizers(Scored):
    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False

    def configure_optimizers(self) -> Any:
        return [torch.optim.SGD(self.parameters(), lr=0.1) for _ in range(2)]


class Scaled(Scored):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))


@pytest.mark.parametrize(
    ("options", "kind", "text"),
    [
        ({"num_cycles": 0}, ValueError, "num_cycles must be a positive integer, got 0."),
        ({"num_cycles": 2.0}, TypeError, "num_cycles must be a positive integer, got 2.0."),
        ({"control": "none"}, ValueError, "control must be None, 'no_cycle' or 'single_cycle', got 'none'."),
        ({"warmup": "5"}, ValueError, "warmup must be a duration such as '5ep', '500step' or '0.1run', got '5'."),
        (
            {"control": "no_cycle", "warmup": "1ep"},
            ValueError,
            "warmup must be left out with control='no_cycle', got '1ep'. Nothing is driven then.",
        ),
    ],
)
def test_arguments_out_of_range(options: dict[str, Any], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind) as refusal:
        CycleSettings(
            **{"num_cycles": 1, "warmup": 0, "control": None, "monitor": None, "dirpath": Path("x"), **options}
        )
    assert str(refusal.value) == f"SnapshotEnsemble: {text}"


@pytest.mark.parametrize(
    ("module", "control", "options", "kind", "text"),
    [
        (
            Scored,
            None,
            {"max_time": "00:01:00:00", "min_epochs": 1},
            ValueError,
            "min_epochs must be left out with max_time, got 1. Lightning goes on past the time limit until then.",
        ),
        (TwoOptimizers, None, {}, ValueError, "configure_optimizers must make one optimizer, got 2."),
        (
            Scaled,
            "single_cycle",
            {},
            TypeError,
            "module must have reset_parameters() for all weights, got ['scale']. "
            "Give the submodule that holds them one.",
        ),
    ],
)
def test_runs_in_which_it_cannot_work(
    module: type[Scored], control: str | None, options: dict[str, Any], kind: type[Exception], text: str, tmp_path: Path
) -> None:
    model = module()
    snapshots = SnapshotEnsemble(2, tmp_path, control=control)
    with pytest.raises(kind) as refusal:
        trainer(callbacks=[snapshots], **{"max_epochs": 2, **options}).fit(model, data())
    assert str(refusal.value) == f"SnapshotEnsemble: {text}"
    assert model.rates == [], "before the first step"
    assert list(tmp_path.iterdir()) == []


def test_a_share_of_the_run_is_no_warmup_where_there_is_a_time_limit(tmp_path: Path) -> None:
    settings = CycleSettings(2, "0.1run", None, None, tmp_path)
    settings.refuse_timed(trainer(max_epochs=2))
    with pytest.raises(ValueError, match="Snapshot") as refusal:
        settings.refuse_timed(trainer(max_epochs=2, max_time="00:01:00:00"))
    assert str(refusal.value) == "SnapshotEnsemble: warmup must be in epochs or steps with max_time, got '0.1run'."
    for warmup in (0, 5, "5step", "0.5ep"):
        CycleSettings(2, warmup, None, None, tmp_path).refuse_timed(trainer(max_time="00:01:00:00"))
