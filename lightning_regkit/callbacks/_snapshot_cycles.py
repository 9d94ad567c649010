"""The training half of a snapshot ensemble: cycles of the rate, a member at the end of each."""

from typing import TYPE_CHECKING, Any, final

from lightning_regkit._lightning import Clock, monitored, say
from lightning_regkit._lightning._restart import restart
from lightning_regkit.callbacks._cycle_plans import CountedPlan
from lightning_regkit.callbacks._cycle_settings import OWNER
from lightning_regkit.callbacks._snapshot_members import SnapshotMembers
from lightning_regkit.callbacks._snapshot_rates import SnapshotRates

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.utils.hooks import RemovableHandle

    from lightning_regkit._lightning import pl
    from lightning_regkit.callbacks._cycle_plans import CyclePlan, Saved
    from lightning_regkit.callbacks._cycle_settings import CycleSettings

__all__ = ["SnapshotCycles"]


@final
class SnapshotCycles:
    """Counts steps, drives the rate, takes members; the callback says when.

    Args:
        callback: Rests while it is not in ``trainer.callbacks``.
        settings: What to do.
    """

    def __init__(self, callback: "pl.Callback", settings: "CycleSettings") -> None:
        self._callback = callback
        self._settings = settings
        self.rates = SnapshotRates(settings.num_cycles, settings.warmup, is_cyclic=settings.control != "no_cycle")
        self.members = SnapshotMembers(settings.dirpath)
        self.clock = Clock(callback, self._on_step)
        self._plan: CyclePlan = CountedPlan()
        self._rate, self._restarted_at, self.is_paused = 0.0, 0, False
        self._saved_base: list[list[float]] = []
        self._saved_plan: Saved = None
        self._run: tuple[pl.Trainer, pl.LightningModule] | None = None
        self._handle: RemovableHandle | None = None

    def claim(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        """Refuse runs in which it cannot work, and settle who drives the rate; in ``on_fit_start``."""
        self._settings.refuse(trainer, pl_module)
        self.rates.claim(trainer, self._callback)

    def start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        """Plan the cycles and set the first rate; in ``on_train_start``."""
        self.clock.attach(trainer)
        (horizon,), (step,) = self.clock.horizons, self.clock.steps
        if step == 0:
            self.forget()
            self.clock.steps = [0]
        self._plan = self.rates.start(trainer, horizon, self._saved_base)
        self.members.begin(trainer)
        self._run = trainer, pl_module
        self._handle = trainer.optimizers[0].register_step_pre_hook(self._note_rate)
        say(OWNER, f"{self._plan.describe()}, into {self._settings.dirpath}.")
        self._plan.begin(trainer, step, [member.step for member in self.members.taken], self._saved_plan)
        self.rates.write(step)

    def before_batch(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        """Begin a cycle with fresh weights where that is asked for; give new groups their rate."""
        (step,) = self.clock.steps
        is_new = self.is_paused and self._plan.review(trainer, step)
        self.is_paused = False
        if self._settings.control == "single_cycle" and self._plan.is_between(step) and step != self._restarted_at:
            restart(trainer, pl_module, trainer.optimizers[0])
            self._restarted_at = step
        self.rates.write(step, is_new=is_new)

    def score(self, trainer: "pl.Trainer") -> None:
        """Note what the metric says of the last member, right after it was evaluated."""
        if self._settings.monitor is not None:
            self.members.score(trainer, self.clock.steps[0], monitored(OWNER, trainer, self._settings.monitor))

    def report(self) -> None:
        """Say at the end of the run what did not come."""
        self._plan.report(self.clock, is_driven=self.rates.is_driven)

    def stop(self) -> None:
        """Take no more members; harmless when not started."""
        self.clock.detach()
        self._run = None
        if self._handle is not None:
            self._handle.remove()

    def forget(self) -> None:
        """Drop what an earlier run left."""
        self.clock.forget()
        self.members.forget()
        self._saved_base, self._saved_plan, self._restarted_at = [], None, 0

    def save(self) -> dict[str, Any]:
        """Return what a resumed run needs, as plain values."""
        own = {"base": self.rates.base, "restarted_at": self._restarted_at, "settings": str(self._settings)}
        return {"steps": list(self.clock.steps), "members": self.members.save(), "plan": self._plan.save(), **own}

    def load(self, state: dict[str, Any]) -> None:
        """Take up what was saved; the settings of the code win, and a line says so."""
        self.clock.steps, self._saved_base = list(state["steps"]), state["base"]
        self._restarted_at, self._saved_plan = state["restarted_at"], state.get("plan")
        self.members.load(state["members"])
        if state["settings"] != str(self._settings):
            say(OWNER, f"goes on with {self._settings}; the checkpoint had {state['settings']}.")

    def _on_step(self, _index: int) -> None:
        (step,) = self.clock.steps
        if self._run is not None:
            if self._plan.is_end(step):
                self.members.take(*self._run, step, self._rate)
            self._plan.advance(self._run[0], step)
        self.rates.write(step)

    def _note_rate(self, optimizer: "Optimizer", *_: object) -> None:
        if self._plan.is_end(self.clock.steps[0] + 1):  # reading it may wait for the device
            self._rate = float(optimizer.param_groups[0]["lr"])
