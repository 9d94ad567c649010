"""The built-in optimizers, as data."""

from typing import Final

from torch import optim

from lightning_regkit.optim._adaptive_entries import ADAPTIVE
from lightning_regkit.optim._entry import OptimizerEntry
from lightning_regkit.optim._later_entries import later
from lightning_regkit.optim._plain_entries import PLAIN
from lightning_regkit.optim._sam import SAM

__all__ = ["BUILTIN"]

_SHARPNESS_AWARE: Final = OptimizerEntry(
    name="sam",
    optimizer_class=SAM,
    lr=None,
    weight_decay=0.0,
    summary="e = rho g(w) / |g(w)|; a step of the base optimizer from w with g(w + e)",
    reference="Foret et al. 2021, arXiv 2010.01412, algorithm 1",
    needs_closure=True,
)

BUILTIN: Final = (*PLAIN, *ADAPTIVE, *later(vars(optim)), _SHARPNESS_AWARE)
