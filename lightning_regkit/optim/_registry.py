"""Names to entries: look up, list, describe."""

import difflib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Final

from lightning_regkit._checks import message
from lightning_regkit.optim._builtin import BUILTIN
from lightning_regkit.optim._entry import OptimizerEntry

__all__ = ["ENTRIES", "describe", "find", "names"]

ENTRIES: Final[Mapping[str, OptimizerEntry]] = MappingProxyType({entry.name: entry for entry in BUILTIN})
_LOOKUP: Final[Mapping[str, OptimizerEntry]] = MappingProxyType(
    {key: entry for entry in BUILTIN for key in (entry.name, *entry.aliases)}
)


def names(pattern: str = "*") -> list[str]:
    """List the registered names that match a shell-style pattern.

    Args:
        pattern: ``*``, ``?`` and ``[...]`` as in ``fnmatch``; case matters. Aliases are not listed.

    Returns:
        Sorted names, each accepted by ``create`` and ``describe``; empty when nothing matches.

    Raises:
        TypeError: ``pattern`` is not a string.

    Example:
        >>> import lightning_regkit as rk
        >>> rk.optim.names("adam*")
        ['adam', 'adamw']
    """
    if not isinstance(pattern, str):
        raise TypeError(message("optim.names", "pattern", "be a string", pattern))
    return sorted(name for name in ENTRIES if fnmatchcase(name, pattern))


def describe(name: str) -> OptimizerEntry:
    """Return what is registered under a name or an alias; print it to read it.

    Args:
        name: A registered name or an alias.

    Returns:
        The frozen entry itself: torch class, default rate, default weight decay, options, reference.

    Raises:
        TypeError: ``name`` is not a string.
        ValueError: ``name`` is not registered; close matches are named.

    Example:
        >>> import lightning_regkit as rk
        >>> rk.optim.describe("nag").name
        'nesterov'
        >>> print(rk.optim.describe("sgd"))
        sgd: torch.optim.sgd.SGD
          p <- p - lr g
          defaults: lr=0.01, weight_decay=0.0, momentum=0, dampening=0, nesterov=False, ...
          reference: Robbins and Monro 1951, A Stochastic Approximation Method
    """
    return find("optim.describe", name)


def find(owner: str, name: str) -> OptimizerEntry:
    """Return the entry of a name or alias, or refuse in the words of ``owner``."""
    if not isinstance(name, str):
        raise TypeError(message(owner, "name", "be a string", type(name)))
    if name not in _LOOKUP:
        raise ValueError(message(owner, "name", "be a registered optimizer", name, _suggestion(name)))
    return _LOOKUP[name]


def _suggestion(name: str) -> str:
    close = difflib.get_close_matches(name.lower(), _LOOKUP)
    if not close:
        return f"Registered: {', '.join(names())}."
    # One wrong key keeps the length, so the names of that length come first.
    return f"Close: {', '.join(sorted(close, key=lambda other: abs(len(other) - len(name))))}."
