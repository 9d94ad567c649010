"""Runs with mixing callbacks, and which of their batches were mixed."""

from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader

from lightning_regkit.mixing import MixedTarget
from tests.support import Classifier, Items, images, trainer

BATCH_SIZE = 5


class Soft(Classifier):
    """Takes class probabilities only, as many losses do."""

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        self.seen.append(batch)
        inputs, probs = batch
        assert probs.shape == (len(inputs), 3)
        return -(probs * self(inputs).log_softmax(1)).sum(1).mean()


def equal_batches(count: int) -> DataLoader[Any]:
    """Return the same batch again and again, so that what differs is noise."""
    return DataLoader(Items([images(BATCH_SIZE)] * count), batch_size=None)


def fit(*callbacks: pl.Callback, batches: int = 6, model: Classifier | None = None, **options: Any) -> Classifier:
    model = model or Classifier()
    trainer(callbacks=list(callbacks), **{"max_epochs": 1, **options}).fit(model, equal_batches(batches))
    return model


def is_mixed(model: Classifier) -> list[bool]:
    """Tell of every training batch whether it was mixed, inputs and labels alike."""
    inputs, labels = images(BATCH_SIZE)
    found = []
    for seen, targets in model.seen:
        is_target_mixed = isinstance(targets, MixedTarget)
        if not is_target_mixed:
            assert torch.equal(seen, inputs)
            assert torch.equal(targets, labels)
        found.append(is_target_mixed)
    return found


def is_soft(model: Classifier) -> list[bool]:
    """Tell of every training batch, all in probabilities, whether it was mixed."""
    clean = functional.one_hot(images(BATCH_SIZE)[1], 3).float()
    assert all(targets.dtype == torch.float32 for _, targets in model.seen)
    return [not torch.equal(targets, clean) for _, targets in model.seen]
