from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning.pytorch as pl
import numpy as np
import pytest
import torch
from lightning.pytorch import loggers as lightning_loggers
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from lightning_regkit._lightning._loggers import LogPlace, RowWriter, logger_names
from tests.callbacks.logged import Rows, TensorBoardLogger, WandbLogger
from tests.support import trainer

PLACE = LogPlace(step=9, axis_step=320, fields={"samples": 320, "epoch": 0.5})
IMAGE = torch.randint(0, 256, (3, 5, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
PIXELS = IMAGE.permute(1, 2, 0).numpy()


def run_with(*given: Any, **options: Any) -> pl.Trainer:
    return trainer(logger=list(given), **options)


def test_every_logger_gets_the_row_and_the_other_positions_beside_it() -> None:
    plain, board = Rows(), TensorBoardLogger()
    RowWriter("center", "samples").write(run_with(plain, board), {"lr": 0.1}, PLACE)
    row = {"center/lr": 0.1, "center/samples": 320, "center/epoch": 0.5}
    assert plain.rows == [(9, row)]
    assert board.rows == [(320, row)]


@pytest.mark.parametrize("axis", ["step", "samples"])
def test_wandb_is_told_once_which_column_is_the_axis(axis: str) -> None:
    logger, writer = WandbLogger(), RowWriter("center", axis)
    for _ in range(2):
        writer.write(run_with(logger), {"lr": 0.1}, PLACE)
    writer.write_image(run_with(logger), IMAGE, "", PLACE)
    assert [step for step, _ in logger.rows] == [9, 9]
    told = [
        ("define_metric", ("center/samples",), {}),
        ("define_metric", ("center/*",), {"step_metric": "center/samples"}),
    ]
    assert logger.run.calls == ([] if axis == "step" else told)


def test_each_of_two_is_told() -> None:
    both, writer = [WandbLogger(), WandbLogger()], RowWriter("center", "epoch")
    writer.write(run_with(*both), {}, PLACE)
    assert [len(each.run.calls) for each in both] == [2, 2]


def test_pictures_go_to_the_loggers_that_take_them(tmp_path: Path) -> None:
    plain, board, wandb = Rows(), TensorBoardLogger(), WandbLogger()
    run = run_with(plain, board, wandb, default_root_dir=tmp_path)
    RowWriter("center", "step").write_image(run, IMAGE, "1: a\n2: b", PLACE)
    ((key, (pixels,), step, options),) = wandb.images
    assert (key, step, options) == ("center/images", 9, {"caption": ["1: a\n2: b"]})
    np.testing.assert_array_equal(pixels, PIXELS)
    image, text = board.writer.calls
    assert (image[0], image[1][0], image[1][2], image[2]) == ("add_image", "center/images", 320, {"dataformats": "HWC"})
    np.testing.assert_array_equal(image[1][1], PIXELS)
    assert text == ("add_text", ("center/images/targets", "1: a  \n2: b", 320), {})
    assert not list(tmp_path.iterdir())


def test_where_no_logger_takes_pictures_they_are_files(tmp_path: Path) -> None:
    run = run_with(lightning_loggers.CSVLogger(tmp_path, name="runs"))
    RowWriter("center", "step").write_image(run, IMAGE, "1: a", PLACE)
    folder = tmp_path / "runs" / "version_0" / "center"
    assert sorted(path.name for path in folder.iterdir()) == ["images-00000009.png", "images-00000009.txt"]
    with Image.open(folder / "images-00000009.png") as image:
        np.testing.assert_array_equal(np.asarray(image), PIXELS)
    assert (folder / "images-00000009.txt").read_text() == "1: a\n"


def test_without_a_folder_of_the_logger_they_are_in_that_of_the_trainer(tmp_path: Path) -> None:
    RowWriter("a/b", "step").write_image(run_with(Rows(), default_root_dir=tmp_path), IMAGE, "", PLACE)
    assert (tmp_path / "a" / "b" / "images-00000009.png").is_file()


def test_the_event_files_of_tensorboard_hold_rows_pictures_and_texts(tmp_path: Path) -> None:
    logger = lightning_loggers.TensorBoardLogger(tmp_path)
    writer, run = RowWriter("center", "samples"), run_with(logger)
    writer.write(run, {"lr": 0.25}, PLACE)
    writer.write_image(run, IMAGE, "1: a", PLACE)
    logger.finalize("success")
    events = EventAccumulator(logger.log_dir)
    events.Reload()
    assert [(each.step, each.value) for each in events.Scalars("center/lr")] == [(320, 0.25)]
    (image,) = events.Images("center/images")
    assert (image.step, image.height, image.width) == (320, 5, 4)
    (text,) = events.Tensors("center/images/targets/text_summary")
    assert text.tensor_proto.string_val == [b"1: a"]


@pytest.mark.slow
def test_wandb_itself_takes_all_of_it_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_SILENT", "true")
    logger = lightning_loggers.WandbLogger(save_dir=tmp_path, offline=True)
    writer, run = RowWriter("center", "samples"), run_with(logger)
    writer.write(run, {"lr": 0.25}, PLACE)
    writer.write_image(run, IMAGE, "1: a", PLACE)
    summary = dict(logger.experiment.summary)
    wandb.finish()
    wandb.teardown()  # ends the process that writes the files
    assert (summary["center/lr"], summary["center/samples"], summary["trainer/global_step"]) == (0.25, 320, 9)
    (file,) = tmp_path.glob("wandb/offline-run-*/*.wandb")
    assert b"center/*" in file.read_bytes()
    (picture,) = tmp_path.glob("wandb/offline-run-*/files/media/images/center/*.png")
    with Image.open(picture) as image:
        np.testing.assert_array_equal(np.asarray(image)[..., :3], PIXELS)


def test_names_of_loggers() -> None:
    run: Any = SimpleNamespace(loggers=[Rows(), WandbLogger()])
    assert logger_names(run) == ["Rows", "WandbLogger"]
