"""What the registry knows about one optimizer."""

import inspect
from dataclasses import dataclass
from typing import final

from torch.optim import Optimizer
from typing_extensions import override

from lightning_regkit._checks import message, non_negative_float, positive_float

__all__ = ["OptimizerEntry"]

_OWNER = "OptimizerEntry"
_OWN_ARGUMENTS = ("params", "lr", "weight_decay")


@final
@dataclass(frozen=True)
class OptimizerEntry:
    """One optimizer as data: its torch class, our defaults, where it comes from, and what it asks of the loop.

    Args:
        name: Registered name, lower case.
        optimizer_class: Class that is instantiated.
        lr: Learning rate when the caller gives none, > 0; ``None`` if the caller must give one.
        weight_decay: Weight decay of what decays when the caller gives none, >= 0; ``None`` if the class has none.
        summary: The update in one line.
        reference: Paper and equation, with what torch does differently.
        options: Pairs of option and value that make this entry; the caller's options win over them.
        aliases: Other names of the same entry.
        needs_closure: Whether ``step`` must be given a function that computes the loss again.
        is_adaptive: Whether the update stays the same when every gradient is multiplied by one constant.
        is_decoupled: Whether weight decay shrinks the weights directly (``True``) or is added to the gradient
            (``False``); ``None`` where there is none or it is not recorded.
        has_groups: Whether more than one parameter group is taken.
        ndim: Number of dimensions every parameter must have; ``None`` for any.

    Returns:
        An immutable, hashable value; ``str`` of it is a text for people.

    Raises:
        TypeError: ``optimizer_class`` is no torch optimizer, or an argument is of the wrong kind.
        ValueError: ``name`` is not lower case, or a number is out of range.

    Example:
        >>> import lightning_regkit as rk
        >>> entry = rk.optim.describe("adamw")
        >>> entry.optimizer_class.__name__, entry.lr, entry.weight_decay
        ('AdamW', 0.001, 0.01)
        >>> entry.is_adaptive, entry.is_decoupled
        (True, True)
    """

    name: str
    optimizer_class: type[Optimizer]
    lr: float | None
    weight_decay: float | None
    summary: str
    reference: str
    options: tuple[tuple[str, object], ...] = ()
    aliases: tuple[str, ...] = ()
    needs_closure: bool = False
    is_adaptive: bool = False
    is_decoupled: bool | None = None
    has_groups: bool = True
    ndim: int | None = None

    def __post_init__(self) -> None:
        for name in (self.name, *self.aliases):
            if not isinstance(name, str):
                raise TypeError(message(_OWNER, "name", "be a string", name))
            if not name.islower():
                raise ValueError(message(_OWNER, "name", "be in lower case", name))
        if not _is_optimizer(self.optimizer_class):
            raise TypeError(message(_OWNER, "optimizer_class", "be a torch.optim.Optimizer", self.optimizer_class))
        if self.lr is not None:
            positive_float(_OWNER, "lr", self.lr)
        if self.weight_decay is not None:
            non_negative_float(_OWNER, "weight_decay", self.weight_decay)

    def accepted(self) -> dict[str, object]:
        """Options besides ``lr`` and ``weight_decay``, with the value each has when the caller does not give it.

        Returns:
            Option to default, in the order of the torch signature; a new dict on every call. ``foreach`` or ``fused``
            is among them if and only if the class has that implementation.

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
        own = {"lr": self.lr, "weight_decay": self.weight_decay}
        defaults = {key: value for key, value in own.items() if value is not None} | self.accepted()
        lines = [
            f"{self.name}: {self.optimizer_class.__module__}.{self.optimizer_class.__qualname__}",
            f"  {self.summary}",
            f"  defaults: {', '.join(f'{key}={value}' for key, value in defaults.items())}",
            *([f"  notes: {'; '.join(notes)}"] if (notes := self._notes()) else []),
            *([f"  aliases: {', '.join(self.aliases)}"] if self.aliases else []),
            f"  reference: {self.reference}",
        ]
        return "\n".join(lines)

    def _notes(self) -> list[str]:
        notes = {
            "adaptive": self.is_adaptive,
            "decoupled weight decay": self.is_decoupled is True,
            "coupled weight decay": self.is_decoupled is False,
            "no weight decay": self.weight_decay is None,
            "lr must be given": self.lr is None,
            "step needs a closure": self.needs_closure,
            "one parameter group": not self.has_groups,
            f"parameters of {self.ndim} dimensions only": self.ndim is not None,
        }
        return [note for note, is_true in notes.items() if is_true]


def _is_optimizer(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Optimizer)
