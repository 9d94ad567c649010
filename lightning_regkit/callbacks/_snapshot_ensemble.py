"""Many models from one run: cycles of the rate, a member at the end of each, their mean at test."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import final

from typing_extensions import override

from lightning_regkit._lightning import Explained, Plan, attached_schedulers
from lightning_regkit.callbacks._averaged_prediction import READOUT
from lightning_regkit.callbacks._cycle_settings import OWNER, CycleSettings
from lightning_regkit.callbacks._ensemble_settings import EnsembleSettings
from lightning_regkit.callbacks._snapshot_run import SnapshotRun
from lightning_regkit.marginalize import Readout

__all__ = ["SnapshotEnsemble"]


@final
class SnapshotEnsemble(SnapshotRun, Explained):
    """Train in cosine cycles, keep the weights at the end of each, test the mean of their softmax in one pass.

    Drives ``param_groups[i]["lr"]`` as ``ScheduleLR(CyclicCosine(num_cycles))`` would, or leaves it to that one where
    it is in the Trainer. After the last step of a cycle rank 0 writes parameters and buffers to ``dirpath``. At
    ``trainer.test(module)`` and ``predict`` each batch goes once through every member, and the module's own metrics are
    those of the mean; beside them comes the curve of the last m = 1 ... M. Saves the steps done and the members' list.
    With ``max_time`` cycles are planned from the time that steps take, by the first process's clock, and
    ``trainer.should_stop`` is set after the last.

    Args:
        num_cycles: M, cycles of the run after its warmup, and members.
        dirpath: Folder of the members, one for each run.
        warmup: Length of a linear warmup in front: ``"5ep"``, ``"500step"``, ``"0.05run"``; 0 for none.
        control: ``"no_cycle"`` takes members at the same steps under the run's own schedule; ``"single_cycle"`` begins
            each cycle with fresh weights; None does neither.
        monitor: A metric to note for each member, if it is evaluated before the next step; None notes nothing.
        num_members: How many of the last members are averaged; None for all.
        stages: Some of ``"validate"`` (``trainer.validate`` only), ``"test"``, ``"predict"``.
        curve: Whether to run all members where there are targets, and draw the curve.
        placement: ``"device"``, ``"host"`` (copied for every batch), or ``"auto"``: on the device if they take less
            than half of its free memory.
        readout: Names in batches and module where they are unusual, and what is averaged; None for ``Readout()``.

    Raises:
        TypeError: An argument is of the wrong kind; or in a run, the strategy shards weights.
        ValueError: An argument is out of range, here or in this run; or something else drives the rate.
        UnknownTotalError: In fit, the run has neither a known number of steps nor a time limit.
        CorruptCheckpointError: In an evaluation, a member is not what was written.

    Example:
        >>> import lightning_regkit as rk
        >>> snapshots = rk.callbacks.SnapshotEnsemble(5, "runs/snapshots")  # Trainer(callbacks=[snapshots])
        >>> # trainer.fit(module, loader); trainer.test(module, test_loader)

    Reference:
        Huang et al., "Snapshot Ensembles: Train 1, Get M for Free", ICLR 2017, section 3, equation 2.
    """

    def __init__(
        self,
        num_cycles: int = 5,
        dirpath: str | os.PathLike[str] = "snapshots",
        *,
        warmup: int | str = 0,
        control: str | None = None,
        monitor: str | None = None,
        num_members: int | None = None,
        stages: Sequence[str] = ("test", "predict"),
        curve: bool = True,
        placement: str = "auto",
        readout: Readout | None = None,
    ) -> None:
        self.cycles = CycleSettings(num_cycles, warmup, control, monitor, Path(dirpath))
        super().__init__(
            self.cycles, EnsembleSettings(OWNER, num_members, stages, curve, placement, readout or READOUT)
        )

    @override
    def explain(self, plan: Plan) -> str:
        self.cycles.refuse_timed(plan.trainer)
        rates, stages = self._cycles.rates, ", ".join(self.stages)
        is_driven = rates.drives(plan.trainer, attached_schedulers(plan.optimizers))
        members = rates.plan(plan.trainer, plan.horizons[0]).describe()
        return (
            f"{'drives the rate in cycles' if is_driven else 'leaves the rate alone'}; {members}, into "
            f"{self.cycles.dirpath}; at {stages} the mean of {self._settings.num_members or 'all'}"
        )
