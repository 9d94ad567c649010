"""Callbacks for a Lightning Trainer: hooks that read, call and write.

Noise on batches: :class:`Mixup`, :class:`CutMix`, :class:`Cutout`, :class:`RandomErasing`, :class:`OneOf`; images that
grow: :class:`ProgressiveSize`. Noise in the network: :class:`StochasticDepth`, :class:`DropConnect`,
:class:`FractionalPooling`, any other by :class:`Surgery`. Penalty on weights: :class:`WeightPenalty`. Learning rate:
:class:`ScheduleLR`, :class:`ScaleLR`. Curvature: :class:`KFACPreconditioner`. Runs that are killed and go on:
:class:`ExactResume`. The best epoch: :class:`BestEpochCheckpoint`, :class:`RecalibrateBatchNorm`. Averages at test:
:class:`SnapshotEnsemble`, :class:`EnsembleCheckpoints` over models, :class:`MultiCrop` over crops,
:class:`MonteCarloDropout` over masks. What there is to watch, in every logger: :class:`CommandCenter`.
"""

from lightning_regkit import _lightning
from lightning_regkit.callbacks._best_epoch_checkpoint import BestEpochCheckpoint
from lightning_regkit.callbacks._command_center import CommandCenter
from lightning_regkit.callbacks._cutmix import CutMix
from lightning_regkit.callbacks._cutout import Cutout
from lightning_regkit.callbacks._drop_connect import DropConnect
from lightning_regkit.callbacks._ensemble_checkpoints import EnsembleCheckpoints
from lightning_regkit.callbacks._exact_resume import ExactResume
from lightning_regkit.callbacks._fractional_pooling import FractionalPooling
from lightning_regkit.callbacks._kfac_preconditioner import KFACPreconditioner
from lightning_regkit.callbacks._mixup import Mixup
from lightning_regkit.callbacks._monte_carlo_dropout import MonteCarloDropout
from lightning_regkit.callbacks._multi_crop import MultiCrop
from lightning_regkit.callbacks._one_of import OneOf
from lightning_regkit.callbacks._progressive_size import ProgressiveSize
from lightning_regkit.callbacks._random_erasing import RandomErasing
from lightning_regkit.callbacks._recalibrate_batch_norm import RecalibrateBatchNorm
from lightning_regkit.callbacks._scale_lr import ScaleLR
from lightning_regkit.callbacks._schedule_lr import ScheduleLR
from lightning_regkit.callbacks._snapshot_ensemble import SnapshotEnsemble
from lightning_regkit.callbacks._stochastic_depth import StochasticDepth
from lightning_regkit.callbacks._surgery import Surgery
from lightning_regkit.callbacks._weight_penalty import WeightPenalty

__all__ = [
    "BestEpochCheckpoint",
    "CommandCenter",
    "CutMix",
    "Cutout",
    "DropConnect",
    "EnsembleCheckpoints",
    "ExactResume",
    "FractionalPooling",
    "KFACPreconditioner",
    "Mixup",
    "MonteCarloDropout",
    "MultiCrop",
    "OneOf",
    "ProgressiveSize",
    "RandomErasing",
    "RecalibrateBatchNorm",
    "ScaleLR",
    "ScheduleLR",
    "SnapshotEnsemble",
    "StochasticDepth",
    "Surgery",
    "WeightPenalty",
]

_lightning.drop_idle_hooks(*(globals()[name] for name in __all__))
