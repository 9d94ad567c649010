"""Files: what is written, under which names, and that nothing of another run is removed."""

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.callbacks.best_epoch import Watched, best, fit, names

pytestmark = pytest.mark.filterwarnings(
    "ignore:Checkpoint directory .* exists and is not empty:UserWarning",
    "ignore:Be aware that when using `ckpt_path`:UserWarning",
)
RISING = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)


@pytest.mark.parametrize(("keep", "epochs"), [(1, [7]), (3, [5, 6, 7]), ("all", list(range(8)))])
def test_so_many_files_are_kept(keep: Any, epochs: list[int], tmp_path: Path) -> None:
    callback = best(tmp_path, keep=keep, restore=False)
    fit(Watched(RISING), callback)
    assert names(tmp_path) == [f"epoch={epoch}-step={5 * epoch + 5}.ckpt" for epoch in epochs]
    assert sorted(callback.best_k_models) == sorted(str(tmp_path / name) for name in names(tmp_path))
    assert [value.item() for value in callback.best_k_models.values()] == pytest.approx(
        [RISING[epoch] for epoch in reversed(epochs)]
    )
    if keep != "all":
        assert callback.kth_best_model_path == str(tmp_path / f"epoch={epochs[0]}-step={5 * epochs[0] + 5}.ckpt")
        assert callback.kth_value.item() == pytest.approx(RISING[epochs[0]])


def test_files_of_another_run_in_the_same_folder_stay(tmp_path: Path) -> None:
    fit(Watched(), best(tmp_path))
    content = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}
    fit(Watched(RISING), best(tmp_path), max_epochs=3)
    assert names(tmp_path) == sorted([*content, "epoch=2-step=15.ckpt", "last-v1.ckpt"])
    assert all((tmp_path / name).read_bytes() == whole for name, whole in content.items())


def test_a_run_gone_on_with_elsewhere_removes_nothing_where_it_came_from(tmp_path: Path) -> None:
    fit(Watched(RISING), best(tmp_path / "a", keep=2), max_epochs=3)
    before = names(tmp_path / "a")
    callback = best(tmp_path / "b", keep=2)
    fit(Watched(RISING), callback, max_epochs=6, ckpt_path=tmp_path / "a" / "last.ckpt")
    assert names(tmp_path / "a") == before
    assert names(tmp_path / "b") == ["epoch=4-step=25.ckpt", "epoch=5-step=30.ckpt", "last.ckpt"]


def test_a_run_gone_on_with_keeps_its_number_of_files_and_the_one_it_came_from(tmp_path: Path) -> None:
    fit(Watched(RISING), best(tmp_path, keep=2), max_epochs=3)
    assert names(tmp_path) == ["epoch=1-step=10.ckpt", "epoch=2-step=15.ckpt", "last.ckpt"]
    fit(Watched(RISING), best(tmp_path, keep=2), max_epochs=6, ckpt_path=tmp_path / "epoch=2-step=15.ckpt")
    # last.ckpt was there and is not what was resumed from: it may be another run's by now.
    assert names(tmp_path) == [
        "epoch=2-step=15.ckpt",
        "epoch=4-step=25.ckpt",
        "epoch=5-step=30.ckpt",
        "last-v1.ckpt",
        "last.ckpt",
    ]


def test_a_name_of_the_users(tmp_path: Path) -> None:
    callback = best(tmp_path, filename="{epoch}-{acc:.2f}-{other}", restore=False)
    fit(Watched(), callback)
    assert names(tmp_path) == ["epoch=1-acc=0.70-other=1.0.ckpt"]


def test_a_name_that_never_changes_is_written_over(tmp_path: Path) -> None:
    callback = best(tmp_path, filename="best", restore=False)
    fit(Watched(RISING), callback, max_epochs=4)
    assert names(tmp_path) == ["best.ckpt"]
    assert torch.load(tmp_path / "best.ckpt", weights_only=True)["epoch"] == 3
    fit(Watched(RISING), best(tmp_path, filename="best", restore=False), max_epochs=3)
    assert names(tmp_path) == ["best-v1.ckpt", "best.ckpt"]


def test_the_folder_is_lightnings_where_none_is_given(tmp_path: Path) -> None:
    callback = best(tmp_path, dirpath=None)
    fit(Watched(), callback, default_root_dir=tmp_path)
    assert callback.best_model_path == str(tmp_path / "checkpoints" / "epoch=1-step=10.ckpt")


def test_what_loggers_see_of_a_save(tmp_path: Path) -> None:
    from lightning.pytorch.loggers.logger import DummyLogger

    class Logger(DummyLogger):
        seen: list[tuple[str, str, float]] = []  # noqa: RUF012

        def after_save_checkpoint(self, checkpoint_callback: Any) -> None:
            callback = checkpoint_callback
            self.seen.append((callback.best_model_path, callback.last_model_path, callback.best_model_score.item()))

    fit(Watched(), best(tmp_path), max_epochs=3, logger=Logger())
    first, second = (str(tmp_path / f"epoch={epoch}-step={5 * epoch + 5}.ckpt") for epoch in (0, 1))
    last = str(tmp_path / "last.ckpt")
    assert [(path, last_path) for path, last_path, _ in Logger.seen] == [(first, ""), (second, ""), (second, last)]
    assert [score for *_, score in Logger.seen] == pytest.approx([0.5, 0.7, 0.7])
