"""Base learning rates of every parameter group, writing scaled ones, and refusing a second hand that writes."""

from typing import TYPE_CHECKING, Any, final

from torch import Tensor
from torch.optim import Optimizer

from lightning_regkit._checks import message

if TYPE_CHECKING:
    from lightning_regkit._lightning._namespace import pl

__all__ = ["Rates", "refuse_schedulers"]


def refuse_schedulers(owner: str, trainer: "pl.Trainer") -> None:
    """Refuse a run whose optimizers have a scheduler, returned to Lightning or kept aside.

    Args:
        owner: The callback that drives the rates.
        trainer: At ``on_fit_start``, before a checkpoint's groups replace the code's.

    Raises:
        ValueError: Names the first scheduler found.
    """
    found = [type(config.scheduler).__name__ for config in trainer.lr_scheduler_configs]
    groups = [group for optimizer in trainer.optimizers for group in optimizer.param_groups]
    if any("initial_lr" in group for group in groups):  # torch's schedulers leave it when they attach themselves
        found.append("a torch scheduler attached to the optimizer")
    if found:
        remedy = f"Return the optimizer alone, or remove {owner}."
        condition = "make no learning-rate scheduler"
        raise ValueError(message(owner, "configure_optimizers", condition, found[0], remedy))


@final
class Rates:
    """The rates the code asked for, one list an optimizer; read before a checkpoint overwrites them.

    Args:
        optimizers: The optimizers of the run, in Lightning's order.
    """

    def __init__(self, optimizers: list[Optimizer]) -> None:
        self._optimizers = optimizers
        self._base: list[list[float]] = [[float(group["lr"]) for group in o.param_groups] for o in optimizers]

    def write(self, index: int, factor: float) -> None:
        """Set every group of optimizer ``index`` to its base rate times ``factor``.

        A group added since (fine-tuning unfreezes layers this way) has the rate it came with as its base.
        """
        groups, base = self._optimizers[index].param_groups, self._base[index]
        base.extend(float(group["lr"]) for group in groups[len(base) :])
        for group, base_lr in zip(groups, base, strict=True):
            _write(group, base_lr * factor)


def _write(group: dict[str, Any], lr: float) -> None:
    if isinstance(group["lr"], Tensor):  # captured or compiled optimizers hold the rate in a tensor of their graph
        group["lr"].fill_(lr)
    else:
        group["lr"] = lr
