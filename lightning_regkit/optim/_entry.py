"""What the registry knows about one optimizer."""

import inspect
from dataclasses import dataclass
from typing import final

from torch.optim import Optimizer
from typing_extensions import override

__all__ = ["OptimizerEntry"]

_OWN_ARGUMENTS = ("params", "lr", "weight_decay")


@final
@dataclass(frozen=True)
class OptimizerEntry:
    """One optimizer as data: its torch class, our defaults, and where it comes from.

    Args:
        name: Registered name, lower case.
        optimizer_class: Class that is instantiated.
        lr: Learning rate when the caller gives none, > 0.
        weight_decay: Weight decay of the decaying group when the caller gives none, >= 0.
        summary: The update in one line.
        reference: Paper and equation, with what torch does differently.
        options: Pairs of option and value that make this entry; the caller's options win over them.
        aliases: Other names of the same entry.

    Returns:
        An immutable, hashable value; ``str`` of it is a text for people.

    Example:
        >>> import lightning_regkit as rk
        >>> entry = rk.optim.describe("adamw")
        >>> entry.optimizer_class.__name__, entry.lr, entry.weight_decay
        ('AdamW', 0.001, 0.01)
    """

    name: str
    optimizer_class: type[Optimizer]
    lr: float
    weight_decay: float
    summary: str
    reference: str
    options: tuple[tuple[str, object], ...] = ()
    aliases: tuple[str, ...] = ()

    def accepted(self) -> dict[str, object]:
        """Options besides ``lr`` and ``weight_decay``, with the value each has when the caller does not give it.

        Returns:
            Option to default, in the order of the torch signature; a new dict on every call.

        Example:
            >>> import lightning_regkit as rk
            >>> rk.optim.describe("nesterov").accepted()["momentum"]
            0.9
        """
        signature = inspect.signature(self.optimizer_class)
        defaults = {key: parameter.default for key, parameter in signature.parameters.items()}
        return {key: value for key, value in (defaults | dict(self.options)).items() if key not in _OWN_ARGUMENTS}

    @override
    def __str__(self) -> str:
        defaults = {"lr": self.lr, "weight_decay": self.weight_decay, **self.accepted()}
        lines = [
            f"{self.name}: {self.optimizer_class.__module__}.{self.optimizer_class.__qualname__}",
            f"  {self.summary}",
            f"  defaults: {', '.join(f'{key}={value}' for key, value in defaults.items())}",
            *([f"  aliases: {', '.join(self.aliases)}"] if self.aliases else []),
            f"  reference: {self.reference}",
        ]
        return "\n".join(lines)
