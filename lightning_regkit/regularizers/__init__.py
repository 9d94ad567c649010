"""Penalties on weights, and layers of noise with their average at test.

Penalties: value and gradient :func:`weight_penalty`, :func:`add_penalty_gradient_`, :func:`strengths`; proximal step,
which makes exact zeros, :func:`proximal_step_`, :func:`step_lengths`; which weights :func:`select_parameters`; in a
training loop :class:`Penalizer`.

Noise: :class:`DropConnect` (:func:`drop_connect`, :func:`gaussian_moments`), :class:`FractionalPooling`
(:func:`pool_regions`, :func:`pseudorandom_starts`, :func:`random_starts`), both a :class:`NoiseLayer`; how much each
residual block is dropped :func:`linear_rates`. All layers of noise in a network :func:`noise_layers`, and switching
them on at test :func:`sampling`.
"""

from lightning_regkit.regularizers._drop_connect import DropConnect
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
from lightning_regkit.regularizers._selection import select_parameters

__all__ = [
    "DropConnect",
    "FractionalPooling",
    "NoiseLayer",
    "Penalizer",
    "add_penalty_gradient_",
    "drop_connect",
    "gaussian_moments",
    "linear_rates",
    "noise_layers",
    "pool_regions",
    "proximal_step_",
    "pseudorandom_starts",
    "random_starts",
    "sampling",
    "select_parameters",
    "step_lengths",
    "strengths",
    "weight_penalty",
]
