"""Saving and loading a checkpoint: ours, synced and checked, against Lightning's TorchCheckpointIO."""

from pathlib import Path
from tempfile import TemporaryDirectory
from weakref import finalize

import torch
from lightning.pytorch.plugins import TorchCheckpointIO

from lightning_regkit.plugins import AtomicCheckpointIO
from tests.benchmarks.harness import Comparison

ROUNDS = 11
NUM_TENSORS = 100


def comparisons(*, tiny: bool) -> list[Comparison]:
    folder = TemporaryDirectory()
    path = Path(folder.name) / "last.ckpt"
    values = 10 if tiny else 262_144  # 100 float32 tensors of 1 MiB
    weights = {f"layer.{index}": torch.randn(values) for index in range(NUM_TENSORS)}
    checkpoint = {"state_dict": weights, "pytorch-lightning_version": "2.6.6"}
    ours, peer = AtomicCheckpointIO(), TorchCheckpointIO()
    ours.save_checkpoint(checkpoint, path)

    def save() -> None:
        ours.save_checkpoint(checkpoint, path)

    def load() -> object:
        return ours.load_checkpoint(path, weights_only=True)

    finalize(load, folder.cleanup)
    return [
        Comparison(
            "save / TorchCheckpointIO", save, lambda: peer.save_checkpoint(checkpoint, path), rounds=ROUNDS, warmup=1
        ),
        Comparison(
            "load / TorchCheckpointIO", load, lambda: peer.load_checkpoint(path, weights_only=True), rounds=ROUNDS
        ),
    ]
