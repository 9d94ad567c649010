"""Optimizers of the user's own, beside the built-in ones."""

from typing import Final

from lightning_regkit._checks import message
from lightning_regkit.optim._builtin import BUILTIN
from lightning_regkit.optim._entry import OptimizerEntry
from lightning_regkit.optim._later_entries import CAME_WITH
from lightning_regkit.optim._timm import PREFIX, SHORT

__all__ = ["REGISTERED", "register", "unregister"]

#: By name, without aliases.
REGISTERED: Final[dict[str, OptimizerEntry]] = {}

_RESERVED: Final = frozenset(
    {*SHORT, *CAME_WITH, *(key for entry in BUILTIN for key in (entry.name, *entry.aliases))},
)


def register(entry: OptimizerEntry) -> OptimizerEntry:
    """Make an optimizer of your own known to ``create``, ``names`` and ``describe``.

    Args:
        entry: The optimizer as data. Its name and aliases must be free; an entry that is registered already and equal
            to it is left as it is.

    Returns:
        ``entry`` itself; ``describe(entry.name)`` returns it from now on, in this process.

    Raises:
        TypeError: ``entry`` is not an ``OptimizerEntry``.
        ValueError: A name is built in, timm's, has a slash, or is registered with another entry.

    Example:
        >>> import torch
        >>> import lightning_regkit as rk
        >>> class SignSGD(torch.optim.SGD): ...
        >>> entry = rk.optim.OptimizerEntry("signsgd", SignSGD, 1e-3, 0.0, "p <- p - lr sign(g)", "Bernstein 2018")
        >>> rk.optim.register(entry).name in rk.optim.names("sign*")
        True
        >>> type(rk.optim.create(torch.nn.Linear(2, 1), "signsgd")).__name__
        'SignSGD'
        >>> _ = rk.optim.unregister("signsgd")
    """
    if not isinstance(entry, OptimizerEntry):
        raise TypeError(message("optim.register", "entry", "be an OptimizerEntry", type(entry)))
    if REGISTERED.get(entry.name) == entry:
        return entry
    own = {key for other in REGISTERED.values() for key in (other.name, *other.aliases)}
    for key in (entry.name, *entry.aliases):
        if key in _RESERVED or key.startswith(PREFIX):
            raise ValueError(message("optim.register", "name", "be none that is built in", key))
        if "/" in key:
            raise ValueError(
                message("optim.register", "name", "hold no slash, behind which names() does not look", key)
            )
        if key in own:
            remedy = "Call unregister first to replace it."
            raise ValueError(message("optim.register", "name", "be none that is registered", key, remedy))
    REGISTERED[entry.name] = entry
    return entry


def unregister(name: str) -> OptimizerEntry:
    """Take an optimizer of your own out again.

    Args:
        name: The name it was registered with; aliases go with it.

    Returns:
        The entry that was registered.

    Raises:
        ValueError: No optimizer of yours has this name.

    Example:
        >>> import lightning_regkit as rk
        >>> rk.optim.unregister("sgd")
        Traceback (most recent call last):
        ...
        ValueError: optim.unregister: name must be one given to register, got 'sgd'.
    """
    if name not in REGISTERED:
        raise ValueError(message("optim.unregister", "name", "be one given to register", name))
    return REGISTERED.pop(name)
