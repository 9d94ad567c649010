"""A recipe that is killed goes on by the command of the docs, as if it had never been."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from recipes import __main__ as cli
from tests.ddp.support import FOREIGN

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "recipes" / "photo_patches" / "resnet18.yaml"
#: Against hangs only.
TIMEOUT_S = 120
EPOCHS, STEPS, SAVED_AT = 3, 8, 12


def written(folder: Path) -> Path:
    """Write the recipe again, small: its folders are in this one, its network takes seconds, it saves often."""
    recipe = yaml.safe_load(RECIPE.read_text())
    callbacks = {each["class_path"]: each for each in recipe["trainer"]["callbacks"]}
    del callbacks["LearningRateMonitor"]  # which needs a logger
    for name in ("BestEpochCheckpoint", "ExactResume"):
        callbacks[name]["init_args"]["dirpath"] = str(folder / "checkpoints")
    callbacks["ExactResume"]["init_args"]["every"] = "3step"
    short = {"max_epochs": EPOCHS, "limit_train_batches": STEPS, "limit_val_batches": 1}
    quiet = {"accelerator": "cpu", "logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    recipe["trainer"] |= {**short, **quiet, "callbacks": list(callbacks.values())}
    recipe["model"]["model"] = "resnet20_small"
    root = str(folder.parent / "photo_patches")
    recipe["data"]["init_args"] |= {"root": root, "num_workers": 0, "batch_size": 10}
    folder.mkdir()
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return path


def words(path: Path) -> list[str]:
    return ["fit", "--config", str(path), "--ckpt_path", "last"]


def step_of(file: Path) -> int:
    try:
        return int(torch.load(file, weights_only=True)["global_step"])
    except FileNotFoundError:
        return 0


def kill_a_fit(path: Path) -> None:
    """Start it in a process of its own, and end that without a word in the middle of the second epoch."""
    environment = {key: value for key, value in os.environ.items() if key not in FOREIGN}
    with (path.parent / "output.txt").open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "recipes", *words(path)],
            cwd=path.parent,
            env={**environment, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        stop = time.monotonic() + TIMEOUT_S
        try:
            while step_of(path.parent / "checkpoints" / "resume.ckpt") < SAVED_AT:
                assert process.poll() is None, (path.parent / "output.txt").read_text()[-6000:]
                assert time.monotonic() < stop
                time.sleep(0.02)
        finally:
            process.kill()
            process.wait()


@pytest.fixture
def _one_thread() -> Iterator[None]:
    """As the process that is killed: sums over two threads have other bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def ended(path: Path) -> dict[str, Any]:
    file: dict[str, Any] = torch.load(path.parent / "checkpoints" / "resume.ckpt", weights_only=True)
    return file


@pytest.mark.slow
@pytest.mark.usefixtures("_one_thread")
@pytest.mark.filterwarnings("ignore:.*there is no last checkpoint available:UserWarning")
@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty:UserWarning")
def test_a_killed_fit_goes_on_with_the_same_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["recipes"])  # LightningCLI warns where it sees arguments twice
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    undisturbed, killed = written(tmp_path / "undisturbed"), written(tmp_path / "killed")
    cli.main(words(undisturbed))
    kill_a_fit(killed)
    assert SAVED_AT <= ended(killed)["global_step"] < EPOCHS * STEPS
    cli.main(words(killed))

    one, other = ended(undisturbed), ended(killed)
    assert one["global_step"] == other["global_step"] == EPOCHS * STEPS
    assert all(torch.equal(tensor, other["state_dict"][name]) for name, tensor in one["state_dict"].items())
    for index, state in one["optimizer_states"][0]["state"].items():
        momentum = other["optimizer_states"][0]["state"][index]["momentum_buffer"]
        assert torch.equal(state["momentum_buffer"], momentum)
