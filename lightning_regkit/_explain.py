"""What every callback will do, said before anything is done."""

from textwrap import indent

from lightning_regkit._checks import message
from lightning_regkit._lightning import Explained, Plan, pl, plan_fit
from lightning_regkit.callbacks import ScaleLR
from lightning_regkit.errors import RegkitError

__all__ = ["explain"]

_NO_DATA = (
    "No training data were given: pass datamodule= or train_dataloaders=, as to fit, to know how long the run is."
)


def explain(
    trainer: "pl.Trainer",
    model: "pl.LightningModule",
    *,
    datamodule: "pl.LightningDataModule | None" = None,
    train_dataloaders: object = None,
) -> str:
    """Print what every callback of this package would do in ``trainer.fit`` with these arguments, without a fit.

    The hooks that a fit would ask (``setup``, ``configure_model``, ``configure_optimizers``, ``train_dataloader``) are
    called on deep copies of the module and the data module, which are then dropped. Nothing is trained, no batch is
    loaded, no file is written.

    Args:
        trainer: The Trainer with its callbacks.
        model: The module.
        datamodule: As for ``fit``; its data must be there already, for ``prepare_data`` is not called.
        train_dataloaders: As for ``fit``.

    Returns:
        The text, which is also printed, on rank 0: the length of the run, then a line or a table for each callback, in
        the Trainer's order, or what it would refuse; what could not be found out without a fit; other callbacks by
        name. Module, Trainer, data and the global random generators are as before.

    Raises:
        ValueError: ``datamodule`` and ``train_dataloaders`` are both given.

    Example:
        >>> import lightning.pytorch as pl
        >>> import torch
        >>> import lightning_regkit as rk
        >>> class Net(pl.LightningModule):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.layer = torch.nn.Linear(2, 1)
        ...     def configure_optimizers(self):
        ...         return rk.optim.create(self, "momentum", lr=0.1)
        >>> data = torch.utils.data.DataLoader(torch.zeros(8, 2), batch_size=2)
        >>> off = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
        >>> trainer = pl.Trainer(max_epochs=2, enable_model_summary=False, callbacks=[rk.callbacks.Mixup()], **off)
        >>> print(rk.explain(trainer, Net(), train_dataloaders=data))
        The run: 8 optimizer steps, 4 in the first epoch.
        Mixup: every training batch is mixed with a permutation of itself, lam ~ Beta(0.2, 0.2)
    """
    if datamodule is not None and train_dataloaders is not None:
        raise ValueError(message("explain", "train_dataloaders", "be left out beside datamodule", train_dataloaders))
    plan = plan_fit(trainer, model, train_dataloaders if datamodule is None else datamodule)
    callbacks = trainer.callbacks  # type: ignore[attr-defined]  # set by the callback connector
    ours = [callback for callback in callbacks if isinstance(callback, Explained)]
    # Wherever it stands in the list, ScaleLR writes its rates before any other callback reads them.
    first = sorted(ours, key=lambda callback: not isinstance(callback, ScaleLR))
    said = {id(callback): _said(callback, plan) for callback in first}
    others = [type(callback).__name__ for callback in callbacks if not isinstance(callback, Explained)]
    last = [f"Not ours: {', '.join(others)}."] if others else []
    is_bare = datamodule is None and train_dataloaders is None and not plan.loaders
    head = [_run(plan), *([_NO_DATA] if is_bare else [])]
    text = "\n".join([*head, *(said[id(callback)] for callback in ours), *plan.unknown, *last])
    pl.utilities.rank_zero_info(text)
    return text


def _run(plan: Plan) -> str:
    horizon = plan.horizons[0]
    length = "no known end" if horizon.total_steps is None else f"{horizon.total_steps} optimizer steps"
    epoch = f"{horizon.epoch_ends[0]} in the first epoch" if horizon.epoch_ends else "epochs of unknown length"
    return f"The run: {length}, {epoch}."


def _said(callback: Explained, plan: Plan) -> str:
    name = type(callback).__name__
    try:
        text = callback.explain(plan)
    except (TypeError, ValueError, RegkitError) as refusal:
        return f"{name} refuses this run: {refusal}"
    return f"{name}:\n{indent(text, '  ')}" if "\n" in text else f"{name}: {text}"
