"""Which gradients a callback may change before a step, by how much the loss was scaled, and parts of an open window."""

from typing import TYPE_CHECKING, Any

from torch.optim import LBFGS

from lightning_regkit._checks import message
from lightning_regkit._lightning._ranks import CHECKPOINT_KEY, gather

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from lightning_regkit._lightning._namespace import pl

__all__ = ["load_part", "loss_scale", "refuse_closure", "refuse_unsuited", "save_part"]


def refuse_unsuited(owner: str, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
    """Refuse a run whose steps see other gradients than one backward pass of one loss leaves, whole on every rank.

    Args:
        owner: The callback that changes gradients.
        trainer: At ``on_fit_start``.
        pl_module: The module trained.

    Raises:
        ValueError: Manual optimization, sharded parameters, L-BFGS, or a fused optimizer under a loss scaler.
    """
    if not pl_module.automatic_optimization:
        remedy = f"Let Lightning make the steps, or remove {owner}."
        raise ValueError(message(owner, "optimization", "be automatic", "manual", remedy))
    kinds = _kinds(trainer.strategy)
    if not kinds & {"SingleDeviceStrategy", "DDPStrategy"} or "DeepSpeedStrategy" in kinds:
        condition, found = "keep whole parameters on every rank", type(trainer.strategy).__name__
        raise ValueError(message(owner, "strategy", condition, found, 'Use "ddp" or one device.'))
    for optimizer in trainer.optimizers:
        if isinstance(optimizer, LBFGS):
            refuse_closure(owner, optimizer)
        if _scaler(trainer) is not None and any(group.get("fused") for group in optimizer.param_groups):
            condition, remedy = "leave unscaling to the loss scaler", "Pass fused=False."
            raise ValueError(message(owner, "optimizer", condition, f"fused {type(optimizer).__name__}", remedy))


def refuse_closure(owner: str, optimizer: "Optimizer") -> None:
    """Refuse an optimizer that evaluates its closure more than once a step.

    Raises:
        ValueError: Always.
    """
    condition, remedy = "evaluate the loss once a step", "Use SGD or Adam."
    raise ValueError(message(owner, "optimizer", condition, type(optimizer).__name__, remedy))


def loss_scale(trainer: "pl.Trainer") -> float:
    """Return what mixed precision multiplied the losses of this step by; waits for the device."""
    scaler = _scaler(trainer)
    return 1.0 if scaler is None else float(scaler.get_scale())


def save_part(owner: str, trainer: "pl.Trainer", checkpoint: dict[str, Any], part: Any) -> None:
    """Write each rank's part of a state into a checkpoint; a collective."""
    checkpoint.setdefault(CHECKPOINT_KEY, {})[owner] = gather(trainer, part)


def load_part(owner: str, trainer: "pl.Trainer", checkpoint: dict[str, Any]) -> Any:
    """Read this rank's part, or None if there is none or the number of ranks has changed."""
    parts = checkpoint.get(CHECKPOINT_KEY, {}).get(owner, [])
    return parts[trainer.global_rank] if len(parts) == trainer.world_size else None


def _scaler(trainer: "pl.Trainer") -> Any:
    plugin: Any = trainer.precision_plugin
    return plugin.scaler if "MixedPrecision" in _kinds(plugin) else None


def _kinds(value: object) -> set[str]:
    """Return the names of the classes of ``value``: either distribution's may be in either's Trainer."""
    return {base.__name__ for base in type(value).__mro__}
