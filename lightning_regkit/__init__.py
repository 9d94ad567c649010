"""Regularization for PyTorch Lightning: noise in training, an average over that noise at test.

Subpackages load when they are first used, and so does ``explain``::

    import lightning_regkit as rk

    rk.callbacks.Mixup(alpha=0.2)
    rk.optim.create(module, "adamw")
    rk.explain(trainer, module)
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lightning_regkit import (
        augment,
        callbacks,
        cli,
        crops,
        ensemble,
        errors,
        marginalize,
        mixing,
        monitoring,
        optim,
        plugins,
        regularizers,
        report,
        samplers,
        schedules,
        stopping,
        tuning,
    )
    from lightning_regkit._explain import explain

__version__ = "0.1.0"

__all__ = [
    "__version__",
    "augment",
    "callbacks",
    "cli",
    "crops",
    "ensemble",
    "errors",
    "explain",
    "marginalize",
    "mixing",
    "monitoring",
    "optim",
    "plugins",
    "regularizers",
    "report",
    "samplers",
    "schedules",
    "stopping",
    "tuning",
]


def __getattr__(name: str) -> object:
    if name == "explain":
        return import_module(f"{__name__}._explain").explain
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
