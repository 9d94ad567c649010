"""Penalties on weights: their value, their gradient, and their proximal step, which makes exact zeros.

Value and gradient: :func:`weight_penalty`, :func:`add_penalty_gradient_`, :func:`strengths`.
Proximal: :func:`proximal_step_`, :func:`step_lengths`. Which weights: :func:`select_parameters`. In a training loop:
:class:`Penalizer`.
"""

from lightning_regkit.regularizers._optimizers import step_lengths
from lightning_regkit.regularizers._penalizer import Penalizer
from lightning_regkit.regularizers._penalty import add_penalty_gradient_, strengths, weight_penalty
from lightning_regkit.regularizers._proximal import proximal_step_
from lightning_regkit.regularizers._selection import select_parameters

__all__ = [
    "Penalizer",
    "add_penalty_gradient_",
    "proximal_step_",
    "select_parameters",
    "step_lengths",
    "strengths",
    "weight_penalty",
]
