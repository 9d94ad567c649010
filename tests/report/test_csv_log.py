"""Tables with commas: those of Lightning's logger, and those of others."""

import math
from pathlib import Path

import pytest
from lightning.pytorch.loggers import CSVLogger

from lightning_regkit.report import Series, Table
from lightning_regkit.report._csv_log import read_metrics, read_table


def written(folder: Path, text: str) -> Path:
    path = folder / "metrics.csv"
    path.write_text(text)
    return path


def test_what_lightning_writes(tmp_path: Path) -> None:
    logger = CSVLogger(tmp_path, name="run", version=0)
    logger.log_metrics({"train_loss": 0.5, "epoch": 0}, step=9)
    logger.log_metrics({"val_loss": 0.25, "epoch": 0}, step=9)
    logger.log_metrics({"lr-SGD": 0.1}, step=14)
    logger.log_metrics({"train_loss": math.nan, "epoch": 1}, step=19)
    logger.save()
    found = read_metrics(tmp_path / "run" / "version_0" / "metrics.csv")
    assert found["val_loss"] == Series((9,), (0.25,))
    assert found["lr-SGD"] == Series((14,), (0.1,))
    assert found["epoch"] == Series((9, 19), (0.0, 1.0))
    assert found["train_loss"].steps == (9, 19)
    assert math.isnan(found["train_loss"].values[1])
    assert set(found) == {"epoch", "lr-SGD", "train_loss", "val_loss"}


@pytest.mark.parametrize(
    ("heading", "steps"),
    [("loss,step,epoch", (10, 20)), ("loss,global_step,epoch", (10, 20)), ("loss,epoch", (10, 20))],
)
def test_the_clock_is_the_first_there(tmp_path: Path, heading: str, steps: tuple[int, ...]) -> None:
    epochs = ",3\n" if heading.endswith("step,epoch") else "\n"
    path = written(tmp_path, f"{heading}\n0.5,10{epochs}0.25,20{epochs}")
    assert read_metrics(path)["loss"] == Series(steps, (0.5, 0.25))


def test_without_a_clock_rows_are_counted(tmp_path: Path) -> None:
    assert read_metrics(written(tmp_path, "loss\n0.5\n0.25\n"))["loss"] == Series((0, 1), (0.5, 0.25))


def test_steps_that_another_program_rewrote_as_decimals(tmp_path: Path) -> None:
    assert read_metrics(written(tmp_path, "step,loss\n10.0,0.5\n"))["loss"].steps == (10,)


@pytest.mark.parametrize("bad", ["", "x", "nan", "inf", "1.5"])
def test_a_row_without_a_step_is_left_out(tmp_path: Path, bad: str) -> None:
    assert read_metrics(written(tmp_path, f"step,loss\n{bad},0.5\n3,0.25\n"))["loss"] == Series((3,), (0.25,))


def test_a_table_is_read_up_to_where_its_writer_was_killed(tmp_path: Path) -> None:
    found = read_metrics(written(tmp_path, "step,loss,acc\n1,0.5,0.75\n2,0.2"))
    assert found == {"loss": Series((1, 2), (0.5, 0.2)), "acc": Series((1,), (0.75,))}


def test_a_resumed_run_replaces_what_it_repeats(tmp_path: Path) -> None:
    assert read_metrics(written(tmp_path, "step,loss\n1,1\n2,2\n3,3\n2,4\n"))["loss"] == Series((1, 2), (1.0, 4.0))


def test_texts_are_no_points(tmp_path: Path) -> None:
    assert read_metrics(written(tmp_path, "step,note,loss\n1,warm,0.5\n")) == {"loss": Series((1,), (0.5,))}


@pytest.mark.parametrize("text", ["", "\n\n", "step,loss\n"])
def test_nothing_is_nothing(tmp_path: Path, text: str) -> None:
    assert read_metrics(written(tmp_path, text)) == {}


def test_rows_have_as_many_cells_as_the_heading(tmp_path: Path) -> None:
    path = written(tmp_path, 'number,lr\n0,"0,1",extra\n\n1\n')
    assert read_table(path) == Table(("number", "lr"), (("0", "0,1"), ("1", "")))


def test_bytes_that_are_no_text_are_shown_as_such(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_bytes(b"step,\xff\n1,2\n")
    assert read_metrics(path) == {"\ufffd": Series((1,), (2.0,))}


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, f"step\n{'9' * 200_000}\n")
    with pytest.raises(
        ValueError, match=r"^report: file '.*metrics\.csv' must be a table of commas, got 'field larger"
    ):
        read_table(path)
