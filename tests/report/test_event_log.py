"""Event files, of torch, of Lightning, of TensorFlow's second kind, and of a writer that was killed."""

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from lightning.pytorch.loggers import TensorBoardLogger

from lightning_regkit.report import Series
from lightning_regkit.report._event_log import EVENT_FILES, read_events

tensorboard = pytest.importorskip("torch.utils.tensorboard")


def event_files(folder: Path) -> list[Path]:
    return list(folder.glob(EVENT_FILES))


def write(folder: Path, points: Sequence[tuple[int, float]], suffix: str = "") -> Path:
    before = set(event_files(folder))
    with tensorboard.SummaryWriter(str(folder), filename_suffix=suffix) as writer:
        for step, value in points:
            writer.add_scalar("val_loss", value, step)
    (new,) = set(event_files(folder)) - before
    return new


def test_what_torch_writes(tmp_path: Path) -> None:
    with tensorboard.SummaryWriter(str(tmp_path)) as writer:
        writer.add_scalar("Loss/train", 0.5, 0)
        writer.add_scalar("Loss/train", float("inf"), 1)
        writer.add_text("note", "no number", 0)
        writer.add_histogram("weights", torch.zeros(3), 0)
    assert read_events(event_files(tmp_path)) == {"Loss/train": Series((0, 1), (0.5, float("inf")))}


def test_what_lightning_writes(tmp_path: Path) -> None:
    logger = TensorBoardLogger(tmp_path, name="run", version=0)
    logger.log_metrics({"val_loss": 0.25, "epoch": 3}, step=39)
    logger.finalize("success")
    found = read_events(event_files(tmp_path / "run" / "version_0"))
    assert found == {"val_loss": Series((39,), (0.25,)), "epoch": Series((39,), (3.0,))}


def test_what_tensorflow_2_writes(tmp_path: Path) -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.plugins.scalar.summary_v2 import scalar_pb
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(tmp_path))
    for step in range(2):
        summary = scalar_pb("epoch_loss", 0.5 / (step + 1))
        if step:
            summary.value[0].ClearField("metadata")  # it is written with the first value of a tag alone
        writer.add_event(Event(step=step, summary=summary))
    writer.close()
    assert read_events(event_files(tmp_path)) == {"epoch_loss": Series((0, 1), (0.5, 0.25))}


def test_a_later_file_replaces_the_steps_it_repeats(tmp_path: Path) -> None:
    first = write(tmp_path, [(1, 1.0), (2, 2.0), (3, 3.0)], ".a")
    second = write(tmp_path, [(2, 4.0)], ".b")
    first = first.rename(tmp_path / "events.out.tfevents.1000.host")
    second = second.rename(tmp_path / "events.out.tfevents.2000.host")
    for order in ([first, second], [second, first]):
        assert read_events(order) == {"val_loss": Series((1, 2), (1.0, 4.0))}


def test_a_file_is_read_up_to_where_its_writer_was_killed(tmp_path: Path) -> None:
    path = write(tmp_path, [(1, 1.0), (2, 2.0)])
    path.write_bytes(path.read_bytes()[:-5])
    assert read_events([path]) == {"val_loss": Series((1,), (1.0,))}


def test_an_empty_file_has_nothing(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.0"
    path.touch()
    assert read_events([path]) == {}


def test_without_tensorboard_a_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, [(1, 1.0)])
    monkeypatch.setitem(sys.modules, "tensorboard.backend.event_processing.event_file_loader", None)
    message = r"^report: tensorboard must be installed to read event files\. Run pip install tensorboard\.$"
    with pytest.raises(ImportError, match=message):
        read_events([path])
