"""Names to entries: look up, list, describe."""

import difflib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from itertools import takewhile
from types import MappingProxyType
from typing import Final

import torch

from lightning_regkit._checks import message
from lightning_regkit.optim._builtin import BUILTIN
from lightning_regkit.optim._entry import OptimizerEntry
from lightning_regkit.optim._later_entries import CAME_WITH
from lightning_regkit.optim._register import REGISTERED
from lightning_regkit.optim._timm import PREFIX, SHORT, is_timm, timm_entry, timm_names

__all__ = ["ENTRIES", "describe", "find", "names"]

ENTRIES: Final[Mapping[str, OptimizerEntry]] = MappingProxyType({entry.name: entry for entry in BUILTIN})
_SHOWN: Final = 3


def names(pattern: str = "*") -> list[str]:
    """List the names that match a shell-style pattern.

    As in a folder, ``*`` does not look behind a slash: ``names()`` lists what is built in, what you registered and the
    short names of timm's; ``names("timm/*")`` lists timm's, and only that imports timm.

    Args:
        pattern: ``*``, ``?`` and ``[...]`` as in ``fnmatch``; case matters. Aliases are not listed.

    Returns:
        Sorted names, each accepted by ``create`` and ``describe``; empty when nothing matches.

    Raises:
        TypeError: ``pattern`` is not a string.

    Example:
        >>> import lightning_regkit as rk
        >>> rk.optim.names("adam*")
        ['adam', 'adamax', 'adamw']
        >>> rk.optim.names("timm/la*")[:2]
        ['timm/lamb', 'timm/lambc']
    """
    if not isinstance(pattern, str):
        raise TypeError(message("optim.names", "pattern", "be a string", pattern))
    pool = timm_names() if "/" in pattern else (*ENTRIES, *REGISTERED, *SHORT)
    return sorted(name for name in pool if fnmatchcase(name, pattern))


def describe(name: str) -> OptimizerEntry:
    """Return what is registered under a name or an alias; print it to read it.

    Args:
        name: A registered name or an alias.

    Returns:
        The frozen entry itself: torch class, default rate, default weight decay, options, reference.

    Raises:
        TypeError: ``name`` is not a string.
        ValueError: ``name`` is not registered, with close matches; or it cannot be used here, with the reason.

    Example:
        >>> import lightning_regkit as rk
        >>> rk.optim.describe("nag").name
        'nesterov'
        >>> print(rk.optim.describe("sgd"))
        sgd: torch.optim.sgd.SGD
          p <- p - lr g
          defaults: lr=0.01, weight_decay=0.0, momentum=0, dampening=0, nesterov=False, ...
          notes: coupled weight decay
          reference: Robbins and Monro 1951, A Stochastic Approximation Method
    """
    return find("optim.describe", name)


def find(owner: str, name: str) -> OptimizerEntry:
    """Return the entry of a name or alias, or refuse in the words of ``owner``."""
    if not isinstance(name, str):
        raise TypeError(message(owner, "name", "be a string", type(name)))
    known = _lookup()
    if name in known:
        return known[name]
    if is_timm(name):
        return timm_entry(owner, name)
    if name in CAME_WITH:
        raise ValueError(message(owner, "name", f"be in torch {torch.__version__}", name, _newer(name)))
    raise ValueError(message(owner, "name", "be a registered optimizer", name, _suggestion(name, [*known, *SHORT])))


def _lookup() -> dict[str, OptimizerEntry]:
    entries = (*BUILTIN, *REGISTERED.values())
    return {key: entry for entry in entries for key in (entry.name, *entry.aliases)}


def _newer(name: str) -> str:
    return f"It came with torch {CAME_WITH[name]}."


def _suggestion(name: str, known: list[str]) -> str:
    key = name.lower()
    if not key.startswith(PREFIX) and is_timm(f"{PREFIX}{key}") and key not in known:
        return f"Close: {PREFIX}{key}."
    close = difflib.get_close_matches(key, timm_names() if key.startswith(PREFIX) else known, n=5)
    if not close:
        return f"Registered: {', '.join(names())}; timm's: see names('{PREFIX}*')."
    # The beginning is typed with more care than the end, and one wrong key keeps the length.
    close.sort(key=lambda other: (-_shared_start(key, other), abs(len(other) - len(key))))
    return f"Close: {', '.join(close[:_SHOWN])}."


def _shared_start(one: str, other: str) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
