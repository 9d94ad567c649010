"""Running averages of the epoch that is under way: logged values and torchmetrics, of which Lightning saves nothing."""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torchmetrics import Metric

if TYPE_CHECKING:
    from lightning_regkit._lightning._namespace import pl

__all__ = ["log_results", "logged_results", "merge_results", "metric_states", "restore_metric_states"]

#: One entry of ``logged_results``.
Logged = dict[str, Any]


def metric_states(trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> dict[str, dict[str, Any]]:
    """Copy the states of the module's torchmetrics that hold something of this epoch.

    Args:
        trainer: In fit.
        pl_module: Its metrics are found among its submodules.

    Returns:
        By name of the submodule: how often it was updated, and its states. Left out are metrics that Lightning is
        about to reset: those logged in validation, and at the end of an epoch those logged in training.
    """
    loop: Any = trainer.fit_loop
    is_epoch_over = loop.epoch_progress.current.processed == loop.epoch_progress.current.ready
    fading = _logged_metrics(loop.epoch_loop.val_loop._results)  # noqa: SLF001  # nowhere public
    if is_epoch_over:
        fading |= _logged_metrics(loop.epoch_loop._results)  # noqa: SLF001
    return {
        name: {"count": metric.update_count, "states": _copy(metric.metric_state)}
        for name, metric in pl_module.named_modules()
        if isinstance(metric, Metric) and metric.update_count and id(metric) not in fading
    }


def restore_metric_states(pl_module: "pl.LightningModule", saved: dict[str, dict[str, Any]]) -> None:
    """Put back what ``metric_states`` copied, on the device of each metric."""
    metrics = dict(pl_module.named_modules())
    for name, entry in saved.items():
        metric = metrics[name]
        assert isinstance(metric, Metric)  # noqa: S101  # for the type checker
        for state, value in entry["states"].items():
            setattr(metric, state, _moved(value, metric.device))
        metric._update_count = entry["count"]  # noqa: SLF001  # read-only in public
        metric._computed = None  # noqa: SLF001


def logged_results(trainer: "pl.Trainer") -> dict[str, Logged]:
    """Describe what ``self.log(..., on_epoch=True)`` has gathered in this training epoch.

    Args:
        trainer: In fit.

    Returns:
        By key of the result: ``states`` (its sum, and for a mean its number of samples; None where a torchmetric is
        logged, whose states are saved with it), and how it is logged.
    """
    return {
        key: {
            "states": [getattr(result, name).detach().cpu().clone() for name in result.metric_state]
            if result.is_tensor
            else None,
            "metric": result.meta.metric_attribute,
            "name": result.meta.forked_name(on_step=False),
            "prog_bar": result.meta.prog_bar,
            "logger": result.meta.logger,
            "sync_dist": result.meta.sync.should,
            "reduce_fx": result.meta.reduce_fx.__name__,
        }
        for key, result in trainer.fit_loop.epoch_loop._results.items()  # noqa: SLF001  # nowhere public
        if result.meta.on_epoch and not result.has_reset
    }


def merge_results(trainer: "pl.Trainer", pending: dict[str, Logged]) -> None:
    """Add earlier sums to the results that have been logged again since; those leave ``pending``.

    Lightning resets its sums in the first batch of a resumed epoch. Called after every batch, this adds to a result
    that holds one value, 0 + x: the bits are those of the uninterrupted sum.
    """
    results = trainer.fit_loop.epoch_loop._results  # noqa: SLF001  # nowhere public
    for key in [key for key in pending if key in results and not results[key].has_reset]:
        result, states = results[key], pending.pop(key)["states"]
        for name, earlier in zip(result.metric_state if result.is_tensor else (), states or (), strict=True):
            now = getattr(result, name)
            is_extreme = result.meta.is_max_reduction or result.meta.is_min_reduction
            merged = result.meta.reduce_fx(earlier.to(now.device), now) if is_extreme else earlier.to(now.device) + now
            setattr(result, name, merged)
        result._computed = None  # noqa: SLF001


def log_results(pl_module: "pl.LightningModule", pending: dict[str, Logged]) -> None:
    """Log what the rest of the epoch did not log again, at ``on_train_epoch_end``; ``pending`` is empty then."""
    for entry in [pending.pop(key) for key in list(pending)]:  # loggers show them in the order of the first logging
        options = {name: entry[name] for name in ("prog_bar", "sync_dist", "reduce_fx")}
        options["logger"] = None if entry["logger"] else False  # True would warn where the Trainer has no logger
        pl_module.log(entry["name"], _value(pl_module, entry), batch_size=1, **options)


def _value(pl_module: "pl.LightningModule", entry: Logged) -> Tensor | Metric:
    if entry["states"] is None:
        metric = pl_module.get_submodule(entry["metric"])
        assert isinstance(metric, Metric)  # noqa: S101  # for the type checker
        return metric
    value, *weight = entry["states"]
    total: Tensor = value / weight[0] if weight else value
    return total


def _logged_metrics(results: dict[str, Any]) -> set[int]:
    return {id(result.value) for result in results.values() if not result.is_tensor}


def _copy(states: dict[str, Any]) -> dict[str, Any]:
    return {name: _moved(value, torch.device("cpu"), copy=True) for name, value in states.items()}


def _moved(value: Tensor | list[Tensor], device: torch.device, *, copy: bool = False) -> Tensor | list[Tensor]:
    if isinstance(value, Tensor):
        return value.detach().to(device, copy=copy)
    return [tensor.detach().to(device, copy=copy) for tensor in value]
