"""The one classifier behind every recipe."""

import difflib
from typing import Any, final

import lightning.pytorch as pl
import timm
import torch.nn.functional as F
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torchmetrics.classification import MulticlassAccuracy
from typing_extensions import override

import lightning_regkit as rk
import recipes.networks  # noqa: F401  # registers the small networks

__all__ = ["ImageClassifier"]


@final
class ImageClassifier(pl.LightningModule):
    """A plain image classifier: any network of timm's registry, cross-entropy, accuracy, one optimizer.

    It knows nothing of regularization: the callbacks of ``lightning_regkit`` attach to it as they would to yours.
    It logs means over an epoch: ``train_loss, train_acc, val_loss, val_acc, test_loss, test_acc``. Accuracies are
    in [0, 1]; on mixed training batches ``train_acc`` counts the label of larger weight. A batch is a pair of images
    (B, C, H, W) and integer labels (B,).

    Args:
        model: Name in timm's registry, which holds ``recipes.networks`` too.
        num_classes: K, at least 2.
        optimizer: Arguments of ``rk.optim.create``: ``name``, ``lr``, ``weight_decay`` and the optimizer's own.
        model_options: Further arguments of ``timm.create_model``: ``{"in_chans": 1}``, ``{"pretrained": True}``, ...
        label_smoothing: s in [0, 1]: a training target y becomes (1 - s) y + s / K. Never used in validation and test.

    Raises:
        ValueError: ``model`` is not in the registry, ``optimizer`` has no name, or a number is out of range.

    Example:
        >>> import torch
        >>> module = ImageClassifier("resnet20_small", 10, {"name": "momentum"}, model_options={"in_chans": 1})
        >>> tuple(module(torch.zeros(2, 1, 8, 8)).shape)
        (2, 10)
    """

    def __init__(
        self,
        model: str,
        num_classes: int,
        optimizer: dict[str, Any],
        *,
        model_options: dict[str, Any] | None = None,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        _check(model, num_classes, optimizer, label_smoothing)
        self.save_hyperparameters()
        self.network: nn.Module = timm.create_model(model, num_classes=num_classes, **(model_options or {}))
        self.label_smoothing = label_smoothing
        self.train_acc = MulticlassAccuracy(num_classes, average="micro")
        self.val_acc = MulticlassAccuracy(num_classes, average="micro")
        self.test_acc = MulticlassAccuracy(num_classes, average="micro")

    @override
    def forward(self, inputs: Tensor) -> Tensor:
        """Map images (B, C, H, W) to logits (B, K)."""
        logits: Tensor = self.network(inputs)
        return logits

    @override
    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Return the loss to minimize."""
        inputs, targets = batch
        logits = self(inputs)
        loss = F.cross_entropy(logits, targets, label_smoothing=self.label_smoothing)
        self.train_acc.update(logits, targets)
        self._log("train", loss, self.train_acc)
        return loss

    @override
    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Log ``val_loss`` and ``val_acc``."""
        self._evaluate("val", batch, self.val_acc)

    @override
    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Log ``test_loss`` and ``test_acc``."""
        self._evaluate("test", batch, self.test_acc)

    @override
    def predict_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Return the class probabilities (B, K)."""
        logits: Tensor = self(batch[0])
        return logits.softmax(dim=1)

    @override
    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Return the optimizer that the hyperparameters name."""
        return rk.optim.create(self, **self.hparams.optimizer)  # type: ignore[attr-defined]  # untyped

    def _evaluate(self, stage: str, batch: tuple[Tensor, Tensor], accuracy: MulticlassAccuracy) -> None:
        inputs, targets = batch
        logits = self(inputs)
        accuracy.update(logits, targets)
        self._log(stage, F.cross_entropy(logits, targets), accuracy)

    def _log(self, stage: str, loss: Tensor, accuracy: MulticlassAccuracy) -> None:
        self.log(f"{stage}_loss", loss, on_step=False, on_epoch=True, sync_dist=True)
        self.log(f"{stage}_acc", accuracy, on_step=False, on_epoch=True, prog_bar=True)


def _check(model: str, num_classes: int, optimizer: dict[str, Any], label_smoothing: float) -> None:
    if not timm.is_model(model):
        close = ", ".join(difflib.get_close_matches(model, timm.list_models())) or "none, see timm.list_models()"
        raise ValueError(f"ImageClassifier: model must be in timm's registry, got {model!r}. Close: {close}.")
    if num_classes < 2:  # noqa: PLR2004  # one class is no classification
        raise ValueError(f"ImageClassifier: num_classes must be at least 2, got {num_classes!r}.")
    if "name" not in optimizer:
        known = ", ".join(rk.optim.names())
        raise ValueError(f"ImageClassifier: optimizer must hold a name, got {optimizer!r}. Known: {known}.")
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"ImageClassifier: label_smoothing must be in [0, 1], got {label_smoothing!r}.")
