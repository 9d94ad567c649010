"""A patience shorter than a cycle of the rate is refused before the first step."""

from pathlib import Path
from typing import Any

import pytest

from lightning_regkit.callbacks import ScheduleLR, SnapshotEnsemble
from lightning_regkit.schedules import Cosine, CosineRestarts, CyclicCosine, Linear
from tests.callbacks.best_epoch import Watched, best, fit


def message(patience: object, cycle: int) -> str:
    return (
        f"BestEpochCheckpoint: patience must be at least a cycle of ScheduleLR, {cycle} steps, got {patience!r}. "
        f'Pass "{cycle}step" or more, or stop=False.'
    )


@pytest.mark.parametrize(
    ("spec", "patience", "options", "cycle"),
    [
        (CyclicCosine(2), "3ep", {}, 20),
        (CyclicCosine(2), "19step", {}, 20),
        (CyclicCosine(2), 3, {}, 20),
        (CyclicCosine(2), 3, {"val_check_interval": 5}, 20),
        (CyclicCosine(2), 9, {"val_check_interval": 2}, 20),
        (CyclicCosine(2), 1, {"check_val_every_n_epoch": 2}, 20),
        (CosineRestarts("2ep"), "1ep", {}, 10),
    ],
)
def test_too_short(spec: Any, patience: int | str, options: dict[str, Any], cycle: int, tmp_path: Path) -> None:
    model = Watched()
    with pytest.raises(ValueError, match="patience") as caught:
        fit(model, ScheduleLR(spec), best(tmp_path, patience=patience), **options)
    assert str(caught.value) == message(patience, cycle)
    assert model.seen == []


@pytest.mark.parametrize(
    ("spec", "patience", "options"),
    [
        (CyclicCosine(2), "4ep", {}),
        (CyclicCosine(2), "20step", {}),
        (CyclicCosine(2), 4, {}),
        (CyclicCosine(2), 10, {"val_check_interval": 2}),
        (CyclicCosine(2), 2, {"check_val_every_n_epoch": 2}),
        (CyclicCosine(2), 1, {"val_check_interval": "00:00:01:00"}),  # by the clock: nobody knows
        (Cosine(), "1ep", {}),
        (Linear(), 1, {}),
    ],
)
def test_long_enough(spec: Any, patience: int | str, options: dict[str, Any], tmp_path: Path) -> None:
    where = "training" if isinstance(options.get("val_check_interval"), str) else "validation"
    fit(Watched(where=where), ScheduleLR(spec), best(tmp_path, patience=patience), **options)


def test_a_run_that_is_not_stopped_needs_no_patience(tmp_path: Path) -> None:
    fit(Watched(), ScheduleLR(CyclicCosine(2)), best(tmp_path, patience=1, stop=False))


def test_the_first_cycle_includes_its_warmup(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a cycle of ScheduleLR, 30 steps"):
        fit(Watched(), ScheduleLR(CyclicCosine(2), warmup=20), best(tmp_path, patience="5ep"))


def test_one_of_several_specs_is_enough(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="20 steps"):
        fit(Watched(), ScheduleLR([CyclicCosine(2)]), best(tmp_path, patience=1))


@pytest.mark.parametrize(("control", "is_refused"), [(None, True), ("no_cycle", False)])
def test_a_snapshot_ensemble_has_cycles_of_its_own(control: str | None, is_refused: bool, tmp_path: Path) -> None:
    snapshots = SnapshotEnsemble(2, tmp_path / "members", control=control)
    callbacks = [snapshots, best(tmp_path, patience="3ep")]
    if not is_refused:
        fit(Watched(), *callbacks)
        return
    with pytest.raises(ValueError, match="patience") as caught:
        fit(Watched(), *callbacks)
    assert str(caught.value) == message("3ep", 20).replace("ScheduleLR", "SnapshotEnsemble")


def test_nobody_knows_the_cycles_of_a_run_with_a_time_limit(tmp_path: Path) -> None:
    snapshots = SnapshotEnsemble(2, tmp_path / "members")
    fit(Watched(), snapshots, best(tmp_path, patience="3ep"), max_time="00:01:00:00")
