"""Optimizers by name: ``return rk.optim.create(self, **self.hparams.optimizer)``.

- ``create``: the torch or timm optimizer of that name over a module, norms and biases without weight decay.
- ``names``, ``describe``, ``OptimizerEntry``: what can be created, and with which defaults.
- ``register``, ``unregister``: an optimizer of your own under a name.
- ``param_groups``, ``GroupRule``: who decays, and who learns at which factor of the rate, by layer type, name or depth.
- ``group_report``, ``check_groups``: who got which group, and whether anybody was forgotten.
- ``scale_lr``, ``global_batch``, ``scaling_rule``: the rate of another batch size.
- ``kfac``: the formulas of K-FAC, a package of its own.
- ``SAM``: what ``create`` makes of ``sam``: two evaluations a step, around any other optimizer.
"""

from lightning_regkit.optim import kfac as kfac
from lightning_regkit.optim._create import create
from lightning_regkit.optim._entry import OptimizerEntry
from lightning_regkit.optim._groups import param_groups
from lightning_regkit.optim._register import register, unregister
from lightning_regkit.optim._registry import describe, names
from lightning_regkit.optim._report import check_groups, group_report
from lightning_regkit.optim._rules import GroupRule
from lightning_regkit.optim._sam import SAM
from lightning_regkit.optim._scaling import global_batch, scale_lr
from lightning_regkit.optim._scaling_rule import scaling_rule

__all__ = [  # noqa: RUF022  # SAM is a class, not a constant
    "GroupRule",
    "OptimizerEntry",
    "SAM",
    "check_groups",
    "create",
    "describe",
    "global_batch",
    "group_report",
    "names",
    "param_groups",
    "register",
    "scale_lr",
    "scaling_rule",
    "unregister",
]
