"""Cycles in the corners of training: accumulation, skipped steps, fresh starts, a stopped run."""

from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.plugins import MixedPrecision

from lightning_regkit.callbacks import SnapshotEnsemble
from lightning_regkit.ensemble import read_manifest, read_member
from tests.callbacks.ensembles import Scored, data, lines
from tests.support import trainer


class Watch(pl.Callback):
    """Keeps the weights and the momentum after each step, as an independent witness."""

    def __init__(self) -> None:
        self.after: dict[int, dict[str, torch.Tensor]] = {}
        self.before: dict[int, torch.Tensor] = {}
        self.momenta: dict[int, int] = {}

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
        state = pl_module.state_dict()
        self.after.setdefault(trainer.global_step, {name: value.clone() for name, value in state.items()})

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
        self.before[trainer.global_step] = pl_module.net[1].weight.detach().clone()
        self.momenta[trainer.global_step] = len(trainer.optimizers[0].state)


def fitted(folder: Path, num_cycles: int = 3, control: str | None = None, **options: Any) -> Watch:
    watch = Watch()
    snapshots = SnapshotEnsemble(num_cycles, folder, control=control)
    trainer(**{"max_epochs": 4, "callbacks": [snapshots, watch], **options}).fit(Scored(1), data())
    return watch


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({}, [4, 8, 12]),
        ({"max_epochs": -1, "max_steps": 10}, [3, 7, 10]),
        ({"accumulate_grad_batches": 2, "max_epochs": 5}, [3, 7, 10]),
        ({"max_epochs": 1}, [1, 2, 3]),
    ],
)
def test_a_member_is_the_weights_after_the_last_step_of_its_cycle(
    options: dict[str, Any], steps: list[int], tmp_path: Path
) -> None:
    watch = fitted(tmp_path, **options)
    members = read_manifest(tmp_path)
    assert [(member.cycle, member.step) for member in members] == list(enumerate(steps))
    for member in members:
        weights = read_member(tmp_path, member)
        assert all(torch.equal(value, watch.after[member.step][name]) for name, value in weights.items())
        assert {"net.2.running_mean", "net.2.num_batches_tracked"} <= weights.keys()


def test_skipped_steps_do_not_count(tmp_path: Path) -> None:
    scaler = torch.amp.GradScaler("cpu", growth_interval=1000)
    plugin = MixedPrecision("16-mixed", "cpu", scaler)
    snapshots, model = SnapshotEnsemble(2, tmp_path), Scored(1)
    trainer(max_epochs=4, callbacks=[snapshots], plugins=[plugin]).fit(model, data())
    made = snapshots.state_dict()["steps"][0]
    assert 0 < made < 12, "some were skipped"
    assert [member.step for member in read_manifest(tmp_path)] == [step for step in (6, 12) if step <= made]


def test_single_cycle_begins_each_cycle_with_fresh_weights_and_no_momentum(tmp_path: Path) -> None:
    watch = fitted(tmp_path, control="single_cycle")
    assert [step for step, count in sorted(watch.momenta.items()) if count == 0] == [0, 4, 8]
    for step in (4, 8):
        start, end = watch.before[step], watch.after[step]["net.1.weight"]
        assert not torch.allclose(start, end, atol=1e-3), "not where the cycle before ended"
        assert start.abs().max() <= 0.25, "torch's own bound, 1 / sqrt(16)"
    assert not torch.equal(watch.before[4], watch.before[8]), "nor the same draw again"
    member = read_manifest(tmp_path)[0]
    assert torch.equal(read_member(tmp_path, member)["net.1.weight"], watch.after[4]["net.1.weight"])
    plain = fitted(tmp_path / "plain")
    assert torch.equal(plain.before[4], plain.after[4]["net.1.weight"])


def test_fresh_weights_come_once_in_an_accumulation_window(tmp_path: Path) -> None:
    watch = fitted(tmp_path, num_cycles=2, control="single_cycle", accumulate_grad_batches=3)
    assert [step for step, count in sorted(watch.momenta.items()) if count == 0] == [0, 2]


class Stop(pl.Callback):
    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        trainer.should_stop = trainer.global_step >= self.step


@pytest.mark.usefixtures("logs_of_lightning")
def test_a_stopped_run_keeps_complete_members(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    snapshots = SnapshotEnsemble(3, tmp_path)
    trainer(max_epochs=4, callbacks=[snapshots, Stop(10)]).fit(Scored(1), data())
    assert [member.step for member in read_manifest(tmp_path)] == [4, 8]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "members.json",
        "step-00000004.safetensors",
        "step-00000008.safetensors",
    ]
    first, member, *_, last = lines(caplog, "SnapshotEnsemble")
    assert first == f"SnapshotEnsemble: takes members after steps 4, 8, 12, into {tmp_path}."
    assert member == f"SnapshotEnsemble: member 1 is {tmp_path}/step-00000004.safetensors, after step 4 at rate 0."
    assert last == "SnapshotEnsemble: optimizer 0 ended at step 10 of the 12 planned."


def test_a_run_too_short_for_its_cycles_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="CyclicCosine: num_cycles must be at most the 12 steps after the warmup"):
        fitted(tmp_path, num_cycles=13)
    with pytest.raises(ValueError, match="cycle_ends: num_cycles must be at most the 12 steps after the warmup"):
        fitted(tmp_path, num_cycles=13, control="no_cycle")
