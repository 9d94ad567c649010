"""The best epoch: one verdict stops the run, is saved, and is what the module holds at the end."""

import os
from typing import final

from typing_extensions import override

from lightning_regkit._checks import message, refuse_default_mode
from lightning_regkit._lightning import Explained, Plan, pl, refuse_other_namespace
from lightning_regkit._lightning._weights import refuse_unrestorable
from lightning_regkit.callbacks._kept_checkpoints import OWNER, Files
from lightning_regkit.callbacks._restored_run import RestoredRun
from lightning_regkit.stopping import StoppingLimits, StoppingRule
from lightning_regkit.stopping._rule import Mode
from lightning_regkit.stopping._shelf import Keep

__all__ = ["BestEpochCheckpoint"]


@final
class BestEpochCheckpoint(RestoredRun, Explained):
    """Stop when a metric no longer improves, keep the best checkpoints, and end with the best weights in the module.

    A ``ModelCheckpoint`` to the outside: ``ckpt_path="best"``, ``best_model_path``, ``best_model_score``; also
    ``best_epoch``, and ``stopped``, why the run was stopped, as data. One verdict for each evaluation: in
    ``on_validation_end`` for a metric that validations log, else in ``on_train_epoch_end``. Saves there, and sets
    ``trainer.should_stop``; ``teardown``, the last hook of a fit, writes the best weights into the module, after
    ``last.ckpt`` has been saved. Ranks agree on the value at each evaluation, and on paths at each save.

    Args:
        monitor: Name of the metric, as logged.
        mode: ``"max"`` where higher is better, ``"min"`` where lower is.
        patience: How long to go on without improvement: ``"10ep"``, ``"500step"``, or an integer, which counts checks.
        min_delta: An improvement is larger than this, >= 0, in the units of the metric.
        keep: How many checkpoints are kept, the best and the next best ones; ``"all"`` keeps one for each check.
        restore: Whether the module holds the best weights when ``fit`` returns.
        stop: Whether patience and limits end the run.
        limits: When the run is not stopped yet, and when at once; None for neither, but for a value that is not finite.
        dirpath: Folder of the files; None for Lightning's.
        filename: Their name, as Lightning formats it; None for ``{epoch}-{step}``.

    Raises:
        TypeError: An argument is of the wrong kind, or in fit, the Trainer is of the other Lightning package.
        ValueError: An argument is out of range; or in fit, the metric is never logged, patience is shorter than a cycle
            of ``ScheduleLR``, or the best weights could not be restored.

    Example:
        >>> import lightning_regkit as rk
        >>> best = rk.callbacks.BestEpochCheckpoint("val_acc", patience="10ep")  # Trainer(callbacks=[best])
        >>> best.mode, best.save_top_k
        ('max', 1)

    Reference:
        Prechelt, "Early Stopping - But When?", 1998.
    """

    def __init__(
        self,
        monitor: str = "val_acc",
        *,
        mode: Mode = "max",
        patience: int | str = "10ep",
        min_delta: float = 0.0,
        keep: Keep = 1,
        restore: bool = True,
        stop: bool = True,
        limits: StoppingLimits | None = None,
        dirpath: str | os.PathLike[str] | None = None,
        filename: str | None = None,
    ) -> None:
        if not isinstance(monitor, str):
            raise TypeError(message(OWNER, "monitor", "be the name of a logged metric", monitor))
        rule = StoppingRule(mode, patience, min_delta, StoppingLimits() if limits is None else limits, OWNER)
        refuse_default_mode(OWNER, monitor, mode, default="max")
        super().__init__(monitor, rule, files=Files(keep, dirpath, filename))
        self.restore, self.stop = restore, stop

    @override
    def explain(self, plan: Plan) -> str:
        stops = f"stops after {self.rule.wait} without improvement" if self.stop else "never stops the run"
        files = "every checkpoint" if self.keep == "all" else f"the best {self.keep}" if self.keep > 1 else "the best"
        ends = "ends with the best weights" if self.restore else "ends with the last weights"
        return f"judges {self.monitor} ({self.mode}), {stops}, keeps {files}, {ends}"

    @override
    def setup(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", stage: str) -> None:
        refuse_other_namespace(OWNER, trainer)
        if stage == "fit" and self.restore:
            refuse_unrestorable(OWNER, trainer)
        super().setup(trainer, pl_module, stage)
