"""The built-in optimizers, as data."""

from typing import Final

from torch import optim

from lightning_regkit.optim._adaptive_entries import ADAPTIVE
from lightning_regkit.optim._later_entries import later
from lightning_regkit.optim._plain_entries import PLAIN

__all__ = ["BUILTIN"]

BUILTIN: Final = (*PLAIN, *ADAPTIVE, *later(vars(optim)))
