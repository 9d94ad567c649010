"""Which weights of a module are penalized."""

import difflib
from collections.abc import Sequence
from fnmatch import fnmatchcase

from torch import nn

from lightning_regkit._checks import message

__all__ = ["select_parameters"]

_SHOWN = 3


def select_parameters(
    module: nn.Module, patterns: str | Sequence[str] | None = None, *, owner: str = "regularizers.select_parameters"
) -> list[nn.Parameter]:
    """Choose floating parameters of a module by name, or those that are matrices and more.

    Args:
        module: Any module; not modified.
        patterns: Shell-style patterns of whole names, as in ``fnmatch``; ``*`` also matches dots. A parameter under
            several names is chosen by any of them. ``None`` takes every parameter of two or more dimensions: weights of
            linear, convolutional and embedding layers, but no bias and no scale of a normalization layer.
        owner: Public name of what the user called.

    Returns:
        The chosen parameters, tied ones once, in the module's order; at least one. Frozen ones are among them.

    Raises:
        TypeError: ``patterns`` is neither a string nor a sequence of strings.
        ValueError: There is no pattern, or one matches nothing.

    Example:
        >>> net = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
        >>> [tuple(parameter.shape) for parameter in select_parameters(net)]
        [(2, 3)]
        >>> [tuple(parameter.shape) for parameter in select_parameters(net, "1.*")]
        [(2,), (2,)]
    """
    named = [(n, p) for n, p in module.named_parameters(remove_duplicate=False) if p.is_floating_point()]
    if patterns is None:
        found = [parameter for _, parameter in named if parameter.ndim > 1]
        if not found:
            condition, remedy = "choose a parameter", "None has two dimensions; name the ones to penalize."
            raise ValueError(message(owner, "parameters", condition, patterns, remedy))
    else:
        found = _matching(owner, named, _patterns(owner, patterns))
    return list(dict.fromkeys(found))


def _patterns(owner: str, patterns: str | Sequence[str]) -> list[str]:
    given = [patterns] if isinstance(patterns, str) else patterns
    if not isinstance(given, list | tuple) or not all(isinstance(pattern, str) for pattern in given):
        raise TypeError(message(owner, "parameters", "be a name pattern or a sequence of them", patterns))
    if not given:
        raise ValueError(message(owner, "parameters", "hold at least one name pattern", patterns))
    return list(given)


def _matching(owner: str, named: list[tuple[str, nn.Parameter]], patterns: list[str]) -> list[nn.Parameter]:
    names = [name for name, _ in named]
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            close = difflib.get_close_matches(pattern, names, n=_SHOWN, cutoff=0.5)
            remedy = f"{'Close' if close else 'The first are'}: {', '.join(close or names[:_SHOWN])}."
            raise ValueError(message(owner, "parameters", "match a parameter of the module", pattern, remedy))
    return [parameter for name, parameter in named if any(fnmatchcase(name, pattern) for pattern in patterns)]
