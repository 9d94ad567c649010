"""The one classifier behind every recipe."""

import difflib
from typing import Any, Final, TypeAlias, final

import lightning.pytorch as pl
import timm
import torch.nn.functional as F
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torchmetrics.classification import MulticlassAccuracy
from typing_extensions import override

import lightning_regkit as rk
import recipes.cifar_networks
import recipes.networks  # noqa: F401  # both register networks
from recipes.decay import decay_groups
from recipes.losses import Loss, SampleMean
from recipes.weights import WeightsFile

__all__ = ["ImageClassifier"]

STAGES: Final = ("train", "val", "test")
#: One tensor (B, C, H, W), or images (C, H, W) of unequal size for a callback that cuts crops out of them.
Inputs: TypeAlias = Tensor | list[Tensor]


@final
class ImageClassifier(pl.LightningModule):
    """A plain image classifier: any network of timm's registry, a loss, accuracy, one optimizer.

    It knows nothing of regularization: the callbacks of ``lightning_regkit`` attach to it as they would to yours.
    It logs means over the images of an epoch, on all processes: ``train_loss, train_acc, val_loss, val_acc, test_loss,
    test_acc``; losses of evaluation are plain cross-entropy. Accuracies are in [0, 1]; on mixed training batches
    ``train_acc`` counts the label of larger weight. A batch is a pair of images (B, C, H, W), or a list of them, and
    integer labels (B,) or, in training, probabilities (B, K).

    Args:
        model: Name in timm's registry, which holds ``recipes.networks`` and ``recipes.cifar_networks`` too.
        num_classes: K, at least 2.
        optimizer: Arguments of ``rk.optim.create``: ``name``, ``lr``, ``weight_decay`` and the optimizer's own; and
            ``decays``, of ``recipes.decay``. None for evaluation alone.
        model_options: Further arguments of ``timm.create_model``: ``{"in_chans": 1}``, ``{"zero_init_last": False}``;
            and ``weights``, a file that is loaded before each evaluation without a checkpoint.
        loss: Arguments of ``recipes.losses.Loss``: ``{"name": "bce"}``; None for cross-entropy.

    Raises:
        ValueError: ``model`` is not in the registry, ``optimizer`` has no name or stands beside ``weights``, an option
            is unknown, or a number is out of range; or in fit, there is no optimizer.

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
        optimizer: dict[str, Any] | None = None,
        *,
        model_options: dict[str, Any] | None = None,
        loss: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        _check(model, num_classes, optimizer)
        self.save_hyperparameters()
        options = dict(model_options or {})
        self._weights: str | None = options.pop("weights", None)
        if self._weights is not None and optimizer is not None:
            remedy = "A test of another run would load them again."
            raise ValueError(f"ImageClassifier: weights must stand without optimizer, got {self._weights!r}. {remedy}")
        self.network: nn.Module = timm.create_model(model, num_classes=num_classes, **options)
        self._loss = Loss.of(loss)
        means = {f"{stage}_loss": SampleMean() for stage in STAGES}
        accuracies = {f"{stage}_acc": MulticlassAccuracy(num_classes, average="micro") for stage in STAGES}
        self._meters = nn.ModuleDict({**means, **accuracies})

    @override
    def configure_callbacks(self) -> list[pl.Callback]:
        """Return what loads the file of weights, if there is one."""
        return [] if self._weights is None else [WeightsFile(self.network, self._weights)]

    @override
    def forward(self, inputs: Tensor) -> Tensor:
        """Map images (B, C, H, W) to logits (B, K)."""
        logits: Tensor = self.network(inputs)
        return logits

    @override
    def training_step(self, batch: tuple[Inputs, Tensor], batch_idx: int) -> Tensor:
        """Return the loss to minimize."""
        inputs, targets = batch
        logits = self(inputs)
        loss = self._loss(logits, targets)
        self._log("train", loss, logits, targets.argmax(dim=1) if targets.is_floating_point() else targets)
        return loss

    @override
    def validation_step(self, batch: tuple[Inputs, Tensor], batch_idx: int) -> None:
        """Log ``val_loss`` and ``val_acc``."""
        self._evaluate("val", batch)

    @override
    def test_step(self, batch: tuple[Inputs, Tensor], batch_idx: int) -> None:
        """Log ``test_loss`` and ``test_acc``."""
        self._evaluate("test", batch)

    @override
    def predict_step(self, batch: tuple[Inputs, Tensor], batch_idx: int) -> Tensor:
        """Return the class probabilities (B, K)."""
        logits: Tensor = self(batch[0])
        return logits.softmax(dim=1)

    @override
    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Return the optimizer that the hyperparameters name."""
        settings: dict[str, Any] = dict(self.hparams["optimizer"] or {})
        if not settings:
            remedy = "This recipe evaluates: run its test."
            raise ValueError(f"ImageClassifier: optimizer must be given for a fit, got None. {remedy}")
        if (decays := settings.pop("decays", "weights")) == "weights":
            return rk.optim.create(self, **settings)
        decay = settings.get("weight_decay", rk.optim.describe(settings["name"]).weight_decay or 0.0)
        return rk.optim.create(decay_groups(self, decay, decays), **settings)

    def _evaluate(self, stage: str, batch: tuple[Inputs, Tensor]) -> None:
        inputs, targets = batch
        logits = self(inputs)
        self._log(stage, F.cross_entropy(logits, targets), logits, targets)

    def _log(self, stage: str, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        for name, values in (("loss", (loss, len(labels))), ("acc", (logits, labels))):
            meter: Any = self._meters[f"{stage}_{name}"]
            meter.update(*values)
            is_shown = name == "acc"
            self.log(f"{stage}_{name}", meter, is_shown, on_step=False, on_epoch=True, batch_size=len(labels))


def _check(model: str, num_classes: int, optimizer: dict[str, Any] | None) -> None:
    if not timm.is_model(model):
        close = ", ".join(difflib.get_close_matches(model, timm.list_models())) or "none, see timm.list_models()"
        raise ValueError(f"ImageClassifier: model must be in timm's registry, got {model!r}. Close: {close}.")
    if num_classes < 2:  # noqa: PLR2004  # one class is no classification
        raise ValueError(f"ImageClassifier: num_classes must be at least 2, got {num_classes!r}.")
    if optimizer is not None and "name" not in optimizer:
        known = ", ".join(rk.optim.names())
        raise ValueError(f"ImageClassifier: optimizer must hold a name, got {optimizer!r}. Known: {known}.")
