"""Exact resumption on two processes: nothing is lost, by a stop, by SIGTERM, or by another number of processes."""

import signal
import time
from pathlib import Path
from typing import Any

import pytest

from lightning_regkit.callbacks import ExactResume
from lightning_regkit.samplers import sample_order
from tests.callbacks import interrupted
from tests.callbacks.interrupted import COUNT, Stops
from tests.ddp.resuming import BATCH, PLACES, Recording
from tests.ddp.support import RANKS, run
from tests.faults.job import Job, Setup
from tests.faults.verdict import damages, differences, is_finished

pytestmark = [pytest.mark.ddp, pytest.mark.slow]

SEED = 5
TWO = Setup(devices=RANKS)
CASES = [f"{workers} workers, accumulation {accumulation}" for workers in (0, 2) for accumulation in (1, 2)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("resuming")


@pytest.fixture(scope="module")
def ranks(folder: Path) -> list[dict[str, Any]]:
    return run("resuming", folder)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("case", CASES)
def test_a_resumed_run_equals_the_one_that_went_on(case: str, place: str, ranks: list[dict[str, Any]]) -> None:
    for found in ranks:
        parts = ("weights", "optimizer", "metrics", "step", "rows")
        assert found[case]["resumed"][place] == dict.fromkeys(parts, True)


@pytest.mark.usefixtures("logs_of_lightning")
@pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`:UserWarning")
@pytest.mark.parametrize(
    ("place", "start"), [("batch_end_0", RANKS * BATCH), ("batch_end_1", 2 * RANKS * BATCH), ("epoch_end", COUNT)]
)
def test_one_process_goes_on_with_the_samples_that_two_left(
    place: str,
    start: int,
    folder: Path,
    ranks: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(interrupted, "BATCH", BATCH)
    monkeypatch.setattr(interrupted, "Augmented", Recording)
    monkeypatch.setattr(Recording, "keys", [])
    resumed = interrupted.run(
        Stops(None), resume=ExactResume(every=None), ckpt_path=folder / CASES[0] / f"{place}.ckpt"
    )
    assert resumed.current_epoch == 3
    said = [record.getMessage() for record in caplog.records if record.getMessage().startswith("ExactResume")]
    assert said == [
        "ExactResume: 2 processes wrote the checkpoint, 1 go on: the samples keep their order, noise and running "
        "metrics start anew."
    ]
    orders = {epoch: sample_order(COUNT, seed=SEED, epoch=epoch, shuffle=True).tolist() for epoch in (1, 2)}
    trained = [key for key in Recording.keys if isinstance(key, tuple)]
    assert trained == [(1, index) for index in orders[1][start:]] + [(2, index) for index in orders[2]]
    # The two had used the others, once each.
    used = [index for found in ranks for index in read_in_epoch_1(found)[: start // RANKS]]
    assert sorted(used + orders[1][start:]) == list(range(COUNT))


def read_in_epoch_1(found: dict[str, Any]) -> list[int]:
    return [key[1] for key in found[CASES[0]]["read"] if isinstance(key, list) and key[0] == 1]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("uninterrupted")
    assert Job(TWO, folder, folder / "checkpoints").end().code == 0
    return folder


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (1,)], ids=str)
def test_sigterm_ends_all_processes_saved(order: tuple[int, ...], uninterrupted: Path, tmp_path: Path) -> None:
    job = Job(TWO, tmp_path, tmp_path / "checkpoints")
    assert job.wait_for(job.is_training)
    for rank in order:
        time.sleep(0.05)  # a few batches: signals do not come at once
        job.hit_rank(rank, signal.SIGTERM)
    end = job.end()
    assert "ExactResume: saved" in end.output, end.output
    assert not is_finished(tmp_path, RANKS)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["resume.ckpt"]
    assert damages(tmp_path / "checkpoints", parts=0) == []

    assert Job(TWO, tmp_path, tmp_path / "checkpoints").end().code == 0
    assert differences(uninterrupted, tmp_path) == []
    rows = [(folder / "rows.jsonl").read_text() for folder in (uninterrupted, tmp_path)]
    assert rows[0] == rows[1], "every row once: the state saved was the current one"
