"""Callbacks for a Lightning Trainer: hooks that read, call and write.

Training noise: :class:`Mixup`, :class:`Cutout`. Penalty on weights: :class:`WeightPenalty`. Learning rate:
:class:`ScheduleLR`, :class:`ScaleLR`. Curvature: :class:`KFACPreconditioner`. Runs that are killed and go on:
:class:`ExactResume`.
"""

from lightning_regkit.callbacks._cutout import Cutout
from lightning_regkit.callbacks._exact_resume import ExactResume
from lightning_regkit.callbacks._kfac_preconditioner import KFACPreconditioner
from lightning_regkit.callbacks._mixup import Mixup
from lightning_regkit.callbacks._scale_lr import ScaleLR
from lightning_regkit.callbacks._schedule_lr import ScheduleLR
from lightning_regkit.callbacks._weight_penalty import WeightPenalty

__all__ = ["Cutout", "ExactResume", "KFACPreconditioner", "Mixup", "ScaleLR", "ScheduleLR", "WeightPenalty"]
