"""Entries whose update follows the gradient itself: SGD and its kin, L-BFGS."""

from typing import Final

from torch.optim import ASGD, LBFGS, SGD

from lightning_regkit.optim._entry import OptimizerEntry

__all__ = ["PLAIN"]

PLAIN: Final = (
    OptimizerEntry(
        name="sgd",
        optimizer_class=SGD,
        lr=1e-2,
        weight_decay=0.0,
        summary="p <- p - lr g",
        reference="Robbins and Monro 1951, A Stochastic Approximation Method",
        is_decoupled=False,
    ),
    OptimizerEntry(
        name="momentum",
        optimizer_class=SGD,
        lr=1e-2,
        weight_decay=0.0,
        summary="v <- momentum v + g; p <- p - lr v",
        reference="Polyak 1964; Sutskever et al. 2013, eq. 1-2. Torch keeps the rate outside v.",
        options=(("momentum", 0.9),),
        aliases=("sgdm",),
        is_decoupled=False,
    ),
    OptimizerEntry(
        name="nesterov",
        optimizer_class=SGD,
        lr=1e-2,
        weight_decay=0.0,
        summary="v <- momentum v + g; p <- p - lr (g + momentum v)",
        reference="Nesterov 1983; Sutskever et al. 2013, eq. 3-4. Torch evaluates g at the look-ahead point it stores.",
        options=(("momentum", 0.9), ("nesterov", True)),
        aliases=("nag",),
        is_decoupled=False,
    ),
    OptimizerEntry(
        name="asgd",
        optimizer_class=ASGD,
        lr=1e-2,
        weight_decay=0.0,
        summary="r = lr / (1 + lambd lr t)^alpha; p <- (1 - lambd r) p - r g; the mean of p is in the state",
        reference="Polyak and Juditsky 1992. Torch keeps the mean in its state and never puts it into the weights.",
        is_decoupled=False,
    ),
    OptimizerEntry(
        name="lbfgs",
        optimizer_class=LBFGS,
        lr=1.0,
        weight_decay=None,
        summary="p <- p - t H g; H from the last differences of p and g; t from a strong Wolfe line search",
        reference="Nocedal and Wright 2006, algorithms 3.5 and 7.5. Torch has no line search unless asked.",
        options=(("line_search_fn", "strong_wolfe"),),
        aliases=("l-bfgs",),
        needs_closure=True,
        has_groups=False,
    ),
)
