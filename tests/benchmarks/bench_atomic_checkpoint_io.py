"""Saving and loading a checkpoint of 100 MiB: ours, synced and checked, against Lightning's and against torch alone."""

import os

import torch
from lightning.pytorch.plugins import TorchCheckpointIO

from lightning_regkit.plugins import AtomicCheckpointIO
from tests.benchmarks.harness import Comparison, new_folder

ROUNDS = 11
NUM_TENSORS = 100


def comparisons(*, tiny: bool) -> list[Comparison]:
    path = new_folder() / "last.ckpt"
    values = 10 if tiny else 262_144  # 100 float32 tensors of 1 MiB
    weights = {f"layer.{index}": torch.randn(values) for index in range(NUM_TENSORS)}
    checkpoint = {"state_dict": weights, "pytorch-lightning_version": "2.6.6"}
    ours, peer = AtomicCheckpointIO(), TorchCheckpointIO()
    ours.save_checkpoint(checkpoint, path)

    def save() -> None:
        ours.save_checkpoint(checkpoint, path)

    def load() -> object:
        return ours.load_checkpoint(path, weights_only=True)

    def save_by_hand() -> None:
        temporary = path.with_suffix(".part")
        with temporary.open("wb") as file:
            torch.save(checkpoint, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)

    def load_mapped() -> object:
        mapped = torch.load(path, mmap=True, weights_only=True)["state_dict"]
        return [weight.clone() for weight in mapped.values()]  # else nothing is read

    def save_peer() -> None:
        peer.save_checkpoint(checkpoint, path)

    def load_peer() -> object:
        return peer.load_checkpoint(path, weights_only=True)

    return [
        Comparison("save / TorchCheckpointIO", save, save_peer, ROUNDS, 1, "default"),
        Comparison("save / torch.save, synced and renamed", save, save_by_hand, ROUNDS, 1),
        Comparison("load / TorchCheckpointIO", load, load_peer, ROUNDS, against="default"),
        Comparison("load / torch.load, mapped and copied", load, load_mapped, ROUNDS),
    ]
