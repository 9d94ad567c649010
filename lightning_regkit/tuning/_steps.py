"""A short run on copies."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, final

from lightning_regkit._lightning import pl
from lightning_regkit._lightning._optimizers import optimizers_in
from lightning_regkit._lightning._override import Override
from lightning_regkit.tuning._kept import Kept
from lightning_regkit.tuning._setup import Setup
from lightning_regkit.tuning._twin import isolated, quiet, twin_of

if TYPE_CHECKING:
    from lightning_regkit.tuning._watch import Watch

__all__ = ["Ran", "run_steps", "trainer_of"]


@final
@dataclass(frozen=True)
class Ran:
    """What a short run leaves: the copies it trained.

    Args:
        module: As it ended.
        trainer: As it ended.
        callbacks: The copies that took part.
    """

    module: "pl.LightningModule"
    trainer: "pl.Trainer"
    callbacks: "tuple[pl.Callback, ...]"


def trainer_of(setup: Setup, **options: Any) -> "pl.Trainer":  # noqa: ANN401  # arguments of Trainer
    """Make a Trainer that writes nothing and says nothing, unless the setup or the options have it otherwise."""
    plain: dict[str, Any] = {
        "devices": 1,
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
    }
    return pl.Trainer(**{**plain, **setup.trainer, **options})


def run_steps(
    module: "pl.LightningModule",
    data: object,
    watch: "Watch",
    setup: Setup,
    plan: tuple[int, int | None, "Sequence[pl.Callback]"],
) -> Ran:
    """Train a copy of ``module`` for a number of steps, without validation and without schedulers.

    Args:
        module: Stays as it is, and so do its loaders and the global generators.
        data: A data module, loaders, or None for the module's own.
        watch: Sees every step.
        setup: Of the protocol.
        plan: How many steps; how many batches come again and again, None for all; callbacks, which are copied.

    Returns:
        What is left.
    """
    num_steps, num_batches, callbacks = plan
    with quiet():
        twin, source, copies = twin_of((module, data, tuple(callbacks)))
        options = {"max_steps": num_steps, "max_epochs": -1, "limit_val_batches": 0, "callbacks": [*copies, watch]}
        trainer = trainer_of(setup, **options)
        _prepare(twin, watch)
        keep = partial(_keep, num_batches)
        with isolated(trainer.strategy.root_device, setup.seed):
            if source is None or isinstance(source, pl.LightningDataModule):
                Override.push(source or twin, "train_dataloader", keep)
                trainer.fit(twin, datamodule=source)
            else:
                trainer.fit(twin, train_dataloaders=Kept(source, num_batches))
    return Ran(twin, trainer, copies)


def _keep(num_batches: int | None, inner: Callable[[], object]) -> Kept:
    return Kept(inner(), num_batches)


def _prepare(twin: "pl.LightningModule", watch: "Watch") -> None:
    Override.push(twin, "training_step", watch.step, level=-math.inf)  # type: ignore[arg-type]  # below all layers
    Override.push(twin, "configure_callbacks", lambda _: [])
    if twin.automatic_optimization:
        Override.push(twin, "configure_optimizers", _without_schedulers)


def _without_schedulers(inner: Callable[[], object]) -> object:
    return optimizers_in(configured) if (configured := inner()) is not None else None
