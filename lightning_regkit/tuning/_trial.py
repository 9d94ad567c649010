"""One trial: a run at a constant rate."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any, final

from typing_extensions import override

from lightning_regkit._checks import message
from lightning_regkit._lightning import pl
from lightning_regkit._lightning._override import Override
from lightning_regkit.tuning._apply import apply_values, module_of
from lightning_regkit.tuning._budget import Budget
from lightning_regkit.tuning._callbacks import made_callbacks
from lightning_regkit.tuning._metric_names import curve_names
from lightning_regkit.tuning._overlap import first_tensor
from lightning_regkit.tuning._setup import Setup
from lightning_regkit.tuning._space import Value
from lightning_regkit.tuning._steps import trainer_of
from lightning_regkit.tuning._twin import isolated, quiet, twin_of
from lightning_regkit.tuning._watch import loss_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Ended", "run_trial"]


@final
@dataclass(frozen=True)
class Ended:
    """What a trial came to.

    Args:
        scores: The monitored metric of each epoch.
        curves: ``train_loss``, and of the metrics that are logged, whatever they are called exactly, ``val_loss``,
            ``train_acc``, ``val_acc``, by epoch.
        samples_per_second: In training, with loading and validation.
        is_pruned: Whether it was ended early.
    """

    scores: tuple[float, ...]
    curves: Mapping[str, tuple[float, ...]]
    samples_per_second: float
    is_pruned: bool = False


@final
class _Epochs(pl.Callback):
    """Keeps what each epoch was like, and ends the run when it is told."""

    def __init__(self, monitor: str, is_hopeless: Callable[[int, float], bool]) -> None:
        self.curves: dict[str, list[float]] = {"train_loss": []}
        self.scores: list[float] = []
        self.num_samples = 0
        self.is_pruned = False
        self._losses: list[float] = []
        self._monitor, self._is_hopeless = monitor, is_hopeless

    def step(self, inner: Callable[..., object], *args: object, **kwargs: object) -> object:
        """Stand before ``training_step``."""
        output = inner(*args, **kwargs)
        self._losses.append(loss_of(output, None))
        return output

    @override
    def on_train_batch_end(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", outputs: object, batch: object, batch_idx: int
    ) -> None:
        first = first_tensor(batch)
        self.num_samples += 0 if first is None else len(first)

    @override
    def on_train_epoch_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        if self._monitor not in metrics:
            known = ", ".join(sorted(metrics)) or "nothing"
            raise ValueError(
                message("tuning.search", "monitor", "be logged in validation", self._monitor, f"Logged: {known}.")
            )
        self.curves["train_loss"].append(fmean(self._losses))
        self._losses.clear()
        for curve, name in curve_names(metrics).items():
            self.curves.setdefault(curve, []).append(metrics[name])
        self.scores.append(metrics[self._monitor])
        if self._is_hopeless(len(self.scores) - 1, self.scores[-1]):
            self.is_pruned = trainer.should_stop = True


def run_trial(
    task: "tuple[object, object]",
    values: Mapping[str, Value],
    budget: Budget,
    setup: Setup,
    is_hopeless: Callable[[int, float], bool],
) -> Ended:
    """Train a copy for the epochs of the budget, at a constant rate, and validate after each.

    Args:
        task: The module, or what makes it; and its data.
        values: Of the hyperparameters.
        budget: Of the search.
        setup: Of the protocol; its callbacks take part, as copies.
        is_hopeless: Asked after each epoch with its number and score, whether to end here.

    Returns:
        What it came to. Originals and global generators are as before.

    Raises:
        ValueError: The monitored metric is not logged.
    """
    epochs = _Epochs(budget.monitor, is_hopeless)
    with quiet():
        options: dict[str, Any] = {"max_epochs": budget.epochs}
        trainer = trainer_of(setup, **options, callbacks=[*made_callbacks(setup.callbacks, values), epochs])
        with isolated(trainer.strategy.root_device, setup.seed):
            module, data = twin_of((module_of(task[0], values), task[1]))
            apply_values(module, values)
            Override.push(module, "training_step", epochs.step)
            start = time.perf_counter()
            _fit(trainer, module, data)
            seconds = time.perf_counter() - start
    curves = {name: tuple(curve) for name, curve in epochs.curves.items() if _is_whole(name, curve, epochs)}
    return Ended(tuple(epochs.scores), curves, epochs.num_samples / seconds, epochs.is_pruned)


def _is_whole(name: str, curve: list[float], epochs: _Epochs) -> bool:
    """Tell whether there is a value for each epoch, and of accuracies a share: percents are left out."""
    is_share = name.endswith("loss") or all(not value > 1 and not value < 0 for value in curve)
    return is_share and len(curve) == len(epochs.scores)


def _fit(trainer: "pl.Trainer", module: "pl.LightningModule", data: "object | Sequence[object]") -> None:
    if data is None or isinstance(data, pl.LightningDataModule):
        trainer.fit(module, datamodule=data)
    else:
        train, val = data if isinstance(data, tuple) else (data, None)
        trainer.fit(module, train, val)
