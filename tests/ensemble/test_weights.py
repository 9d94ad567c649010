"""Members on disk: the same bits back, or a refusal."""

import hashlib
from pathlib import Path
from pickle import UnpicklingError

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lightning_regkit.ensemble import Member, read_member, read_weights, write_manifest, write_member
from lightning_regkit.errors import CorruptCheckpointError

WEIGHTS = {
    "half": torch.randn(3, dtype=torch.bfloat16),
    "count": torch.tensor(7),
    "kernel": torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last),
    "parameter": nn.Parameter(torch.randn(2)),
}


def written(folder: Path, weights: dict[str, Tensor] = WEIGHTS) -> Member:
    return write_member(folder, weights, step=12, cycle=1, rate=0.5)


def test_the_same_bits_come_back(tmp_path: Path) -> None:
    member = written(tmp_path)
    assert member == Member("step-00000012.safetensors", 12, 1, 0.5, member.sha256)
    found = read_member(tmp_path, member)
    assert found.keys() == WEIGHTS.keys()
    for name, weight in WEIGHTS.items():
        assert found[name].dtype == weight.dtype
        assert torch.equal(found[name], weight)
    assert [path.name for path in tmp_path.iterdir()] == [member.file]


def test_others_can_read_it_and_check_it(tmp_path: Path) -> None:
    member = written(tmp_path)
    assert torch.equal(load_file(tmp_path / member.file)["kernel"], WEIGHTS["kernel"])
    assert hashlib.sha256((tmp_path / member.file).read_bytes()).hexdigest() == member.sha256


def test_equal_weights_give_equal_files(tmp_path: Path) -> None:
    first, second = written(tmp_path / "a"), written(tmp_path / "b")
    assert first == second


def test_weights_that_share_memory_are_written(tmp_path: Path) -> None:
    whole = torch.arange(4.0)
    found = read_member(tmp_path, written(tmp_path, {"whole": whole, "part": whole[1:3]}))
    assert found["part"].tolist() == [1.0, 2.0]


def test_another_file_is_refused(tmp_path: Path) -> None:
    member = written(tmp_path)
    path = tmp_path / member.file
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(CorruptCheckpointError) as refusal:
        read_member(tmp_path, member)
    condition = f"must have the checksum {member.sha256[:8]}... of members.json, got 'another'."
    assert str(refusal.value) == f"ensemble: file {str(path)!r} {condition}"


def test_read_weights_takes_members_and_compares_with_the_list(tmp_path: Path) -> None:
    member = written(tmp_path)
    path = tmp_path / member.file
    assert torch.equal(read_weights(path)["count"], WEIGHTS["count"])
    write_manifest(tmp_path, [member])
    assert torch.equal(read_weights(path)["count"], WEIGHTS["count"])
    save_file({"count": torch.tensor(8)}, path)
    with pytest.raises(CorruptCheckpointError, match="have the checksum"):
        read_weights(path)


def test_read_weights_takes_lightning_checkpoints(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    torch.save({"state_dict": {"w": torch.ones(2), "extra": "text"}, "epoch": 1}, path)
    assert list(read_weights(path)) == ["w"]


def test_read_weights_refuses_what_is_neither(tmp_path: Path) -> None:
    nothing, code, broken = tmp_path / "a.ckpt", tmp_path / "b.ckpt", tmp_path / "c.safetensors"
    torch.save({"w": torch.ones(2)}, nothing)
    with pytest.raises(CorruptCheckpointError) as refusal:
        read_weights(nothing)
    condition = "must hold a state_dict, as Lightning's checkpoints do, got 'dict'."
    assert str(refusal.value) == f"ensemble: file {str(nothing)!r} {condition}"
    torch.save({"state_dict": nn.Linear(1, 1)}, code)
    with pytest.raises(UnpicklingError):
        read_weights(code)
    broken.write_bytes(b"no")
    with pytest.raises(CorruptCheckpointError, match="must be a safetensors file"):
        read_weights(broken)
    with pytest.raises(FileNotFoundError):
        read_weights(tmp_path / "d.ckpt")
