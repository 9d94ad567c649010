"""How loaders of images work where the run is."""

import warnings
from typing import Any, Final

import cv2
import lightning.pytorch as pl
import torch
from torch import Tensor

__all__ = ["in_precision", "loading", "silence_needless_advice"]

NEEDLESS: Final = r"The '\w+_dataloader' does not have many workers|Total length of `list` across ranks is zero"


def loading(trainer: pl.Trainer | None, num_workers: int) -> dict[str, Any]:
    """Return options of a loader.

    Args:
        trainer: Of the run, if there is one: memory is pinned where its device is a GPU.
        num_workers: Processes that load; they persist, and OpenCV has one thread in each. Their seeds, which nothing
            here draws from, leave torch's global generator where it is: it stands alike after a resume.
    """
    return {
        "generator": torch.Generator(),
        "num_workers": num_workers,
        "persistent_workers": num_workers > 0,
        "pin_memory": trainer is not None and trainer.strategy.root_device.type == "cuda",
        "worker_init_fn": _in_one_thread,
    }


def in_precision(trainer: pl.Trainer | None, images: Tensor | list[Tensor]) -> Tensor | list[Tensor]:
    """Convert images to the precision of the run: Lightning did so when the batch was bytes, to no effect.

    Args:
        trainer: Of the run, if there is one.
        images: Floats, which ``precision="bf16-true"`` and its like want in another dtype.
    """
    if trainer is None:
        return images
    converted: Tensor | list[Tensor] = trainer.precision_plugin.convert_input(images)
    return converted


def silence_needless_advice() -> None:
    """Ignore Lightning's advice to load images that are in memory in more processes, and to validate on some."""
    warnings.filterwarnings("ignore", message=NEEDLESS)


def _in_one_thread(_worker: int) -> None:
    cv2.setNumThreads(0)
