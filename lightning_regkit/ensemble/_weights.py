"""The weights of members, one file each."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from lightning_regkit._files import write_whole
from lightning_regkit.ensemble._manifest import MANIFEST, Member, corrupt, read_manifest

__all__ = ["read_member", "read_weights", "write_member"]


def write_member(folder: Path, weights: Mapping[str, Tensor], *, step: int, cycle: int, rate: float) -> Member:
    """Write the weights of one member as a safetensors file that is whole or not there.

    Args:
        folder: Where; made if missing.
        weights: Parameters and buffers by name, on any device; not modified.
        step: As in ``Member``; it names the file.
        cycle: As in ``Member``.
        rate: As in ``Member``.

    Returns:
        What the list is to have of it. Equal weights give equal files.

    Raises:
        OSError: It could not be written; nothing is left behind.

    Example:
        >>> from tempfile import mkdtemp
        >>> write_member(Path(mkdtemp()), {"w": torch.zeros(2)}, step=100, cycle=0, rate=0.0).file
        'step-00000100.safetensors'
    """
    # Copies: the format refuses tensors that share memory.
    content = save({name: weight.detach().to("cpu", copy=True).contiguous() for name, weight in weights.items()})
    file = f"step-{step:08d}.safetensors"
    write_whole(folder / file, content)
    return Member(file, step, cycle, rate, hashlib.sha256(content).hexdigest())


def read_member(folder: Path, member: Member) -> dict[str, Tensor]:
    """Read the weights of one member, once its file has the checksum of the list.

    Args:
        folder: Where its file is.
        member: What the list has of it.

    Returns:
        Its weights by name, on the CPU, bit for bit as they were written.

    Raises:
        CorruptCheckpointError: The file is another than was written.
        FileNotFoundError: There is no such file.

    Example:
        >>> from tempfile import mkdtemp
        >>> folder = Path(mkdtemp())
        >>> read_member(folder, write_member(folder, {"w": torch.ones(2)}, step=1, cycle=0, rate=0.0))
        {'w': tensor([1., 1.])}
    """
    content = (folder / member.file).read_bytes()
    if hashlib.sha256(content).hexdigest() != member.sha256:
        raise corrupt(folder / member.file, f"have the checksum {member.sha256[:8]}... of {MANIFEST}", "another")
    return load(content)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read the weights of a member, or of any safetensors file, or of a Lightning checkpoint.

    Args:
        path: A ``.safetensors`` file, whose checksum is compared if a list beside it has it; anything else is loaded as
            a Lightning checkpoint, with ``weights_only=True``.

    Returns:
        Weights by name, on the CPU.

    Raises:
        CorruptCheckpointError: The file is another than was written, or holds no weights.
        FileNotFoundError: There is no such file.
        UnpicklingError: A checkpoint holds classes that ``weights_only=True`` refuses.

    Example:
        >>> from tempfile import mkdtemp
        >>> path = Path(mkdtemp(), "last.ckpt")
        >>> torch.save({"state_dict": {"w": torch.ones(2)}, "epoch": 3}, path)
        >>> read_weights(path)
        {'w': tensor([1., 1.])}
    """
    if path.suffix == ".safetensors":
        listed = next((member for member in read_manifest(path.parent) if member.file == path.name), None)
        try:
            return load(path.read_bytes()) if listed is None else read_member(path.parent, listed)
        except SafetensorError as error:
            raise corrupt(path, "be a safetensors file", str(error)) from error
    checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    weights = checkpoint.get("state_dict") if isinstance(checkpoint, dict) else None
    if weights is None:
        raise corrupt(path, "hold a state_dict, as Lightning's checkpoints do", type(checkpoint).__name__)
    return {name: weight for name, weight in weights.items() if isinstance(weight, Tensor)}
