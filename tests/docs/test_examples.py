"""Every Python example of every page runs."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import lightning.pytorch as pl
import matplotlib as mpl
import pytest

from lightning_regkit.optim._register import REGISTERED
from tests.docs import stage
from tests.meta.pages import python_blocks
from tests.meta.test_pages import PAGES
from tests.meta.tree import relative

#: Warnings of Lightning and torch about data this small; all others are errors.
SMALL = r"\.fit\(ckpt_path=|You defined a `validation_step` but have no|Checkpoint directory .* exists"


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pl, "Trainer", stage.Trainer)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    mpl.use("Agg")
    before = dict(REGISTERED)
    yield
    REGISTERED.clear()
    REGISTERED.update(before)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_examples_run(page: Path) -> None:
    blocks = python_blocks(page.read_text())
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=SMALL)
        stage.play(page.stem, blocks)


def test_an_example_that_fails_is_named() -> None:
    with pytest.raises(NameError, match="missing") as caught:
        stage.play("page", ["a = 1\n", "missing.name\n"])
    assert "page, example 2" in str(caught.traceback[-1].path)


def test_trainers_are_small() -> None:
    found = stage.play("page", ["from lightning.pytorch import Trainer\nt = Trainer(max_epochs=90, devices=8)\n"])
    assert (found["t"].max_epochs, found["t"].num_devices, found["t"].limit_train_batches) == (90, 1, 1)
