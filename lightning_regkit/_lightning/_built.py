"""The layers of a module as soon as all of them are there.

A module may make layers in its own ``setup``, which Lightning calls after the callbacks' ``setup``, and in
``configure_model``, called after that and only where it is overridden; both come before optimizers, before a
checkpoint is loaded, and before a strategy wraps anything. Lightning has no callback hook there.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, final

from lightning_regkit._lightning._override import Override

if TYPE_CHECKING:
    from lightning_regkit._lightning._namespace import pl

__all__ = ["BuiltSeam"]

#: The class of either distribution whose ``configure_model`` does nothing.
HOOKS: Final = "ModelHooks"


@final
class BuiltSeam:
    """Shows a callback the module once in each stage, when it has made its layers.

    Args:
        on_built: Bound method of the callback, called with the module.
    """

    def __init__(self, on_built: "Callable[[pl.LightningModule], None]") -> None:
        self._on_built = on_built
        self._module: pl.LightningModule | None = None
        self._record: Override | None = None

    def attach(self, pl_module: "pl.LightningModule") -> None:
        """Start at ``setup``."""
        self.detach()
        self._module = pl_module
        owner = next(cls for cls in type(pl_module).__mro__ if "configure_model" in vars(cls))
        name = "setup" if owner.__name__ == HOOKS else "configure_model"
        self._record = Override.push(pl_module, name, self._build)

    def detach(self) -> None:
        """Stop; harmless when not started."""
        if self._record is not None:
            self._record.pop(self._build)
        self._record = self._module = None

    def _build(self, inner: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        built = inner(*args, **kwargs)
        module = self._module
        self.detach()
        if module is not None:
            self._on_built(module)
        return built
