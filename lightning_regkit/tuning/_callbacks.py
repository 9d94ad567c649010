"""The callbacks of a run: those of the user, and those that a space names."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from lightning_regkit import callbacks as ours
from lightning_regkit._checks import message
from lightning_regkit.tuning._space import Value
from lightning_regkit.tuning._twin import twin_of

if TYPE_CHECKING:
    from lightning_regkit._lightning import pl

__all__ = ["made_callbacks"]

OWNER: Final = "tuning.search"

Given: TypeAlias = "Sequence[pl.Callback | Callable[..., pl.Callback]]"


def made_callbacks(callbacks: Given, values: Mapping[str, Value]) -> "list[pl.Callback]":
    """Copy what is made, make what is not, and add what ``Callback.argument`` names beyond that.

    Args:
        callbacks: Of the user: callbacks, or what makes one.
        values: Those of ``Callback.argument`` go to what makes a callback of this name; else to a new one of
            ``rk.callbacks``.

    Returns:
        One of each; those of the user stay as they are.

    Raises:
        TypeError: There is no argument of that name.
        ValueError: A name is not one of this package's callbacks, or that of one that is made already.
    """
    arguments = _by_callback(values)
    names = [_name_of(each) for each in callbacks]
    twins: list[Any] = twin_of(list(callbacks))  # all at once, for what they share they go on to share
    made = [_made(twin, name, arguments) for twin, name in zip(twins, names, strict=True)]
    return made + [_ours(name)(**given) for name, given in arguments.items() if name not in names]


def _by_callback(values: Mapping[str, Value]) -> dict[str, dict[str, Value]]:
    arguments: dict[str, dict[str, Value]] = defaultdict(dict)
    for name, value in values.items():
        kind, dot, argument = name.partition(".")
        if dot and kind not in {"module", "optimizer"}:
            arguments[kind][argument] = value
    return dict(arguments)


def _ours(name: str) -> "Callable[..., pl.Callback]":
    if name not in ours.__all__:
        close = ", ".join(get_close_matches(name, ours.__all__)) or ", ".join(ours.__all__)
        raise ValueError(message(OWNER, "space", "name a callback", name, f"Close: {close}."))
    found: Callable[..., pl.Callback] = getattr(ours, name)
    return found


def _made(twin: Any, name: str, arguments: Mapping[str, Mapping[str, Value]]) -> "pl.Callback":  # noqa: ANN401
    if isinstance(twin, type | FunctionType | partial):
        found: pl.Callback = twin(**arguments.get(name, {}))
        return found
    if name in arguments:
        remedy = f"Pass functools.partial({name}, ...), to which the arguments of the space are added."
        condition = f"hold what makes {name}, whose arguments are searched"
        raise ValueError(message(OWNER, "callbacks", condition, type(twin).__name__, remedy))
    callback: pl.Callback = twin
    return callback


def _name_of(each: Any) -> str:  # noqa: ANN401
    inner = each.func if isinstance(each, partial) else each
    return str(inner.__name__) if isinstance(inner, type | FunctionType) else type(inner).__name__
