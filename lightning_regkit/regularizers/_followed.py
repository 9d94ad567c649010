"""A layer with noise after it, in the layer's own place."""

from functools import cache
from itertools import count
from typing import Any, Final, TypeVar

import torch
from torch import nn
from torch.nn.modules.lazy import LazyModuleMixin

from lightning_regkit._checks import message

__all__ = ["followed_by", "kind_of", "last_noise"]

OWNER: Final = "regularizers.followed_by"
NAMES: Final = "_names_of_noise"

Layer = TypeVar("Layer", bound=nn.Module)


def followed_by(layer: Layer, noise: nn.Module) -> Layer:
    """Make a layer that computes noise(layer(x)), and takes the place of ``layer`` without renaming anything.

    A ``nn.Sequential`` of the two would rename the weights, so that no checkpoint fits. This is a twin of the layer: of
    a class derived from the layer's own, with the same parameters, buffers and hooks in the same dictionaries, and the
    noise as one more submodule, without state. What the twin learns, the layer knows. Copies and pickles of the twin
    have weights and noise of their own.

    Args:
        layer: Any layer that returns one tensor; stays as it is.
        noise: Applied to what it returns, such as ``nn.Dropout2d(0.1)``; it gets the layer's mode.

    Returns:
        The twin. It may be followed again.

    Raises:
        TypeError: One of the two is no module.
        ValueError: ``noise`` has weights or buffers; or ``layer`` does not run its class's ``forward``, being scripted,
            compiled by itself, overridden, or not yet materialized.

    Example:
        >>> net = nn.Sequential(nn.Linear(2, 2))
        >>> net[0] = followed_by(net[0], nn.Dropout(0.1))
        >>> list(net.state_dict()), isinstance(net[0], nn.Linear)
        (['0.weight', '0.bias'], True)
    """
    _check(layer, noise)
    taken = {*dir(layer)}
    child = next(name for name in (f"noise{index or ''}" for index in count()) if name not in taken)
    base, children = _origin(layer)
    twin = _empty(base, (*children, child))
    vars(twin).update(vars(layer))
    vars(twin)["_modules"] = {**vars(layer)["_modules"], child: noise.train(layer.training)}
    return twin


def last_noise(layer: nn.Module) -> nn.Module | None:
    """Return the noise that was put after a layer last; None where there is none."""
    _, children = _origin(layer)
    return layer.get_submodule(children[-1]) if children else None


def kind_of(layer: nn.Module) -> str:
    """Name the class of a layer, whatever follows it."""
    return _origin(layer)[0].__name__


def _check(layer: object, noise: object) -> None:
    for argument, value in (("layer", layer), ("noise", noise)):
        if not isinstance(value, nn.Module):
            raise TypeError(message(OWNER, argument, "be a module", value))
    assert isinstance(layer, nn.Module) and isinstance(noise, nn.Module)  # noqa: PT018, S101  # for the type checker
    if noise.state_dict():
        raise ValueError(message(OWNER, "noise", "have no weights or buffers", list(noise.state_dict())))
    own = {"forward", "_compiled_call_impl"} & {name for name, value in vars(layer).items() if value is not None}
    if own or isinstance(layer, torch.jit.ScriptModule):
        condition = "run the forward of its class, not a compiled, scripted or overridden one"
        remedy = "Compile the network that holds it."
        raise ValueError(message(OWNER, "layer", condition, type(layer).__name__, remedy))
    if isinstance(layer, LazyModuleMixin):
        remedy = "Send one batch through the network before the fit."
        condition = "know the size of its inputs"
        raise ValueError(message(OWNER, "layer", condition, type(layer).__name__, remedy))  # noqa: TRY004  # its state


def _origin(layer: Layer) -> tuple[type[Layer], tuple[str, ...]]:
    """Return the class before any noise, and the names of the noises after it."""
    children: tuple[str, ...] = vars(type(layer)).get(NAMES, ())
    return type(layer).__mro__[1] if children else type(layer), children


def _empty(base: type[Layer], children: tuple[str, ...]) -> Layer:
    twin: Layer = object.__new__(_class(base, children))  # type: ignore[arg-type]  # a class is hashable
    return twin


@cache
def _class(base: type[nn.Module], children: tuple[str, ...]) -> Any:  # noqa: ANN401  # a class derived from ``base``
    def forward(self: nn.Module, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  # those of ``base``
        outputs = base.forward(self, *args, **kwargs)
        for child in children:
            outputs = getattr(self, child)(outputs)
        return outputs

    def __reduce_ex__(self: nn.Module, _protocol: object) -> tuple[Any, ...]:  # noqa: N807  # the class has no name
        return _empty, (base, children), self.__getstate__()

    # Of the module of ``base``: to torch.fx a layer of torch is a leaf.
    own = {"forward": forward, "__reduce_ex__": __reduce_ex__, "__module__": base.__module__, NAMES: children}
    return type(f"{base.__name__}WithNoise", (base,), own)
