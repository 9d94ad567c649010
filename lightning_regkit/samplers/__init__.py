"""Samplers whose order is a function of the position in training, and that count every sample once at test.

- ``ResumableSampler``: training, from any sample on. ``sample_order`` and ``deal`` are its two parts, on their own.
- ``resumable_sampler`` finds it in a loader, with the ``LoaderPlan`` that turns batches into examples.
- ``ExactDistributedSampler``: evaluation on several processes without repeats.
- ``surplus``: how many samples another distributed sampler repeats or drops.
"""

from lightning_regkit.samplers._exact import ExactDistributedSampler
from lightning_regkit.samplers._order import deal, sample_order
from lightning_regkit.samplers._position import LoaderPlan, resumable_sampler
from lightning_regkit.samplers._resumable import ResumableSampler
from lightning_regkit.samplers._surplus import surplus

__all__ = [
    "ExactDistributedSampler",
    "LoaderPlan",
    "ResumableSampler",
    "deal",
    "resumable_sampler",
    "sample_order",
    "surplus",
]
