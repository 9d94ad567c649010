"""Statistics of BatchNorm layers, computed anew over training batches without touching the training's own data."""

import copy
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.data import DataLoader

from lightning_regkit._checks import message
from lightning_regkit._lightning._containers import get
from lightning_regkit._lightning._namespace import pl

if TYPE_CHECKING:
    from lightning_regkit._lightning._layout import Keys

__all__ = ["again", "recalibrate", "trained_norms"]


def trained_norms(module: nn.Module) -> list[_BatchNorm]:
    """List the BatchNorm layers that keep running statistics and are in training mode: frozen ones are not."""
    return [layer for layer in module.modules() if isinstance(layer, _BatchNorm) and _is_trained(layer)]


def recalibrate(
    trainer: "pl.Trainer", pl_module: "pl.LightningModule", layers: list[_BatchNorm], keys: "Keys", num_batches: int
) -> None:
    """Replace the running statistics of layers by the equally weighted mean of those of training batches.

    No gradient, no noise of training: every other layer is in evaluation mode. Ranks take their own batches, and the
    mean over ranks, in one collective.

    Args:
        trainer: In fit, with its training data set up.
        pl_module: What is run, by ``forward``; its modes are as before.
        layers: The layers.
        keys: Where the inputs are in a batch.
        num_batches: Most batches; fewer where the epoch has fewer.

    Raises:
        ValueError: ``forward`` runs none of the layers.
    """
    before = [[value.clone() for value in _buffers(layer)] for layer in layers]
    with _evaluating(trainer), _averaging(pl_module, layers), torch.no_grad(), pl.utilities.seed.isolate_rng():
        for batch in islice(_batches(keys.owner, trainer, pl_module), num_batches):
            for slot in keys.find(batch):
                with trainer.precision_plugin.forward_context():
                    pl_module(get(batch, slot.inputs))
        seen = [layer for layer in layers if layer.num_batches_tracked]
        for layer, values in zip(layers, before, strict=True):
            if layer not in seen:  # such as the head of an auxiliary loss
                _put(layer, values)
    if not seen:
        remedy = "Write a forward that predicts."
        raise ValueError(message(keys.owner, "forward", "run the BatchNorm layers", type(pl_module).__name__, remedy))
    if trainer.world_size > 1:
        _reduce(trainer, seen)


def again(owner: str, loader: object) -> "DataLoader[Any]":
    """Return a loader of the same data, order and workers, whose iterators leave those of the original alone.

    Args:
        owner: The callback's name, for the message.
        loader: A loader, possibly in the middle of an epoch.

    Raises:
        TypeError: It is no ``DataLoader``.
    """
    if not isinstance(loader, DataLoader):
        remedy = "Its batches cannot be had without taking them from the training."
        raise TypeError(message(owner, "train_dataloader", "be a DataLoader", type(loader).__name__, remedy))
    parts = (loader.sampler, loader.batch_sampler, loader.generator)
    sampler, batch_sampler, generator = copy.deepcopy(parts, {id(loader.dataset): loader.dataset})
    twin = copy.copy(loader)
    own = {"sampler": sampler, "batch_sampler": batch_sampler, "generator": generator}
    vars(twin).update(own, persistent_workers=False, _iterator=None)  # torch refuses to set them
    return twin


def _buffers(layer: _BatchNorm) -> tuple[Tensor, ...]:
    buffers: Any = layer  # they are None in layers that do not track, which are not listed
    return buffers.running_mean, buffers.running_var, buffers.num_batches_tracked


def _put(layer: _BatchNorm, values: Iterable[Tensor]) -> None:
    for value, new in zip(_buffers(layer), values, strict=False):
        value.copy_(new)


def _is_trained(layer: _BatchNorm) -> bool:
    return layer.training and layer.track_running_stats and layer.running_mean is not None


@contextmanager
def _evaluating(trainer: "pl.Trainer") -> Iterator[None]:
    """Say that this is no training, so that what changes training batches rests."""
    was_training, trainer.validating = trainer.training, True
    try:
        yield
    finally:
        trainer.training = was_training


@contextmanager
def _averaging(module: nn.Module, layers: Iterable[_BatchNorm]) -> Iterator[None]:
    """Let the layers, and nothing else, learn: each batch weighs as much as every other."""
    modes = [(child, child.training) for child in module.modules()]
    momenta = [(layer, layer.momentum) for layer in layers]
    module.eval()
    try:
        for layer, _ in momenta:
            layer.reset_running_stats()
            layer.training = True  # not train(), which would switch on noise that Surgery put after it
            layer.momentum = None
        yield
    finally:
        for child, mode in modes:
            child.training = mode
        for layer, momentum in momenta:
            layer.momentum = momentum


def _batches(owner: str, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> Iterator[Any]:
    combined = copy.copy(trainer.fit_loop._combined_loader)  # noqa: SLF001  # nowhere public
    assert combined is not None, "set up before training starts"  # noqa: S101  # for the type checker
    combined.flattened = [again(owner, loader) for loader in combined.flattened]
    for batch, _, _ in iter(combined):
        converted = trainer.precision_plugin.convert_input(batch)
        converted = pl_module._on_before_batch_transfer(converted, dataloader_idx=0)  # noqa: SLF001  # as the loop does
        yield trainer.strategy.batch_to_device(converted, dataloader_idx=0)


def _reduce(trainer: "pl.Trainer", layers: list[_BatchNorm]) -> None:
    values = [value for layer in layers for value in _buffers(layer)[:2]]
    reduced: Any = trainer.strategy.reduce(torch.cat(values), reduce_op="mean")
    parts = iter(reduced.split([len(value) for value in values]))
    for layer in layers:
        _put(layer, islice(parts, 2))
