"""The resume file: when it is due, how it is named, and what is said when it cannot be written."""

from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest

from lightning_regkit._lightning._resume_file import ResumeFile
from tests.support import Classifier, loader, trainer


class Recorder(pl.Callback):
    """Asks after every batch and epoch, writes when due, and notes when."""

    def __init__(self, every: int | str | None, folder: Path) -> None:
        self.file, self.folder, self.due = ResumeFile("Owner", every), folder, []  # type: ignore[var-annotated]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.file.begin(trainer, self.folder, lambda path: Path(path).exists(), 0)

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if self.file.is_due_after_batch(trainer):
            self.due.append(trainer.global_step)
            self.file.write(trainer, self.file.path)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.file.is_due_after_epoch(trainer):
            self.due.append(trainer.global_step)
            self.file.write(trainer, self.file.path)


@pytest.mark.parametrize(
    ("every", "options", "due"),
    [
        ("3step", {}, [3, 6, 9]),
        (4, {}, [4, 8]),
        ("2step", {"accumulate_grad_batches": 2}, [2, 4, 6]),
        ("1ep", {}, [5, 10]),
        ("2ep", {}, [10]),
        (None, {}, []),
    ],
)
def test_it_is_due_after_so_many_steps_or_epochs(
    every: Any, options: dict[str, Any], due: list[int], tmp_path: Path
) -> None:
    recorder = Recorder(every, tmp_path)
    trainer(max_epochs=2, callbacks=[recorder], **options).fit(Classifier(), loader(10))
    assert recorder.due == due
    assert [each.name for each in tmp_path.iterdir()] == (["resume.ckpt"] if due else [])


def test_without_a_name_there_is_no_state(tmp_path: Path) -> None:
    recorder = Recorder(None, tmp_path)
    assert recorder.file.path == ""
    trainer(max_epochs=1, callbacks=[recorder]).fit(Classifier(), loader(10))
    assert recorder.file.path == str(tmp_path / "resume.ckpt")
    recorder.file.end()
    assert recorder.file.path == ""


def test_a_fast_dev_run_leaves_no_file(tmp_path: Path) -> None:
    recorder = Recorder("1step", tmp_path)
    trainer(callbacks=[recorder], fast_dev_run=True).fit(Classifier(), loader(10))
    assert recorder.due == []
    assert recorder.file.path == ""
    assert list(tmp_path.iterdir()) == []


class Failing:
    """As much of a Trainer as a rescue asks for; its save fails."""

    world_size = 1

    def save_checkpoint(self, path: str, *, weights_only: bool) -> None:
        raise OSError("no space left")


@pytest.mark.parametrize(("exception", "lines"), [(RuntimeError("bug"), 0), (SystemExit(0), 1)])
def test_a_failed_rescue_is_noted_and_said_where_notes_are_not_printed(
    exception: BaseException, lines: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr("lightning_regkit._lightning._resume_file.say", lambda owner, text: said.append(text))
    monkeypatch.setattr("lightning_regkit._lightning._resume_file.log_step", lambda trainer: 3)
    file: Any = ResumeFile("Owner", None)
    file.path = "runs/resume.ckpt"
    file.rescue(Failing(), exception, is_exact=True)
    text = "the state could not be saved to runs/resume.ckpt: no space left"
    assert exception.__notes__ == [f"Owner: {text}"]
    assert said == [text] * lines


def test_one_failed_process_of_several_saves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr("lightning_regkit._lightning._resume_file.say", lambda owner, text: said.append(text))
    file: Any = ResumeFile("Owner", None)
    failing: Any = Failing()
    failing.world_size = 2
    file.rescue(failing, RuntimeError("bug"), is_exact=False)
    assert said == ["one process failed, and a save needs all: go on from the last checkpoint."]


@pytest.mark.parametrize("every", ["0.1run", "0.5ep", "0step", 0])
def test_what_every_cannot_be(every: Any) -> None:
    with pytest.raises(ValueError, match="every") as caught:
        ResumeFile("Owner", every)
    assert str(caught.value) == f"Owner: every must be a whole number of steps or epochs, got {every!r}."
