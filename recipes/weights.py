"""Weight files of timm and torchvision."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, final

import lightning.pytorch as pl
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from typing_extensions import override

__all__ = ["WeightsFile", "load_weights"]

OWNER: Final = "ImageClassifier"
SHOWN: Final = 3
#: How many batches a BatchNorm layer has seen: no weight, and absent from older files.
COUNTER: Final = "num_batches_tracked"


@final
class WeightsFile(pl.Callback):
    """Loads a file before each evaluation, unless a checkpoint brings the weights.

    Args:
        network: Whose weights they are.
        file: As for ``load_weights``.
    """

    def __init__(self, network: nn.Module, file: str) -> None:
        self.network, self.file = network, file

    @override
    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._load(trainer)

    @override
    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._load(trainer)

    @override
    def on_predict_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._load(trainer)

    def _load(self, trainer: pl.Trainer) -> None:
        if trainer.ckpt_path is None:  # which only these hooks are late enough to know
            load_weights(self.network, self.file)


def load_weights(network: nn.Module, file: str) -> None:
    """Load all weights of a network from a file, or none.

    Args:
        network: Its parameters and buffers are overwritten.
        file: A ``.safetensors`` file, or one of ``torch.save``: a mapping from names to tensors, or one that holds it
            as its ``"state_dict"``. Read as data: nothing in it is run.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds something else, or other names or shapes than the network has.

    Example:
        >>> load_weights(nn.Linear(2, 1), "weights/none.safetensors")
        Traceback (most recent call last):
        FileNotFoundError: ImageClassifier: weights must be a file, got 'weights/none.safetensors'. Download it there.
    """
    if not Path(file).is_file():
        raise FileNotFoundError(f"{OWNER}: weights must be a file, got {file!r}. Download it there.")
    found, wanted = _read(file), network.state_dict()
    wrong = {
        "lacks": [name for name in wanted if name not in found and not name.endswith(COUNTER)],
        "has besides": [name for name in found if name not in wanted],
        "has in another shape": [name for name in wanted if name in found and found[name].shape != wanted[name].shape],
    }
    if got := [f"{what} {_some(names)}" for what, names in wrong.items() if names]:
        condition = "hold the weights of the network, all of them and no others"
        raise ValueError(f"{OWNER}: weights must {condition}, got {file!r}, which {' and '.join(got)}.")
    network.load_state_dict({**wanted, **found})


def _read(file: str) -> dict[str, Tensor]:
    try:
        content: Any = load_file(file) if file.endswith(".safetensors") else _unpickled(file)
    except Exception as error:
        kinds = "a file of safetensors, or of torch.save with tensors alone"
        raise ValueError(f"{OWNER}: weights must be {kinds}, got {file!r}: {_first_line(error)}") from error
    content = content.get("state_dict", content) if isinstance(content, Mapping) else content
    if not isinstance(content, Mapping) or not all(isinstance(tensor, Tensor) for tensor in content.values()):
        raise ValueError(f"{OWNER}: weights must be a mapping from names to tensors, got {file!r} with something else.")
    return dict(content)


def _unpickled(file: str) -> Any:
    return torch.load(file, map_location="cpu", weights_only=True)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _some(names: list[str]) -> str:
    more = [f"{len(names) - SHOWN} more"] if len(names) > SHOWN else []
    return ", ".join(names[:SHOWN] + more)
