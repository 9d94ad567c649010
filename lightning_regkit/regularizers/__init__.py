"""Penalties on weights, and layers of noise with their average at test.

Penalties: value and gradient :func:`weight_penalty`, :func:`add_penalty_gradient_`, :func:`strengths`; proximal step,
which makes exact zeros, :func:`proximal_step_`, :func:`step_lengths`; which weights :func:`select_parameters`; in a
training loop :class:`Penalizer`.

Noise: :class:`DropConnect` (:func:`drop_connect`, :func:`gaussian_moments`), :class:`FractionalPooling`
(:func:`pool_regions`, :func:`pseudorandom_starts`, :func:`random_starts`), both a :class:`NoiseLayer`; how much each
residual block is dropped :func:`linear_rates`. All layers of noise in a network :func:`noise_layers`, and switching
them on at test :func:`sampling`.

Noise into a network: which layers, :class:`Where`, :func:`find_layers`, :func:`residual_branches`; noise after a layer
without renaming it, :func:`followed_by`; other layers in the place of its own, and back, :func:`replace_layers`,
:class:`Replacement`.
"""

from lightning_regkit.regularizers._drop_connect import DropConnect
from lightning_regkit.regularizers._followed import followed_by
from lightning_regkit.regularizers._fractional_pooling import FractionalPooling
from lightning_regkit.regularizers._linear_rates import linear_rates
from lightning_regkit.regularizers._masked import drop_connect, gaussian_moments
from lightning_regkit.regularizers._noise_layer import NoiseLayer
from lightning_regkit.regularizers._noise_layers import noise_layers, sampling
from lightning_regkit.regularizers._optimizers import step_lengths
from lightning_regkit.regularizers._penalizer import Penalizer
from lightning_regkit.regularizers._penalty import add_penalty_gradient_, strengths, weight_penalty
from lightning_regkit.regularizers._proximal import proximal_step_
from lightning_regkit.regularizers._regions import pool_regions, pseudorandom_starts, random_starts
from lightning_regkit.regularizers._replace_layers import replace_layers
from lightning_regkit.regularizers._replacement import Replacement
from lightning_regkit.regularizers._residual_branches import residual_branches
from lightning_regkit.regularizers._selection import select_parameters
from lightning_regkit.regularizers._where import Where, find_layers

__all__ = [
    "DropConnect",
    "FractionalPooling",
    "NoiseLayer",
    "Penalizer",
    "Replacement",
    "Where",
    "add_penalty_gradient_",
    "drop_connect",
    "find_layers",
    "followed_by",
    "gaussian_moments",
    "linear_rates",
    "noise_layers",
    "pool_regions",
    "proximal_step_",
    "pseudorandom_starts",
    "random_starts",
    "replace_layers",
    "residual_branches",
    "sampling",
    "select_parameters",
    "step_lengths",
    "strengths",
    "weight_penalty",
]
