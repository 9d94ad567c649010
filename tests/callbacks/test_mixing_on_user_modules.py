"""Every mixing callback on modules in the shapes users write, none of which knows of it.

Each module keeps what its loss was given and what came out; a slow loop over the parents of every example says what
should have.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader
from torchmetrics.classification import BinaryAccuracy, MulticlassAccuracy

from lightning_regkit import mixing
from lightning_regkit.callbacks import CutMix, Cutout, Mixup, OneOf, RandomErasing
from lightning_regkit.errors import UnmixedTargetsError
from lightning_regkit.mixing import MixedTarget
from tests.support import NUM_CLASSES, SIDE_PX, Items, images, trainer

BATCHES, BATCH_SIZE, EPOCHS = 3, 5, 2

CALLBACKS: dict[str, Callable[[], list[pl.Callback]]] = {
    "Mixup": lambda: [Mixup(1.0)],
    "Mixup per sample": lambda: [Mixup(1.0, per="sample")],
    "CutMix": lambda: [CutMix()],
    "CutMix per sample": lambda: [CutMix(per="sample")],
    "Cutout": lambda: [Cutout()],
    "RandomErasing": lambda: [RandomErasing(probability=1.0)],
    "OneOf": lambda: [OneOf([Mixup(1.0), CutMix(), Cutout()])],
    "Mixup and CutMix": lambda: [Mixup(1.0), CutMix()],
    "faded": lambda: [Mixup(1.0, probability=0.5), CutMix(until="0.5run")],
}
MIXES = [name for name in CALLBACKS if name not in ("Cutout", "RandomErasing")]


@pytest.fixture(autouse=True)
def _seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PL_GLOBAL_SEED", "7")
    torch.manual_seed(0)


class User(pl.LightningModule):
    """A network and a record: (outputs, targets as they came, loss) of every training step."""

    num_outputs = NUM_CLASSES

    def __init__(self) -> None:
        super().__init__()
        self.model: Any = nn.Sequential(nn.Flatten(), nn.Linear(SIDE_PX * SIDE_PX, self.num_outputs))
        self.record: list[tuple[Tensor, Tensor, Tensor]] = []

    def keep(self, outputs: Tensor, targets: Tensor, loss: Tensor) -> Tensor:
        self.record.append((outputs.detach().float(), targets, loss.detach().float()))
        return loss

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.1)

    def expected(self, outputs: Tensor, label: Tensor) -> Tensor:
        """Return the hard-label loss of one example."""
        return -outputs.log_softmax(-1)[label]


class Metered(User):
    """Hard-label metrics in the step, logged; and accuracy by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.accuracy = MulticlassAccuracy(NUM_CLASSES, average="micro")

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        x, y = batch
        logits = self(x)
        loss = functional.cross_entropy(logits, y)
        self.accuracy(logits, y)
        self.log("accuracy", self.accuracy, on_step=True, on_epoch=True)
        self.log_dict({"loss": loss, "by_hand": (logits.argmax(dim=1) == y).float().mean()})
        return self.keep(logits, y, loss)


class CallsModel(User):
    def training_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        x, y = batch
        logits = self.model(x)
        return {"loss": self.keep(logits, y, functional.nll_loss(functional.log_softmax(logits, dim=1), y))}


class LossAttribute(User):
    """The loss is a module, weighted by class and smoothing labels."""

    def __init__(self) -> None:
        super().__init__()
        self.criterion: nn.Module = nn.CrossEntropyLoss(reduction="sum", label_smoothing=0.1)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        logits = self.model(batch[0])
        return self.keep(logits, batch[1], self.criterion(logits, batch[1]) / len(logits))

    def expected(self, outputs: Tensor, label: Tensor) -> Tensor:
        surprise = -outputs.log_softmax(-1)
        return 0.9 * surprise[label] + 0.1 * surprise.mean()


class DictBatch(User):
    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        logits = self.model(batch["image"])
        loss = functional.cross_entropy(logits, batch["label"])
        assert batch["name"] == "five"
        return self.keep(logits, batch["label"], loss)


class BinaryLogit(User):
    num_outputs = 1

    def __init__(self) -> None:
        super().__init__()
        self.accuracy = BinaryAccuracy()

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        x, y = batch
        logits = self.model(x)
        loss = functional.binary_cross_entropy_with_logits(logits, y.view(-1, 1).type_as(x))
        self.accuracy(logits.squeeze(1), y)
        return self.keep(logits, y, loss)

    def expected(self, outputs: Tensor, label: Tensor) -> Tensor:
        prob = outputs[0].sigmoid()
        return -(prob if label else 1 - prob).log()


class OwnScheduler(Metered):
    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.AdamW(self.parameters(), lr=0.01)
        scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=BATCHES * EPOCHS)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


class Adversarial(User):
    """A GAN with an auxiliary classifier: the generator's step uses no labels."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.generator = nn.Linear(2, SIDE_PX * SIDE_PX)

    def configure_optimizers(self) -> Any:
        return [torch.optim.Adam(part.parameters(), lr=0.01) for part in (self.generator, self.model)]

    def training_step(self, batch: Any, batch_idx: int) -> None:
        x, y = batch
        optimizers: Any = self.optimizers()
        first, second = optimizers
        self.toggle_optimizer(first)
        first.zero_grad()
        self.manual_backward(self.model(self.generator(torch.randn(len(x), 2))).square().mean())
        first.step()
        self.untoggle_optimizer(first)
        second.zero_grad()
        logits = self.model(x)
        self.manual_backward(self.keep(logits, y, functional.cross_entropy(logits, y)))
        second.step()


MODULES = [Metered, CallsModel, LossAttribute, DictBatch, BinaryLogit, OwnScheduler, Adversarial]


def data(kind: type[User]) -> DataLoader[Any]:
    batches: list[Any] = []
    for x, y in zip(*(part.split(BATCH_SIZE) for part in images(BATCHES * BATCH_SIZE)), strict=True):
        labels = y % 2 if kind is BinaryLogit else y
        batches.append({"image": x, "label": labels, "name": "five"} if kind is DictBatch else (x, labels))
    return DataLoader(Items(batches), batch_size=None)


def parents(targets: Tensor) -> Iterator[list[tuple[float, Tensor]]]:
    """Give the weight and the label of every parent of every example."""
    if not isinstance(targets, MixedTarget):
        targets = MixedTarget(targets[None], torch.ones(1, len(targets)))
    for weights, labels in zip(targets.weights.T.tolist(), targets.labels.T, strict=True):
        yield list(zip(weights, labels, strict=True))


def slow_loss(model: User, outputs: Tensor, targets: Tensor) -> Tensor:
    pairs = zip(outputs, parents(targets), strict=True)
    losses = [sum(weight * model.expected(row, label) for weight, label in found) for row, found in pairs]
    return torch.stack(losses).mean()


def check(model: User, *, tolerance: float = 1e-5) -> None:
    assert len(model.record) == BATCHES * EPOCHS
    for outputs, targets, loss in model.record:
        torch.testing.assert_close(slow_loss(model, outputs, targets), loss, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("kind", MODULES)
@pytest.mark.parametrize("name", CALLBACKS)
def test_it_trains_unchanged_on_the_right_mixture(name: str, kind: type[User]) -> None:
    model = kind()
    before = model.model[1].weight.detach().clone()
    trainer(max_epochs=EPOCHS, callbacks=CALLBACKS[name]()).fit(model, data(kind))
    check(model)
    assert not torch.equal(model.model[1].weight, before)
    is_mixed = [isinstance(targets, MixedTarget) for _, targets, _ in model.record]
    assert any(is_mixed) == (name in MIXES)
    assert all(is_mixed) == (name in MIXES and name not in ("OneOf", "faded"))


@pytest.mark.parametrize("name", CALLBACKS)
def test_mixed_precision(name: str) -> None:
    model = Metered()
    trainer(max_epochs=EPOCHS, precision="bf16-mixed", callbacks=CALLBACKS[name]()).fit(model, data(Metered))
    check(model, tolerance=1e-3)


@pytest.mark.parametrize("name", ["Mixup", "OneOf"])
def test_a_compiled_module(name: str) -> None:
    model = CallsModel()
    compiled: Any = torch.compile(model, backend="eager")
    trainer(max_epochs=EPOCHS, callbacks=CALLBACKS[name]()).fit(compiled, data(CallsModel))
    torch.compiler.reset()
    check(model)


def focal(logits: Tensor, targets: Tensor, reduction: str = "mean") -> Tensor:
    logp = functional.log_softmax(logits, dim=1).gather(1, targets[:, None])[:, 0]
    losses = -((1 - logp.exp()) ** 2) * logp
    return losses.mean() if reduction == "mean" else losses


registered_focal = mixing.register_loss(focal)


class Focal(User):
    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        x, y = batch
        logits = self.model(x)
        return self.keep(logits, y, focal(logits, y))

    def expected(self, outputs: Tensor, label: Tensor) -> Tensor:
        prob = outputs.softmax(-1)[label]
        return -((1 - prob) ** 2) * prob.log()


@pytest.mark.parametrize("owner", ["Mixup", "CutMix", "OneOf"])
def test_a_focal_loss_is_refused(owner: str) -> None:
    text = (
        f"{owner}: training_step must pass the batch's targets to a loss that mixes, got a loss that did not see them. "
        "Call a registered loss such as torch.nn.functional.cross_entropy on the targets as they come "
        "(mixing.register_loss adds yours), pass targets='probabilities' and give your loss (B, K) probabilities, or "
        f"remove {owner}."
    )
    callbacks = [OneOf([Mixup(1.0), CutMix()])] if owner == "OneOf" else CALLBACKS[owner]()
    with pytest.raises(UnmixedTargetsError, match=f"^{re.escape(text)}$"):
        trainer(max_epochs=1, callbacks=callbacks).fit(Focal(), data(Focal))


class RegisteredFocal(Focal):
    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        x, y = batch
        logits = self.model(x)
        return self.keep(logits, y, registered_focal(logits, y))


@pytest.mark.parametrize("name", CALLBACKS)
def test_a_registered_focal_loss_sees_the_mixture(name: str) -> None:
    model = RegisteredFocal()
    trainer(max_epochs=EPOCHS, callbacks=CALLBACKS[name]()).fit(model, data(Focal))
    check(model)


@pytest.mark.parametrize("name", ["Cutout", "RandomErasing"])
def test_a_focal_loss_is_fine_where_no_target_is_mixed(name: str) -> None:
    model = Focal()
    trainer(max_epochs=EPOCHS, callbacks=CALLBACKS[name]()).fit(model, data(Focal))
    check(model)
