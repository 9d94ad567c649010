"""Regularization for PyTorch Lightning: noise in training, an average over that noise at test.

Subpackages load when they are first used::

    import lightning_regkit as rk

    rk.callbacks.Mixup(alpha=0.2)
    rk.optim.create(module, "adamw")
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lightning_regkit import callbacks, errors, mixing, optim, plugins, samplers, schedules

__version__ = "0.1.0"

__all__ = ["__version__", "callbacks", "errors", "mixing", "optim", "plugins", "samplers", "schedules"]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
