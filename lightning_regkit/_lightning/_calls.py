"""What a call of a predictor takes and gives: its inputs among the arguments, its logits in the output."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from lightning_regkit._checks import message
from lightning_regkit._lightning._containers import Path, children, description, get, put
from lightning_regkit._lightning._layout import INPUT_KEYS

__all__ = ["inputs_of_call", "logits_of", "with_logits"]


def inputs_of_call(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Path | None:
    """Find the inputs of a call: the first positional argument, else the one keyword with a usual name.

    Args:
        args: Positional arguments.
        kwargs: Keyword arguments.

    Returns:
        Path into ``(args, kwargs)``; None where there is no such tensor.
    """
    named = [key for key in INPUT_KEYS if key in kwargs]
    if not args and len(named) != 1:
        return None
    path: Path = (0, 0) if args else (1, named[0])
    return path if isinstance(get((args, kwargs), path), Tensor) else None


def logits_of(output: Any, owner: str, logits_key: str) -> Tensor:
    """Read the logits: the tensor itself, the first item of a sequence, or a mapping's entry.

    Args:
        output: What the predictor returned.
        owner: The callback's name, for messages.
        logits_key: Where they are in a mapping.

    Returns:
        Logits (N, K), the object in ``output``.

    Raises:
        ValueError: A mapping has no such entry.
        TypeError: What lies there is no tensor.
    """
    path, entries = _path(output, logits_key), list(children(output))
    if entries and path[0] not in entries:
        remedy = "It names the predictor's logits."
        raise ValueError(message(owner, "logits_key", f"be one of {entries}", logits_key, remedy))
    logits = get(output, path) if entries else output
    if not isinstance(logits, Tensor):
        raise TypeError(f"{owner}: the predictor must return logits, got {description(logits)}.")
    return logits


def with_logits(output: Any, logits_key: str, logits: Tensor) -> Any:
    """Put averaged logits into the predictor's own container.

    Args:
        output: What the predictor returned for one of the views.
        logits_key: Where its logits are in a mapping.
        logits: The average.

    Returns:
        A container of the same type; its other entries belong to one view, so they are None.
    """
    path = _path(output, logits_key)
    if not path:
        return logits
    for key in list(children(output)):
        output = put(output, (key,), None)
    return put(output, path, logits)


def _path(output: Any, logits_key: str) -> Path:
    if isinstance(output, Tensor):
        return ()
    return tuple(children(output))[:1] if isinstance(output, list | tuple) else (logits_key,)
