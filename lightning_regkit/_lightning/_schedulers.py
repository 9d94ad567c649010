"""Who else would write the rates: refused, or taken out of the run."""

from typing import TYPE_CHECKING, Any

from lightning_regkit._checks import message
from lightning_regkit._lightning._horizon import epoch_bound
from lightning_regkit._lightning._ranks import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch.optim import Optimizer

    from lightning_regkit._lightning._namespace import pl

__all__ = ["attached_schedulers", "claim_rates", "is_among", "refuse_rivals", "refuse_schedulers"]

_CONDITION = "make no learning-rate scheduler"
_LEAVE = "leave the rates to it"
_RUINS = "CyclicLR", "OneCycleLR"


def attached_schedulers(optimizers: "Sequence[Optimizer]") -> list[str]:
    """Name the schedulers of which only the traces in the optimizers are known, if any."""
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    # Torch's schedulers leave it when they attach themselves.
    return ["a torch scheduler attached to the optimizer"] if any("initial_lr" in group for group in groups) else []


def refuse_schedulers(owner: str, found: "Sequence[str]") -> None:
    """Refuse what would drive the rates too.

    Args:
        owner: The callback that drives the rates.
        found: Names of schedulers.

    Raises:
        ValueError: There is one; names the first.
    """
    if found:
        remedy = f"Return the optimizer alone, pass replace_existing=True, or remove {owner}."
        raise ValueError(message(owner, "configure_optimizers", _CONDITION, found[0], remedy))


def refuse_rivals(owner: str, trainer: "pl.Trainer", callback: "pl.Callback") -> None:
    """Refuse callbacks of Lightning that would write the rates too, before they do so late in the run.

    Args:
        owner: The callback that drives the rates.
        trainer: Need not be in a fit.
        callback: Itself.

    Raises:
        ValueError: Names the callback; or groups would be put back before they are read.
    """
    if is_among(trainer, "BaseFinetuning", before=callback):
        remedy = "On resume it puts back groups with the rates in use then."
        raise ValueError(message(owner, "position", "be before that of BaseFinetuning", "a later one", remedy))
    if is_among(trainer, "StochasticWeightAveraging"):
        remedy = "It sets rates of its own from swa_epoch_start on; WeightAveraging averages without."
        raise ValueError(message(owner, "callbacks", _LEAVE, "StochasticWeightAveraging", remedy))
    epochs = epoch_bound(trainer)
    for other in _named(trainer, "BackboneFinetuning"):
        if epochs is None or epochs > other.unfreeze_backbone_at_epoch + 1:
            remedy = "It sets the rate of its group in every epoch after the first; BaseFinetuning only adds the group."
            raise ValueError(message(owner, "callbacks", _LEAVE, "BackboneFinetuning", remedy))


def claim_rates(owner: str, trainer: "pl.Trainer", callback: "pl.Callback", *, replace_existing: bool) -> None:
    """Refuse a run whose optimizers have a scheduler, returned to Lightning or kept aside; or remove it.

    Args:
        owner: The callback that drives the rates.
        trainer: At ``on_fit_start``, before a checkpoint's groups replace the code's.
        callback: Itself.
        replace_existing: Whether schedulers are removed, where that leaves rates to start from.

    Raises:
        ValueError: Names the first scheduler found; or as ``refuse_rivals`` does.
    """
    refuse_rivals(owner, trainer, callback)
    configs = trainer.lr_scheduler_configs
    found = [type(config.scheduler).__name__ for config in configs] + attached_schedulers(trainer.optimizers)
    if not replace_existing:
        refuse_schedulers(owner, found)
    if not found:
        return
    groups = [group for optimizer in trainer.optimizers for group in optimizer.param_groups]
    if set(_RUINS) & set(found) or any("max_lr" in group or "max_momentum" in group for group in groups):
        _refuse(owner, found[0], "that overwrites the rates it finds")
    if is_among(trainer, "LearningRateFinder"):
        _refuse(owner, found[0], "where LearningRateFinder sets the rate")
    configs.clear()
    say(owner, f"drives the rates in place of {found[0]}.")


def is_among(trainer: "pl.Trainer", name: str, before: "pl.Callback | None" = None) -> bool:
    """Tell whether a callback of the class ``name`` is in the Trainer, or in its list before another.

    By name, for either distribution's class may be in either's Trainer.
    """
    return bool(_named(trainer, name, before))


def _named(trainer: "pl.Trainer", name: str, before: "pl.Callback | None" = None) -> list[Any]:
    callbacks = trainer.callbacks  # type: ignore[attr-defined]  # set by the callback connector
    end = next((index for index, other in enumerate(callbacks) if other is before), None)
    return [other for other in callbacks[:end] if any(base.__name__ == name for base in type(other).__mro__)]


def _refuse(owner: str, found: str, which: str) -> None:
    raise ValueError(
        message(owner, "configure_optimizers", f"{_CONDITION} {which}", found, "Return the optimizer alone.")
    )
