"""Callbacks for a Lightning Trainer: hooks that read, call and write.

Training noise: :class:`Mixup`, :class:`Cutout`. Learning rate: :class:`ScheduleLR`. Runs that are killed and go on:
:class:`ExactResume`.
"""

from lightning_regkit.callbacks._cutout import Cutout
from lightning_regkit.callbacks._exact_resume import ExactResume
from lightning_regkit.callbacks._mixup import Mixup
from lightning_regkit.callbacks._schedule_lr import ScheduleLR

__all__ = ["Cutout", "ExactResume", "Mixup", "ScheduleLR"]
