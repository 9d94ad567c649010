"""Which of the two Lightning distributions this process uses.

``lightning.pytorch`` and ``pytorch_lightning`` hold the same code under two names, so their classes differ. Plain
callbacks run in either Trainer; a class that Lightning recognizes by its base must be built on the right one.
"""

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from lightning_regkit._checks import one_of

if TYPE_CHECKING:
    import lightning.pytorch as pl

__all__ = ["pl", "refuse_other_namespace"]

VARIABLE = "LIGHTNING_REGKIT_PL"
NAMESPACES = ("lightning.pytorch", "pytorch_lightning")


def choose(environment: str | None, imported: set[str]) -> str:
    """Name the namespace: the variable, else the only one already imported, else ``lightning.pytorch``.

    Args:
        environment: Value of ``LIGHTNING_REGKIT_PL``, or None when unset.
        imported: Names of the modules already imported.

    Returns:
        ``"lightning.pytorch"`` or ``"pytorch_lightning"``.

    Raises:
        ValueError: The variable names something else.
    """
    if environment is not None:
        return one_of("lightning_regkit", VARIABLE, environment, NAMESPACES)
    first, second = NAMESPACES
    return second if second in imported and first not in imported else first


def refuse_other_namespace(owner: str, trainer: "pl.Trainer") -> None:
    """Refuse a Trainer of the other distribution, for classes that it would not recognize.

    Args:
        owner: Public name of the class that needs the right Trainer.
        trainer: The Trainer it was given to; the user's subclasses are fine.

    Raises:
        TypeError: The Trainer comes from the other distribution; names the variable that switches ours.
    """
    if not isinstance(trainer, pl.Trainer):
        theirs = next((name for name in NAMESPACES if _is_from(type(trainer), name)), None)
        switch = f", or set {VARIABLE}={theirs} before lightning_regkit is imported." if theirs else "."
        raise TypeError(
            f"{owner}: trainer must be a {pl.__name__}.Trainer, got one of {theirs or 'another package'}. "
            f"Import Trainer from {pl.__name__}{switch}"
        )


def _is_from(cls: type, namespace: str) -> bool:
    return any(base.__module__.startswith(f"{namespace}.") for base in cls.__mro__)


if not TYPE_CHECKING:
    pl = import_module(choose(os.environ.get(VARIABLE), set(sys.modules)))
