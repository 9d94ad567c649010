"""K-FAC's formulas, for loops of your own; in a Trainer ``callbacks.KFACPreconditioner`` does all of it.

From what a layer sees to its factors: :func:`activations`, :func:`output_gradients`, :func:`moments`
(:class:`Moments`), :func:`factors` (:class:`Factors`), :func:`blend`. From factors to a step: :func:`decompose`
(:class:`Eigenbasis`), :func:`precondition`, :func:`kl_scale`.
"""

from lightning_regkit.optim.kfac._factors import Factors, Moments, blend, factors, moments
from lightning_regkit.optim.kfac._inverse import Eigenbasis, decompose, kl_scale, precondition
from lightning_regkit.optim.kfac._layers import activations, output_gradients

__all__ = [
    "Eigenbasis",
    "Factors",
    "Moments",
    "activations",
    "blend",
    "decompose",
    "factors",
    "kl_scale",
    "moments",
    "output_gradients",
    "precondition",
]
