"""Values of a trial, put where they belong."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from lightning_regkit import optim
from lightning_regkit._checks import message
from lightning_regkit._lightning._optimizers import optimizers_in
from lightning_regkit._lightning._override import Override
from lightning_regkit.tuning._callbacks import Given, made_callbacks
from lightning_regkit.tuning._space import Space, Value

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from lightning_regkit._lightning import pl

__all__ = ["apply_values", "check_places", "module_of"]

OWNER: Final = "tuning.search"


def check_places(module: object, callbacks: Given, space: Space) -> None:
    """Refuse, before any step, a space that has no place for its values.

    Args:
        module: Of the search.
        callbacks: Of the user.
        space: The hyperparameters.

    Raises:
        TypeError: A callback has no such argument, or takes no such value.
        ValueError: A callback or an optimizer is unknown, or there is nothing to make the module anew.
    """
    values = {name: each.grid()[0] for name, each in space.items()}
    made_callbacks(callbacks, values)
    if _is_module(module):
        module_of(module, values)
    for name in space["optimizer"].grid() if "optimizer" in space else ():
        optim.describe(str(name))


def module_of(module: object, values: Mapping[str, Value]) -> Any:  # noqa: ANN401  # a LightningModule
    """Make the module of a trial.

    Args:
        module: A module, of which the weights are the start of every trial, or what makes one.
        values: Those of ``module.argument`` are passed to what makes one.

    Raises:
        ValueError: There are some, and nothing to pass them to.
    """
    given = _of("module", values)
    if not _is_module(module) and callable(module):
        return module(**given)
    if given:
        remedy = "Pass its class, or a function that makes it."
        raise ValueError(message(OWNER, "module", f"be made with {', '.join(given)}", type(module).__name__, remedy))
    return module


def apply_values(module: "pl.LightningModule", values: Mapping[str, Value]) -> None:
    """Have ``configure_optimizers`` give what the values say, at a constant rate.

    ``lr`` is that of the highest group, the others keep their ratios to it; ``weight_decay`` and ``momentum`` (or the
    first beta) are those of every group that has some, or of all where none has; other options of the optimizer are
    those of every group. Under manual optimization schedulers stay.

    Args:
        module: A copy; its method is shadowed.
        values: Of the trial.
    """
    Override.push(module, "configure_optimizers", partial(_configure, module, values))


def _configure(
    module: "pl.LightningModule", values: Mapping[str, Value], inner: Callable[[], object]
) -> "object | list[Optimizer]":
    options = _of("optimizer", values)
    configured = _created(module, values, options) if "optimizer" in values else inner()
    optimizers = optimizers_in(configured)
    for optimizer in optimizers:
        _write(optimizer, values, {} if "optimizer" in values else options)
    return optimizers if module.automatic_optimization and optimizers else configured


def _created(module: "pl.LightningModule", values: Mapping[str, Value], options: Mapping[str, Any]) -> "Optimizer":
    name = str(values["optimizer"])
    known = ("lr", "weight_decay") if optim.describe(name).weight_decay is not None else ("lr",)
    given = {option: _number(values[option]) for option in known if option in values}
    return optim.create(module, name, **given, **options)


def _write(optimizer: "Optimizer", values: Mapping[str, Value], options: Mapping[str, Value]) -> None:
    groups: list[dict[str, Any]] = optimizer.param_groups
    if "lr" in values:
        factor = _number(values["lr"]) / max(float(group["lr"]) for group in groups)
        for group in groups:
            group["lr"] = float(group["lr"]) * factor
    if "weight_decay" in values:
        _write_where_any(groups, "weight_decay", _number(values["weight_decay"]))
    if "momentum" in values:
        _write_momentum(optimizer, _number(values["momentum"]))
    for name, value in options.items():
        _refuse_missing(optimizer, name, f"optimizer.{name}")
        for group in groups:
            group[name] = value


def _write_momentum(optimizer: "Optimizer", value: float) -> None:
    groups: list[dict[str, Any]] = optimizer.param_groups
    if "betas" in optimizer.defaults:
        for group in groups:
            group["betas"] = (value, *group["betas"][1:])
    else:
        _refuse_missing(optimizer, "momentum", "momentum")
        _write_where_any(groups, "momentum", value)


def _write_where_any(groups: list[dict[str, Any]], name: str, value: float) -> None:
    has_any = any(group.get(name) for group in groups)
    for group in groups:
        if group.get(name) or not has_any:
            group[name] = value


def _refuse_missing(optimizer: "Optimizer", option: str, name: str) -> None:
    if option not in optimizer.defaults:
        known = f"It has {', '.join(sorted(optimizer.defaults))}."
        raise ValueError(message(OWNER, "space", f"name options of {type(optimizer).__name__}", name, known))


def _of(place: str, values: Mapping[str, Value]) -> dict[str, Value]:
    return {name.partition(".")[2]: value for name, value in values.items() if name.startswith(f"{place}.")}


def _number(value: Value) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(message(OWNER, "space", "give numbers for options of the optimizer", value))
    return float(value)


def _is_module(module: object) -> bool:
    from lightning_regkit._lightning import pl  # noqa: PLC0415  # resolved when asked

    return isinstance(module, pl.LightningModule)
