"""Callbacks for a Lightning Trainer: hooks that read, call and write.

Training noise: :class:`Mixup`, :class:`CutMix`, :class:`Cutout`, :class:`RandomErasing`, :class:`OneOf`. Penalty on
weights: :class:`WeightPenalty`. Learning rate: :class:`ScheduleLR`, :class:`ScaleLR`. Curvature:
:class:`KFACPreconditioner`. Runs that are killed and go on: :class:`ExactResume`. The best epoch:
:class:`BestEpochCheckpoint`, :class:`RecalibrateBatchNorm`. Averages at test: :class:`SnapshotEnsemble`,
:class:`EnsembleCheckpoints` over models, :class:`MonteCarloDropout` over masks.
"""

from lightning_regkit.callbacks._best_epoch_checkpoint import BestEpochCheckpoint
from lightning_regkit.callbacks._cutmix import CutMix
from lightning_regkit.callbacks._cutout import Cutout
from lightning_regkit.callbacks._ensemble_checkpoints import EnsembleCheckpoints
from lightning_regkit.callbacks._exact_resume import ExactResume
from lightning_regkit.callbacks._kfac_preconditioner import KFACPreconditioner
from lightning_regkit.callbacks._mixup import Mixup
from lightning_regkit.callbacks._monte_carlo_dropout import MonteCarloDropout
from lightning_regkit.callbacks._one_of import OneOf
from lightning_regkit.callbacks._random_erasing import RandomErasing
from lightning_regkit.callbacks._recalibrate_batch_norm import RecalibrateBatchNorm
from lightning_regkit.callbacks._scale_lr import ScaleLR
from lightning_regkit.callbacks._schedule_lr import ScheduleLR
from lightning_regkit.callbacks._snapshot_ensemble import SnapshotEnsemble
from lightning_regkit.callbacks._weight_penalty import WeightPenalty

__all__ = [
    "BestEpochCheckpoint",
    "CutMix",
    "Cutout",
    "EnsembleCheckpoints",
    "ExactResume",
    "KFACPreconditioner",
    "Mixup",
    "MonteCarloDropout",
    "OneOf",
    "RandomErasing",
    "RecalibrateBatchNorm",
    "ScaleLR",
    "ScheduleLR",
    "SnapshotEnsemble",
    "WeightPenalty",
]
