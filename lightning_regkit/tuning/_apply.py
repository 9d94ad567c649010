"""Values of a trial, put where they belong."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from lightning_regkit import callbacks as ours
from lightning_regkit import optim
from lightning_regkit._checks import message
from lightning_regkit._lightning._optimizers import optimizers_in
from lightning_regkit._lightning._override import Override
from lightning_regkit.tuning._space import Value

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from lightning_regkit._lightning import pl

__all__ = ["apply_values", "callbacks_of", "module_of"]

OWNER: Final = "tuning.search"


def module_of(module: object, values: Mapping[str, Value]) -> Any:  # noqa: ANN401  # a LightningModule
    """Make the module of a trial.

    Args:
        module: A module, of which the weights are the start of every trial, or what makes one.
        values: Those of ``module.argument`` are passed to what makes one.

    Raises:
        ValueError: There are some, and nothing to pass them to.
    """
    given = {name.partition(".")[2]: value for name, value in values.items() if name.startswith("module.")}
    if not _is_module(module) and callable(module):
        return module(**given)
    if given:
        remedy = "Pass its class, or a function that makes it."
        raise ValueError(message(OWNER, "module", f"be made with {', '.join(given)}", type(module).__name__, remedy))
    return module


def callbacks_of(values: Mapping[str, Value]) -> "list[pl.Callback]":
    """Make the callbacks that ``Callback.argument`` names, one of each class.

    Raises:
        ValueError: A name is not one of this package's callbacks.
    """
    arguments: dict[str, dict[str, Value]] = defaultdict(dict)
    for name, value in values.items():
        kind, dot, argument = name.partition(".")
        if dot and kind != "module":
            arguments[kind][argument] = value
    made = []
    for kind, given in arguments.items():
        if kind not in ours.__all__:
            close = ", ".join(get_close_matches(kind, ours.__all__)) or ", ".join(ours.__all__)
            raise ValueError(message(OWNER, "space", "name a callback", kind, f"Close: {close}."))
        made.append(getattr(ours, kind)(**given))
    return made


def apply_values(module: "pl.LightningModule", values: Mapping[str, Value]) -> None:
    """Have ``configure_optimizers`` give what the values say, at a constant rate.

    ``lr`` is that of the highest group, the others keep their ratios to it; ``weight_decay`` and ``momentum`` are those
    of every group that has some, or of all where none has. Under manual optimization schedulers stay.

    Args:
        module: A copy; its method is shadowed.
        values: Of the trial.
    """
    Override.push(module, "configure_optimizers", partial(_configure, module, values))


def _configure(
    module: "pl.LightningModule", values: Mapping[str, Value], inner: Callable[[], object]
) -> "object | list[Optimizer]":
    if "optimizer" in values:
        configured: object = optim.create(module, str(values["optimizer"]))
    else:
        configured = inner()
    optimizers = optimizers_in(configured)
    for optimizer in optimizers:
        _write(optimizer.param_groups, values)
    return optimizers if module.automatic_optimization and optimizers else configured


def _write(groups: list[dict[str, Any]], values: Mapping[str, Value]) -> None:
    if "lr" in values:
        factor = _number(values["lr"]) / max(float(group["lr"]) for group in groups)
        for group in groups:
            group["lr"] = float(group["lr"]) * factor
    for name in ("weight_decay", "momentum"):
        if name in values:
            has_any = any(group.get(name) for group in groups)
            for group in groups:
                if group.get(name) or not has_any:
                    group[name] = _number(values[name])


def _number(value: Value) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(message(OWNER, "space", "give numbers for options of the optimizer", value))
    return float(value)


def _is_module(module: object) -> bool:
    from lightning_regkit._lightning import pl  # noqa: PLC0415  # resolved when asked

    return isinstance(module, pl.LightningModule)
