"""Entries of classes that came to torch after our lowest version: absent where torch has them not."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from lightning_regkit.optim._entry import OptimizerEntry

__all__ = ["CAME_WITH", "later"]

CAME_WITH: Final[Mapping[str, str]] = MappingProxyType({"muon": "2.9"})


def later(classes: Mapping[str, type]) -> tuple[OptimizerEntry, ...]:
    """Return the entries of those later classes that are in ``classes``, a mapping from class name to class."""
    if "Muon" not in classes:
        return ()
    muon = OptimizerEntry(
        name="muon",
        optimizer_class=classes["Muon"],
        lr=1e-3,
        weight_decay=0.1,
        summary="m <- momentum m + (1 - momentum) g; p <- p - lr weight_decay p - lr orthogonal(m)",
        reference="Jordan et al. 2024, kellerjordan.github.io/posts/muon; for the matrices of hidden layers",
        is_adaptive=True,
        is_decoupled=True,
        ndim=2,
    )
    return (muon,)
