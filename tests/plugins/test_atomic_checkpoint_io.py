"""Checkpoints of real fits: whole after kills and full disks, equal on resume, refused when damaged or foreign."""

import errno
import os
import pickle
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import fsspec
import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.plugins import AsyncCheckpointIO, CheckpointIO

from lightning_regkit.callbacks import Cutout, Mixup, ScheduleLR
from lightning_regkit.errors import CorruptCheckpointError
from lightning_regkit.plugins import AtomicCheckpointIO
from lightning_regkit.schedules import Cosine
from tests.support import Classifier, loader, trainer

ROOT = Path(__file__).parents[2]
ENTRIES: dict[str, Any] = {"state_dict": {"weight": torch.arange(6.0)}, "pytorch-lightning_version": "2.6.6"}

#: Fits and resumes with the plugin, in a Trainer of the distribution named by the first argument.
EITHER = """
import sys
from importlib import import_module
from pathlib import Path
import torch

lightning = import_module(sys.argv[1])
from lightning_regkit.plugins import AtomicCheckpointIO

class Model(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = torch.nn.Linear(4, 3)
    def training_step(self, batch, batch_idx):
        return torch.nn.functional.cross_entropy(self.net(batch[0]), batch[1])
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9)

data = torch.utils.data.TensorDataset(torch.randn(8, 4), torch.arange(8) % 3)
folder = Path(sys.argv[2])

def fit(model, epochs, ckpt_path=None):
    plugin = AtomicCheckpointIO()
    trainer = lightning.Trainer(accelerator="cpu", max_epochs=epochs, logger=False, enable_progress_bar=False,
        enable_model_summary=False, default_root_dir=folder, plugins=[plugin],
        callbacks=[import_module(sys.argv[1] + ".callbacks").ModelCheckpoint(folder, save_last=True)])
    trainer.fit(model, torch.utils.data.DataLoader(data, batch_size=2), ckpt_path=ckpt_path)
    assert trainer.strategy.checkpoint_io is plugin
    return model

lightning.seed_everything(3)
start = Model()
state = {name: value.clone() for name, value in start.state_dict().items()}
whole = Model(); whole.load_state_dict(state); fit(whole, 2)
half = Model(); half.load_state_dict(state); fit(half, 1)
resumed = fit(Model(), 2, folder / "last.ckpt")
assert not torch.equal(half.net.weight, whole.net.weight)
assert torch.equal(resumed.net.weight, whole.net.weight)
print("equal")
"""

#: Saves over an old checkpoint and kills itself in the middle of the write.
KILLED = """
import os, signal, sys
import torch
from lightning_regkit import _files
from lightning_regkit.plugins import AtomicCheckpointIO

_files.os.fsync = lambda descriptor: (os.ftruncate(descriptor, 700), os.kill(os.getpid(), signal.SIGKILL))
AtomicCheckpointIO().save_checkpoint(
    {"state_dict": {"weight": torch.zeros(6)}, "pytorch-lightning_version": "2.6.6"}, sys.argv[1])
"""

#: Fits in a spawned process, whose weights come back through the plugin.
SPAWNED = """
import sys
import torch
from lightning_regkit.plugins import AtomicCheckpointIO
from tests.support import Classifier, loader, trainer

if __name__ == "__main__":
    model = Classifier()
    before = model.net[1].weight.detach().clone()
    own = trainer(max_epochs=1, strategy="ddp_spawn", plugins=[AtomicCheckpointIO()], default_root_dir=sys.argv[1])
    own.fit(model, loader())
    assert not torch.equal(model.net[1].weight, before)
    print("trained")
"""


def run(code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *arguments]
    clean = {name: value for name, value in os.environ.items() if name != "LIGHTNING_REGKIT_PL"}
    return subprocess.run(command, env={**clean, **environment}, cwd=ROOT, capture_output=True, text=True, check=False)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def saved(path: Path, content: dict[str, Any] | None = None) -> Path:
    AtomicCheckpointIO().save_checkpoint(ENTRIES if content is None else content, path)
    return path


def checkpointing(folder: Path, plugin: CheckpointIO, *callbacks: pl.Callback, **options: Any) -> pl.Trainer:
    keep = ModelCheckpoint(folder, save_last=True, every_n_train_steps=1)
    return trainer(
        callbacks=[*callbacks, keep], plugins=[plugin], enable_checkpointing=True, default_root_dir=folder, **options
    )


def refuse_write(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)


def weights(model: Classifier) -> torch.Tensor:
    return model.net[1].weight.detach().clone()


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty:UserWarning")
@pytest.mark.parametrize("is_async", [False, True])
def test_a_resumed_fit_equals_an_uninterrupted_one(tmp_path: Path, is_async: bool) -> None:
    def plugin() -> CheckpointIO:
        return AsyncCheckpointIO(AtomicCheckpointIO()) if is_async else AtomicCheckpointIO()

    whole, half, resumed = Classifier(momentum=0.9), Classifier(momentum=0.9), Classifier(momentum=0.9)
    half.load_state_dict(whole.state_dict())
    checkpointing(tmp_path / "whole", plugin(), max_epochs=4).fit(whole, loader())
    checkpointing(tmp_path / "half", plugin(), max_epochs=2).fit(half, loader())
    assert not torch.equal(weights(half), weights(whole))
    checkpointing(tmp_path / "half", plugin(), max_epochs=4).fit(resumed, loader(), ckpt_path="last")
    assert torch.equal(weights(resumed), weights(whole))
    assert all(name.endswith(".ckpt") and not name.startswith(".") for name in names(tmp_path / "half"))


@pytest.mark.parametrize("namespace", ["lightning.pytorch", "pytorch_lightning"])
@pytest.mark.slow
def test_both_distributions(tmp_path: Path, namespace: str) -> None:
    finished = run(EITHER, namespace, str(tmp_path), LIGHTNING_REGKIT_PL=namespace)
    assert finished.stdout.split()[-1:] == ["equal"], finished.stderr


@pytest.mark.slow
def test_the_weights_of_a_spawned_process_come_back(tmp_path: Path) -> None:
    script = tmp_path / "spawned.py"
    script.write_text(SPAWNED)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    finished = subprocess.run(
        [sys.executable, str(script), str(tmp_path)], env=environment, capture_output=True, text=True, check=False
    )
    assert finished.stdout.split()[-1:] == ["trained"], finished.stderr


def test_our_callbacks_save_what_weights_only_loads(tmp_path: Path) -> None:
    callbacks = [ScheduleLR(Cosine(), warmup="1step"), Mixup(), Cutout()]
    checkpointing(tmp_path, AtomicCheckpointIO(), *callbacks, max_epochs=1).fit(Classifier(), loader())
    loaded = AtomicCheckpointIO().load_checkpoint(tmp_path / "last.ckpt", weights_only=True)
    assert loaded["lightning_regkit"].keys() >= {"Mixup/0/seed", "Cutout/0/seed"}


@pytest.mark.parametrize("content", [ENTRIES, {"weight": torch.ones(2)}, {}], ids=["Lightning's", "bare", "empty"])
@pytest.mark.parametrize("prefix", ["", "file://", "memory:/"])
def test_what_is_saved_is_loaded(tmp_path: Path, content: dict[str, Any], prefix: str) -> None:
    path = f"{prefix}{tmp_path}/runs/last.ckpt"
    AtomicCheckpointIO().save_checkpoint(content, path)
    loaded = AtomicCheckpointIO().load_checkpoint(path)
    assert loaded.keys() == content.keys()
    assert str(loaded) == str(content)


def test_lightning_and_torch_read_the_file(tmp_path: Path) -> None:
    loaded = torch.load(saved(tmp_path / "last.ckpt"), weights_only=True)
    assert loaded.keys() == ENTRIES.keys()


def test_a_remote_checkpoint_that_is_damaged_is_refused() -> None:
    path = "memory://damaged/last.ckpt"
    AtomicCheckpointIO().save_checkpoint(ENTRIES, path)
    system = fsspec.filesystem("memory")
    system.pipe_file(path, system.cat_file(path)[:-100])
    with pytest.raises(CorruptCheckpointError, match=r"^AtomicCheckpointIO: file 'memory://damaged/last\.ckpt' must"):
        AtomicCheckpointIO().load_checkpoint(path)


def test_removes_as_lightning_does(tmp_path: Path) -> None:
    path = saved(tmp_path / "last.ckpt")
    AtomicCheckpointIO().remove_checkpoint(path)
    AtomicCheckpointIO().remove_checkpoint(path)
    assert names(tmp_path) == set()


def test_storage_options_are_refused_as_lightning_does(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"is not supported for `AtomicCheckpointIO`"):
        AtomicCheckpointIO().save_checkpoint(ENTRIES, tmp_path / "last.ckpt", storage_options={"a": 1})
    assert names(tmp_path) == set()


def test_checksums_are_written_where_they_are_switched_off(tmp_path: Path) -> None:
    torch.serialization.set_crc32_options(False)
    try:
        saved(tmp_path / "last.ckpt")
        assert not torch.serialization.get_crc32_options(), "as the user left it"
    finally:
        torch.serialization.set_crc32_options(True)
    assert AtomicCheckpointIO().load_checkpoint(tmp_path / "last.ckpt").keys() == ENTRIES.keys()


def test_a_writer_killed_in_the_middle_leaves_the_old_checkpoint(tmp_path: Path) -> None:
    path = saved(tmp_path / "last.ckpt")
    killed = run(KILLED, str(path))
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert names(tmp_path) == {"last.ckpt", ".last.ckpt.part"}
    assert torch.equal(AtomicCheckpointIO().load_checkpoint(path)["state_dict"]["weight"], torch.arange(6.0))
    saved(path)
    assert names(tmp_path) == {"last.ckpt"}


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.ENOSPC, OSError), (errno.EACCES, PermissionError), (errno.EROFS, OSError)]
)
def test_a_failed_save_keeps_the_old_checkpoint_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[OSError]
) -> None:
    path = saved(tmp_path / "last.ckpt")
    text = (
        f"[Errno {number}] AtomicCheckpointIO: folder must take a whole file, got {os.strerror(number)!r}. Free space "
        f"or choose a folder that can be written; what was saved there before is untouched: {str(path)!r}"
    )
    with monkeypatch.context() as patch:
        refuse_write(patch, number)
        with pytest.raises(kind, match=f"^{re.escape(text)}$") as caught:
            AtomicCheckpointIO().save_checkpoint({**ENTRIES, "epoch": 2}, path)
    assert (caught.value.errno, caught.value.filename) == (number, str(path))
    assert type(caught.value) is kind
    assert AtomicCheckpointIO().load_checkpoint(path).keys() == ENTRIES.keys()
    assert names(tmp_path) == {"last.ckpt"}


def test_a_cause_without_a_number_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int) -> None:
        raise OSError("the disk is on fire")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="got 'the disk is on fire'"):
        saved(tmp_path / "last.ckpt")


def test_a_folder_that_refuses_files(tmp_path: Path) -> None:
    """Nobody may create files in /proc, root included, whom permissions do not stop."""
    with pytest.raises(OSError, match=r"AtomicCheckpointIO: folder must take a whole file, got '") as caught:
        saved(Path("/proc/self/last.ckpt"))
    assert caught.value.errno in {errno.ENOENT, errno.EACCES, errno.EPERM}


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "runs").touch()
    with pytest.raises(FileExistsError, match=r"AtomicCheckpointIO: folder must take a whole file, got 'File exists'"):
        saved(tmp_path / "runs" / "last.ckpt")


def test_a_full_disk_stops_the_fit_and_the_last_checkpoint_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Fills(pl.Callback):
        def on_train_batch_start(self, own: pl.Trainer, module: pl.LightningModule, batch: Any, index: int) -> None:
            if index == 3:
                refuse_write(monkeypatch, errno.ENOSPC)

    with pytest.raises(OSError, match=r"got 'No space left on device'\. Free space"):
        checkpointing(tmp_path, AtomicCheckpointIO(), Fills(), max_epochs=1).fit(Classifier(), loader())
    assert all(not name.startswith(".") for name in names(tmp_path))
    assert AtomicCheckpointIO().load_checkpoint(tmp_path / "last.ckpt")["global_step"] == 3


def test_an_error_in_the_thread_of_async_surfaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_write(monkeypatch, errno.ENOSPC)
    with pytest.raises(OSError, match=r"got 'No space left on device'\. Free space"):
        checkpointing(tmp_path, AsyncCheckpointIO(AtomicCheckpointIO()), max_epochs=1).fit(Classifier(), loader())
    assert names(tmp_path) == set()


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty:UserWarning")
def test_a_damaged_checkpoint_stops_the_resume(tmp_path: Path) -> None:
    checkpointing(tmp_path, AtomicCheckpointIO(), max_epochs=1).fit(Classifier(), loader())
    path = tmp_path / "last.ckpt"
    content = bytearray(path.read_bytes())
    content[content.index(torch.load(path)["state_dict"]["net.1.weight"].numpy().tobytes())] ^= 1
    path.write_bytes(content)
    with pytest.raises(CorruptCheckpointError, match=re.escape(f"file {str(path)!r} must be a whole Lightning")):
        checkpointing(tmp_path, AtomicCheckpointIO(), max_epochs=2).fit(Classifier(), loader(), ckpt_path=path)


def test_a_missing_file(tmp_path: Path) -> None:
    text = f"Checkpoint file not found: {tmp_path / 'last.ckpt'}"
    with pytest.raises(FileNotFoundError, match=f"^{re.escape(text)}$"):
        AtomicCheckpointIO().load_checkpoint(tmp_path / "last.ckpt")


@pytest.mark.parametrize("content", [{"nested": ENTRIES}, [ENTRIES]], ids=["nested", "list"])
def test_the_entries_must_be_at_the_top(tmp_path: Path, content: object) -> None:
    path = tmp_path / "last.ckpt"
    torch.save(content, path)
    text = (
        f"AtomicCheckpointIO: file {str(path)!r} must be a whole Lightning checkpoint, got 'a torch file without "
        "pytorch-lightning_version and state_dict at its top'. Give a file that Trainer.save_checkpoint wrote."
    )
    with pytest.raises(CorruptCheckpointError, match=f"^{re.escape(text)}$"):
        AtomicCheckpointIO().load_checkpoint(path)


def test_what_only_torch_finds_wrong_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(*_: object, **__: object) -> None:
        raise RuntimeError("PytorchStreamReader failed reading zip archive: not a ZIP archive")

    path = saved(tmp_path / "last.ckpt")
    monkeypatch.setattr(torch, "load", unreadable)
    with pytest.raises(CorruptCheckpointError, match=r"got 'a file that torch cannot read'\. It cannot be repaired"):
        AtomicCheckpointIO().load_checkpoint(path)


def test_an_error_that_is_not_the_files_fault_stays_as_it_is(tmp_path: Path) -> None:
    def absent(storage: object, location: str) -> None:
        raise RuntimeError("no such device")

    path = saved(tmp_path / "last.ckpt")
    with pytest.raises(RuntimeError, match=r"^no such device$"):
        AtomicCheckpointIO().load_checkpoint(path, map_location=absent)


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("raise SystemExit('unpickled')",)


@pytest.mark.parametrize(
    ("state", "classes"),
    [
        (Path("runs"), ["pathlib.PosixPath"]),
        (range(3), ["builtins.range"]),
        ([range(3), Path("runs")], ["builtins.range", "pathlib.PosixPath"]),
        (Bomb(), ["builtins.exec"]),
        (1 << 3000, ["Unsupported operand 139"]),
    ],
    ids=["path", "range", "both", "bomb", "integer"],
)
def test_classes_are_saved_with_one_warning_and_refused_with_the_remedies(
    tmp_path: Path, state: object, classes: list[str]
) -> None:
    path = tmp_path / "last.ckpt"
    head = f"AtomicCheckpointIO: file {str(path)!r} must hold only tensors and plain Python values, got {classes!r}. "
    warning = (
        "It is saved; to resume from it, call torch.serialization.add_safe_globals([...]) with these classes, or keep "
        "the state in tensors, numbers, strings and lists."
    )
    refusal = (
        "If you trust the file, call torch.serialization.add_safe_globals([...]) with these classes, or pass "
        "weights_only=False."
    )
    plugin = AtomicCheckpointIO()
    with pytest.warns(UserWarning, match=f"^{re.escape(head + warning)}$") as seen:
        plugin.save_checkpoint({**ENTRIES, "mine": state}, path)
    plugin.save_checkpoint({**ENTRIES, "mine": state}, path)
    assert len(seen) == 1
    for weights_only in (None, True):
        with pytest.raises(pickle.UnpicklingError, match=f"^{re.escape(head + refusal)}$"):
            plugin.load_checkpoint(path, weights_only=weights_only)


def test_weights_only_false_is_honored(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"pathlib\.PosixPath"):
        path = saved(tmp_path / "last.ckpt", {**ENTRIES, "mine": Path("runs")})
    assert AtomicCheckpointIO().load_checkpoint(path, weights_only=False)["mine"] == Path("runs")


def test_the_warning_comes_after_the_save(tmp_path: Path) -> None:
    with pytest.raises(UserWarning, match=r"pathlib\.PosixPath"):
        saved(tmp_path / "last.ckpt", {**ENTRIES, "mine": Path("runs")})
    assert names(tmp_path) == {"last.ckpt"}


def test_classes_that_are_allowed_load(tmp_path: Path) -> None:
    with torch.serialization.safe_globals([range]):
        path = saved(tmp_path / "last.ckpt", {**ENTRIES, "mine": range(3)})
        assert AtomicCheckpointIO().load_checkpoint(path)["mine"] == range(3)


def test_none_is_weights_only_whatever_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    with pytest.warns(UserWarning, match=r"builtins\.exec"):
        path = saved(tmp_path / "last.ckpt", {**ENTRIES, "mine": Bomb()})
    with pytest.raises(pickle.UnpicklingError, match=r"builtins\.exec"):
        AtomicCheckpointIO().load_checkpoint(path)


def test_map_location(tmp_path: Path) -> None:
    path = saved(tmp_path / "last.ckpt")
    plugin = AtomicCheckpointIO()
    assert plugin.load_checkpoint(path)["state_dict"]["weight"].device.type == "cpu"
    cleared = plugin.load_checkpoint(path, map_location=lambda storage, _: storage.clone().fill_(0))
    assert not cleared["state_dict"]["weight"].any(), "map_location is passed on"
