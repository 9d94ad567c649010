"""Find out what a fit would find, without one: on copies of the module and of its data module."""

import copy
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast, final

from torch.utils.data import DataLoader, Dataset

from lightning_regkit._lightning._horizon import horizons
from lightning_regkit._lightning._namespace import pl
from lightning_regkit._lightning._optimizers import optimizers_in
from lightning_regkit._lightning._plan import Plan

if TYPE_CHECKING:
    from torch.optim import Optimizer

__all__ = ["plan_fit"]

Value = TypeVar("Value")
Hooks = TypeVar("Hooks", "pl.LightningModule", "pl.LightningDataModule")


@final
@dataclass(frozen=True)
class _Bounds:
    """What ``horizons`` reads of a Trainer, known before its fit."""

    num_training_batches: int | float
    max_epochs: int
    max_steps: int
    accumulate_grad_batches: int
    callbacks: list[Any]
    optimizers: list[Any]


def plan_fit(trainer: "pl.Trainer", model: "pl.LightningModule", data: object = None) -> Plan:
    """Find out what ``trainer.fit`` would find.

    ``setup``, ``configure_model``, ``configure_optimizers`` and ``train_dataloader`` are called on copies, in the order
    of a fit; ``prepare_data`` is not called. Data sets and loaders that the originals hold are shared with the copies.

    Args:
        trainer: As it will be given to ``fit``; stays as it is.
        model: The same; stays as it is.
        data: Training loaders, a DataModule, or None for the module's own loaders; stays as it is.

    Returns:
        The plan; what a hook raises, for it needs a fit or data that are not there yet, is a line of ``unknown``. The
        global random generators are as before.
    """
    unknown: list[str] = []
    with pl.utilities.seed.isolate_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the fit gives them, where they mean something
        source = _attempt("the data module", unknown, _set_up, trainer, data) if _is_data_module(data) else data
        module = _attempt("the module", unknown, _configured, trainer, model)
        optimizers = [] if module is None else _attempt("optimizers", unknown, _optimizers, module) or []
        source = module if data is None else source
        loaders = None if source is None else _attempt("training data", unknown, _loaders, source)
        batches = None if loaders is None else _attempt("batches an epoch", unknown, _batches, trainer, loaders)
        bounds = _bounds(trainer, math.inf if batches is None else batches, optimizers)
        found = horizons("explain", cast("pl.Trainer", bounds), None)
    flat = () if loaders is None else tuple(loaders.flattened)
    return Plan(trainer, optimizers, found, flat, tuple(unknown), module)


def _attempt(what: str, unknown: list[str], find: Callable[..., Value], *given: Any) -> Value | None:
    try:
        return find(*given)
    except Exception as error:  # noqa: BLE001  # anything that a user's hook raises outside a fit
        unknown.append(f"Not known without a fit: {what} ({type(error).__name__}: {error})")
        return None


def _is_data_module(data: object) -> bool:
    return isinstance(data, pl.LightningDataModule)


def _set_up(trainer: "pl.Trainer", hooks: Hooks) -> Hooks:
    shared = (Dataset, DataLoader, pl.Trainer)
    twin = copy.deepcopy(hooks, {id(value): value for value in vars(hooks).values() if isinstance(value, shared)})
    twin.trainer = trainer
    twin.setup(stage="fit")
    return twin


def _configured(trainer: "pl.Trainer", model: "pl.LightningModule") -> "pl.LightningModule":
    twin = _set_up(trainer, model)
    twin.configure_model()
    return twin


def _optimizers(module: "pl.LightningModule") -> "list[Optimizer]":
    return optimizers_in(module.configure_optimizers())


def _loaders(source: Any) -> "pl.utilities.combined_loader.CombinedLoader":
    loaders = source.train_dataloader() if isinstance(source, pl.LightningModule | pl.LightningDataModule) else source
    combined = pl.utilities.combined_loader.CombinedLoader
    return loaders if isinstance(loaders, combined) else combined(loaders, "max_size_cycle")


def _batches(trainer: "pl.Trainer", loaders: "pl.utilities.combined_loader.CombinedLoader") -> int | float:
    # With the distributed sampler that Lightning would put in; nowhere public, and so on below.
    prepare = trainer._data_connector._prepare_dataloader  # noqa: SLF001
    stage = pl.trainer.states.RunningStage.TRAINING
    prepared = [prepare(loader, shuffle=True, mode=stage) for loader in loaders.flattened]
    lengths = [_limited(_length(loader), trainer.limit_train_batches) for loader in prepared]
    return min(lengths) if loaders._mode == "min_size" else max(lengths)  # noqa: SLF001


def _length(loader: Any) -> int | float:
    try:
        return len(loader)
    except (TypeError, NotImplementedError):
        return math.inf


def _limited(length: float, limit: float) -> int | float:
    if isinstance(limit, int):
        return min(length, limit)
    return length if math.isinf(length) else int(length * limit)


def _bounds(trainer: "pl.Trainer", batches: float, optimizers: list[Any]) -> _Bounds:
    least, most = (trainer.min_steps, trainer.min_epochs), trainer.max_steps
    parse = pl.loops.utilities._parse_loop_limits  # noqa: SLF001  # its own default for max_epochs
    _, epochs = parse(least[0], most, least[1], trainer.max_epochs, trainer)
    callbacks = trainer.callbacks  # type: ignore[attr-defined]  # set by the callback connector
    return _Bounds(batches, epochs, most, trainer.accumulate_grad_batches, callbacks, optimizers or [None])
