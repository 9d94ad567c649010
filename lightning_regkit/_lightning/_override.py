"""Layers over one method of one object, undone to the exact previous state.

An instance attribute shadows the class's method. What the object's ``vars`` held under that name before (a compiled
``forward``, the redirection that DDP leaves behind, or nothing) is put back when the last layer goes, in whatever order
layers go. The attribute is the record below and no closure, so copies and pickles of the object get a record of their
own, without layers: an EMA copy runs its own weights and no noise. ``__wrapped__`` shows what the record stands for, so
that Lightning, which asks whether a hook is overridden, gets the answer it got before.
"""

import copy
from collections.abc import Callable
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Self, final

from typing_extensions import override

if TYPE_CHECKING:
    from lightning_regkit._lightning._namespace import pl

__all__ = ["Layer", "Override", "is_listed"]

#: Called as ``layer(inner, *args, **kwargs)``; ``inner`` is what the method was before this layer.
Layer = Callable[..., Any]


def is_listed(trainer: "pl.Trainer", callback: "pl.Callback") -> bool:
    """Tell whether ``callback`` takes part now: trial runs of the finders swap ``trainer.callbacks`` for their own."""
    return any(other is callback for other in trainer.callbacks)  # type: ignore[attr-defined]  # set by a connector


@final
class Override:
    """The layers over ``owner.name``: the lowest level is the innermost, and of one level the first one pushed.

    Args:
        owner: The object whose method is layered.
        name: The method's name.

    Example:
        >>> class Net:
        ...     def forward(self, x):
        ...         return x + 1
        >>> net = Net()
        >>> twice = lambda inner, x: 2 * inner(x)
        >>> override = Override.push(net, "forward", twice)
        >>> net.forward(1)
        4
        >>> override.pop(twice)
        >>> net.forward(1), vars(net)
        (2, {})
    """

    def __init__(self, owner: object, name: str) -> None:
        self._owner = owner
        self._name = name
        self._entry: Callable[..., Any] | None = vars(owner).get(name)
        self._layers: list[tuple[int, Layer]] = []
        self.__wrapped__: Callable[..., Any] = self._entry or getattr(type(owner), name)

    @classmethod
    def push(cls, owner: object, name: str, layer: Layer, level: int = 0) -> Self:
        """Put ``layer`` over those of its level and below, and return the record that takes it off again."""
        record = vars(owner).get(name)
        if not isinstance(record, cls):
            record = cls(owner, name)
            vars(owner)[name] = record  # not setattr: a compiled module forwards that to the module inside
        record._layers.append((level, layer))
        record._layers.sort(key=itemgetter(0))  # stable
        return record

    def pop(self, layer: Layer) -> None:
        """Take ``layer`` off; with the last one ``vars(owner)`` is as it was. Taking it off twice is harmless."""
        self._layers = [pair for pair in self._layers if pair[1] != layer]
        # Something installed on top of ours since stays; ours below it passes everything through.
        if not self._layers and vars(self._owner).get(self._name) is self:
            if self._entry is None:
                del vars(self._owner)[self._name]
            else:
                vars(self._owner)[self._name] = self._entry

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the method through every layer."""
        call = self._entry or partial(self.__wrapped__, self._owner)
        for _, layer in self._layers:
            call = partial(layer, call)
        return call(*args, **kwargs)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        twin = object.__new__(type(self))
        memo[id(self)] = twin
        vars(twin).update({key: copy.deepcopy(value, memo) for key, value in self.__getstate__().items()})
        return twin

    @override
    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_layers": []}
