"""Which folders are runs, what they are called, and what is read of them."""

from pathlib import Path

import pytest

from lightning_regkit.report import Run, Series, Table, read_run, read_runs
from tests.report.support import training, write_metrics

ROWS = [{"step": 1, "val_loss": 0.123456789}]
METRICS = {"val_loss": Series((1,), (0.123456789,))}


def names(*folders: Path) -> list[str]:
    return [run.name for run in read_runs(folders)]


def test_a_run_by_itself_is_called_by_its_folder(tmp_path: Path) -> None:
    (run,) = read_runs([write_metrics(tmp_path / "version_0", ROWS)])
    assert run == Run("version_0", METRICS)


def test_runs_at_any_depth_are_found_in_order(tmp_path: Path) -> None:
    for name in ("version_10", "version_9", "deep/er/run"):
        write_metrics(tmp_path / "logs" / name, ROWS)
    (tmp_path / "logs" / "empty").mkdir()
    assert names(tmp_path / "logs") == ["deep/er/run", "version_9", "version_10"]


def test_names_are_the_shortest_that_tell_runs_apart(tmp_path: Path) -> None:
    folders = [write_metrics(tmp_path / "all" / name / "version_0", ROWS) for name in "ab"]
    assert names(*folders) == ["a/version_0", "b/version_0"]
    assert names(folders[1], folders[0]) == ["b/version_0", "a/version_0"]


def test_a_run_that_is_named_twice_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_metrics(tmp_path / "a", ROWS)
    monkeypatch.chdir(tmp_path)
    assert names(folder, tmp_path, Path("a"), Path("a/../a")) == ["a"]


def test_a_search_above_its_runs_is_called_by_its_folder(tmp_path: Path) -> None:
    write_metrics(tmp_path / "search" / "trial_0", ROWS)
    (tmp_path / "search" / "trials.csv").write_text("number,lr\n0,0.1\n")
    search, trial = read_runs([tmp_path])
    assert (search.name, search.series, search.trials) == ("search", {}, Table(("number", "lr"), (("0", "0.1"),)))
    assert trial == Run("trial_0", METRICS)


def test_settings_are_read_and_whole_ones_go_first(tmp_path: Path) -> None:
    (tmp_path / "hparams.yaml").write_text("lr: 0.1\nseed: 1\n")
    assert read_run(tmp_path, "a") == Run("a", {}, {"lr": "0.1", "seed": "1"})
    (tmp_path / "config.yaml").write_text("lr: 0.2\nmodel: net\n")
    assert read_run(tmp_path, "a") == Run("a", {}, {"lr": "0.2", "seed": "1", "model": "net"}, is_whole=True)


def test_numbers_of_a_csv_stand_over_rounded_ones(tmp_path: Path) -> None:
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    write_metrics(tmp_path, ROWS)
    with tensorboard.SummaryWriter(str(tmp_path)) as writer:
        for tag in ("val_loss", "hp_metric", "extra"):
            writer.add_scalar(tag, 0.5, 7)
    assert read_run(tmp_path, "a").series == {**METRICS, "extra": Series((7,), (0.5,))}
    assert names(tmp_path) == [tmp_path.name]


def test_event_files_alone_are_a_run(tmp_path: Path) -> None:
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    for name in ("train", "validation"):
        with tensorboard.SummaryWriter(str(tmp_path / name)) as writer:
            writer.add_scalar("epoch_loss", 0.5, 7)
    assert names(tmp_path) == ["train", "validation"]


def test_a_whole_log_is_read(tmp_path: Path) -> None:
    (run,) = read_runs([write_metrics(tmp_path / "a", training(4))])
    assert set(run.series) == {"epoch", "lr-SGD", "train_acc", "train_loss", "val_acc", "val_loss"}
    assert all(series.steps == (9, 19, 29, 39) for series in run.series.values())


@pytest.mark.parametrize("folder", ["empty", "missing"])
def test_a_folder_without_a_run_is_refused(tmp_path: Path, folder: str) -> None:
    (tmp_path / "empty").mkdir()
    message = rf"^report: RUN must hold metrics\.csv, event files or trials\.csv, at any depth, got '.*{folder}'\.$"
    with pytest.raises(ValueError, match=message):
        read_runs([write_metrics(tmp_path / "a", ROWS), tmp_path / folder])


def test_no_folder_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^report: RUN must be at least one folder, got \[\]\.$"):
        read_runs([])
