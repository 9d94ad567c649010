"""Optimizers by name: ``return rk.optim.create(self, **self.hparams.optimizer)``.

- ``create``: the torch optimizer of that name over a module, norms and biases without weight decay.
- ``names``, ``describe``, ``OptimizerEntry``: what can be created, and with which defaults.
- ``param_groups``: the split into decaying and non-decaying parameters, on its own.
"""

from lightning_regkit.optim._create import create
from lightning_regkit.optim._entry import OptimizerEntry
from lightning_regkit.optim._groups import param_groups
from lightning_regkit.optim._registry import describe, names

__all__ = ["OptimizerEntry", "create", "describe", "names", "param_groups"]
