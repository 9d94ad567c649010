"""timm's optimizers as entries, made when asked for: importing this module does not import timm."""

import inspect
from importlib import import_module
from typing import Any, Final

from lightning_regkit._checks import message
from lightning_regkit.optim._entry import OptimizerEntry

__all__ = ["PREFIX", "SHORT", "is_timm", "timm_entry", "timm_names"]

PREFIX: Final = "timm/"
SHORT: Final = ("lamb", "lars", "lion")
# MADGRAD divides by a cube root; LARS adapts only what decays, and its paper scales the rate linearly.
_GROWS_WITH_GRADIENT: Final = ("sgd", "momentum", "nesterov", "lars", "larc", "madgrad")
_MOMENTUM: Final = 0.9
# Without it timm's kron warns, works, and takes far more memory.
_WANTS_EINSUM: Final = "kron"


def timm_names() -> list[str]:
    """List ``timm/<name>`` of everything in timm's registry that is first order and needs no other package."""
    timm = import_module("timm.optim")
    infos = {name: timm.get_optimizer_info(name) for name in timm.list_optimizers()}
    return [
        f"{PREFIX}{name}"
        for name, info in infos.items()
        if not info.second_order and not isinstance(info.opt_class, str)
    ]


def is_timm(name: str) -> bool:
    """Whether ``name`` is a short name or ``timm/<name>`` with a name in timm's registry, usable here or not."""
    if name in SHORT:
        return True
    return name.startswith(PREFIX) and name.removeprefix(PREFIX) in import_module("timm.optim").list_optimizers()


def timm_entry(owner: str, name: str) -> OptimizerEntry:
    """Return the entry of a name for which ``is_timm`` holds, or refuse in the words of ``owner``.

    The class is the one in timm's registry, with the options timm's ``create_optimizer_v2`` gives it: those of the
    registry, and momentum 0.9 where it has momentum. Rate and weight decay are the defaults of the class.
    """
    timm = import_module("timm.optim")
    key = name.removeprefix(PREFIX)
    info = timm.get_optimizer_info(key)
    if info.second_order:
        remedy = "It needs backward(create_graph=True): make it by hand, with manual optimization."
        raise ValueError(message(owner, "name", "be a first-order optimizer", name, remedy))
    optimizer_class = _class(owner, name, key)
    momentum = {"momentum": _MOMENTUM} if info.has_momentum else {}
    return OptimizerEntry(
        name=f"{PREFIX}{key}",
        optimizer_class=optimizer_class,
        lr=_default(optimizer_class, "lr"),
        weight_decay=_default(optimizer_class, "weight_decay"),
        summary=info.description + ("; install opt_einsum for it" if key.startswith(_WANTS_EINSUM) else ""),
        reference="named in the docstring of the class",
        options=tuple((momentum | (info.defaults or {})).items()),
        aliases=(key,) if key in SHORT else (),
        is_adaptive=not any(part in key for part in _GROWS_WITH_GRADIENT),
    )


def _class(owner: str, name: str, key: str) -> Any:  # noqa: ANN401  # timm's registry is not typed
    try:
        return import_module("timm.optim").get_optimizer_class(key, bind_defaults=False)
    except (AssertionError, ImportError) as reason:  # what timm raises for apex and bitsandbytes
        raise ValueError(message(owner, "name", "be an optimizer that loads here", name, f"{reason}.")) from reason


def _default(optimizer_class: type, argument: str) -> float | None:
    default = inspect.signature(optimizer_class).parameters[argument].default
    # timm's own AdaFactor has None, and its SGDP a marker for "required".
    return float(default) if isinstance(default, int | float) else None
