"""The optimizers of a fit as soon as they are made.

Lightning makes them after every ``setup`` and before every ``on_fit_start``, and has no callback hook between; what
must be true of the rates before any callback reads them has to be done there.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, final

from lightning_regkit._lightning._namespace import pl
from lightning_regkit._lightning._override import Override

if TYPE_CHECKING:
    from torch.optim import Optimizer

__all__ = ["OptimizerSeam", "optimizers_in"]


def optimizers_in(configured: Any) -> "list[Optimizer]":
    """List the optimizers in whatever form ``configure_optimizers`` returned them, in Lightning's order."""
    if configured is None:
        return []
    optimizers, _, _ = pl.core.optimizer._configure_optimizers(configured)  # noqa: SLF001  # nowhere public
    return list(optimizers)


@final
class OptimizerSeam:
    """Shows a callback the optimizers each time ``configure_optimizers`` has made them.

    Args:
        on_optimizers: Called with the Trainer and the optimizers, before a checkpoint's state replaces theirs.
    """

    def __init__(self, on_optimizers: "Callable[[pl.Trainer, list[Optimizer]], None]") -> None:
        self._on_optimizers = on_optimizers
        self._trainer: pl.Trainer | None = None
        self._record: Override | None = None

    def attach(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        """Start at ``setup``."""
        self.detach()
        self._trainer = trainer
        self._record = Override.push(pl_module, "configure_optimizers", self._configure)

    def detach(self) -> None:
        """Stop; harmless when not started."""
        if self._record is not None:
            self._record.pop(self._configure)
        self._record = self._trainer = None

    def _configure(self, inner: Callable[[], Any]) -> Any:
        configured = inner()
        if self._trainer is not None:
            self._on_optimizers(self._trainer, optimizers_in(configured))
        return configured
