"""Which modules are the predictor, and what a call of one takes and gives: inputs among the arguments, logits out."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from torch import Tensor, nn

from lightning_regkit._checks import message
from lightning_regkit._lightning._containers import Path, children, description, get, put
from lightning_regkit._lightning._layout import INPUT_KEYS, is_images

__all__ = ["Images", "inputs_of_call", "logits_of", "predictors", "with_logits"]

#: Images (B, C, H, W), or any other inputs (B, ...); or a list of B images (C, H, W) of unequal size.
Images: TypeAlias = Tensor | Sequence[Tensor]


def predictors(owner: str, module: nn.Module, name: str | None) -> list[nn.Module]:
    """List the modules that map inputs to logits: the root, and the direct child that holds all parameters.

    Args:
        owner: The callback's name, for messages.
        module: The root.
        name: Dotted name of the one submodule to take instead; None for none.

    Raises:
        ValueError: ``name`` names no submodule.
    """
    if name is None:
        all_of = {id(parameter) for parameter in module.parameters()}
        whole = [child for child in module.children() if all_of <= {id(each) for each in child.parameters()}]
        return [module, *(whole if all_of else [])]
    try:
        return [module.get_submodule(name)]
    except AttributeError:
        remedy = f"Submodules: {', '.join(name for name, _ in module.named_modules() if name)}."
        raise ValueError(message(owner, "predictor", "name a submodule", name, remedy)) from None


def inputs_of_call(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Path | None:
    """Find the inputs of a call: the first positional argument, else the one keyword with a usual name.

    Args:
        args: Positional arguments.
        kwargs: Keyword arguments.

    Returns:
        Path into ``(args, kwargs)``; None where there is no such tensor, and no list of images.
    """
    named = [key for key in INPUT_KEYS if key in kwargs]
    if not args and len(named) != 1:
        return None
    path: Path = (0, 0) if args else (1, named[0])
    found = get((args, kwargs), path)
    return path if isinstance(found, Tensor) or is_images(found) else None


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
        remedy = "Name the one to average: readout=Readout(logits_key=)."
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
