"""How curves reach the optimizers of a run, and how they go on after a resume."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from lightning_regkit._lightning import claim_rates, group_options, is_evaluated, monitored, say
from lightning_regkit.callbacks._curves import Curves
from lightning_regkit.callbacks._specs import OWNER
from lightning_regkit.callbacks._step_driven import StepDriven
from lightning_regkit.schedules import PlateauState, observe_plateau

if TYPE_CHECKING:
    from lightning_regkit._lightning import GroupOption, OptionName, pl
    from lightning_regkit.callbacks._curves import Driven

__all__ = ["DrivenRun"]


class DrivenRun(StepDriven):
    """Writes what curves say before the first step and after each; saves the steps done, not the curves.

    Args:
        curves: What is driven.
        replace_existing: Whether schedulers made by ``configure_optimizers`` are taken out of the run, not refused.
    """

    def __init__(self, curves: Curves, *, replace_existing: bool) -> None:
        super().__init__(curves.total_steps)
        self._curves = curves
        self._replace_existing = replace_existing
        self._options: dict[OptionName, GroupOption] = {}
        self._driven: list[Driven] = []
        self._multiplier = PlateauState()
        self._saved_base: dict[str, list[list[float]]] = {}
        self._is_resuming = True

    @override
    def on_fit_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        claim_rates(OWNER, trainer, self, replace_existing=self._replace_existing)
        # A resumed run's groups will soon hold the scheduled values instead.
        self._options = group_options(OWNER, self._curves.rows(len(trainer.optimizers)), trainer.optimizers)

    @override
    def on_train_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._clock.attach(trainer)
        if not any(self._clock.steps):
            self._multiplier, self._saved_base = PlateauState(), {}
        for name, option in self._options.items():
            option.restore(self._saved_base.get(name, []))
        bases, is_trial = self._options["lr"].base, bool(trainer.fast_dev_run)  # type: ignore[attr-defined]
        text, self._driven = self._curves.lay_out(self._clock.horizons, bases, is_trial=is_trial)
        say(OWNER, f"the plan\n{text}")
        self._write_all()

    @override
    def on_train_batch_start(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", batch: Any, batch_idx: int
    ) -> None:
        # Fine-tuning adds groups at the start of an epoch, later than any hook of ours but this.
        for index in filter(self._options["lr"].has_new_groups, range(len(self._driven))):
            self._on_step(index)

    @override
    def on_validation_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._observe(trainer, after_validation=True)

    @override
    def on_train_epoch_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._observe(trainer, after_validation=False)

    @override
    def on_load_checkpoint(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", checkpoint: dict[str, Any]
    ) -> None:
        self._is_resuming = trainer.state.fn == "fit"
        if self._is_resuming:  # what an earlier fit left must not stand in for what a checkpoint lacks
            self._clock.forget()
            self._multiplier, self._saved_base = PlateauState(), {}

    @override
    def state_dict(self) -> dict[str, Any]:
        base = {name: option.base for name, option in self._options.items()}
        plateau = asdict(self._multiplier)
        return {"steps": list(self._clock.steps), "settings": str(self._curves), "base": base, "plateau": plateau}

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        if not self._is_resuming:
            return
        self._clock.steps = list(state_dict["steps"])
        self._saved_base = state_dict.get("base", {})
        self._multiplier = PlateauState(**state_dict.get("plateau", {}))
        if state_dict["settings"] != str(self._curves):
            say(OWNER, f"goes on with {self._curves}; the checkpoint had {state_dict['settings']}.")

    @override
    def _on_step(self, index: int) -> None:
        step, scale = self._clock.steps[index], self._multiplier.factor
        for name, schedule in self._driven[index].items():
            self._options[name].write(index, schedule(step), scale if name == "lr" else 1.0)

    def _write_all(self) -> None:
        for index in range(len(self._driven)):
            self._on_step(index)

    def _observe(self, trainer: "pl.Trainer", *, after_validation: bool) -> None:
        plateau, before = self._curves.plateau, self._multiplier.factor
        if plateau is None or not is_evaluated(trainer, after_validation=after_validation):
            return
        value = monitored(OWNER, trainer, plateau.monitor)
        self._multiplier = observe_plateau(plateau, self._multiplier, value)
        if self._multiplier.factor != before:
            reason = f"no better {plateau.monitor} in {plateau.patience + 1} evaluations"
            say(OWNER, f"{reason}: the rate is x{self._multiplier.factor:g} its schedule from here on.")
            self._write_all()
