"""Script: tests and fits where processes differ by a sample and by a batch, Lightning's own deal, refusals."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassAccuracy

from lightning_regkit.samplers import ExactDistributedSampler
from tests.ddp.support import Flip, ddp_trainer, is_clean, write
from tests.support import NUM_CLASSES, SIDE_PX, Classifier, images, trainer

#: (samples, batch size): batches of the two processes.
CASES = {(5, 2): (2, 1), (9, 4): (2, 1), (9, 3): (2, 2), (3, 1): (2, 1), (2, 4): (1, 1), (8, 4): (1, 1)}
EPOCHS = 3
TRAINED = 16


class Scored(Classifier):
    """Logs the same two numbers in every way there is; its targets are right for all images but the first."""

    def __init__(self, **log: Any) -> None:
        torch.manual_seed(0)
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(SIDE_PX**2, NUM_CLASSES), nn.BatchNorm1d(NUM_CLASSES))
        self.accuracy = MulticlassAccuracy(NUM_CLASSES, average="micro")
        self.mean = MeanMetric()
        self.log_options = log
        self.indices: list[int] = []
        self.epochs: list[dict[str, Any]] = []

    def test_step(self, batch: Any, batch_idx: int) -> None:
        self.score(*batch)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.score(*batch)

    def score(self, inputs: Tensor, labeled: Tensor) -> None:
        targets, indices = labeled.unbind(1)
        logits = self(inputs)
        loss = functional.cross_entropy(logits, targets)
        self.accuracy(logits, targets)
        self.mean(loss, weight=len(inputs))
        self.indices += indices.tolist()
        self.log("accuracy", self.accuracy, on_epoch=True)
        self.log("mean", self.mean, on_epoch=True)
        self.log("weighted", loss, on_epoch=True, sync_dist=True, batch_size=len(inputs) * self.trainer.world_size)
        self.log("logged", loss, sync_dist=True, **{"on_epoch": True, **self.log_options})

    def on_validation_epoch_end(self) -> None:
        state = {name: value.tolist() for name, value in self.net.state_dict().items()}
        self.epochs.append({"indices": self.indices, "state": state})
        self.indices = []


class Watch(pl.Callback):
    """Keeps what each validation of a fit gave."""

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, Scored)
        pl_module.epochs[-1]["metrics"] = {name: value.item() for name, value in trainer.callback_metrics.items()}


def scored_data(count: int) -> TensorDataset:
    """Label every image as a fresh ``Scored`` classifies it, and the first one otherwise; its index is beside it."""
    inputs, _ = images(count)
    with torch.no_grad():
        targets = Scored().eval()(inputs).argmax(1)
    targets[0] = (targets[0] + 1) % NUM_CLASSES
    return TensorDataset(inputs, torch.stack([targets, torch.arange(count)], 1))


def exact_loader(count: int, batch_size: int) -> DataLoader[Any]:
    data = scored_data(count)
    return DataLoader(data, batch_size=batch_size, sampler=ExactDistributedSampler(data))


def lightning_loader(count: int, batch_size: int) -> DataLoader[Any]:
    return DataLoader(scored_data(count), batch_size=batch_size)


def one_process(count: int, batch_size: int, state: dict[str, Any] | None = None) -> dict[str, float]:
    """Test on one process, without any sampler, with these weights."""
    model = Scored()
    if state is not None:
        model.net.load_state_dict({name: torch.tensor(value) for name, value in state.items()})
    return dict(trainer().test(model, lightning_loader(count, batch_size), verbose=False)[0])


def tested(data: DataLoader[Any], **log: Any) -> dict[str, Any]:
    model = Scored(**log)
    own = ddp_trainer()
    metrics = own.test(model, data, verbose=False)[0]
    return {"metrics": metrics, "indices": model.indices, "rank": own.global_rank}


def fitted(data: DataLoader[Any] | None) -> dict[str, Any]:
    model, train = Scored(), DataLoader(TensorDataset(*images(TRAINED)), batch_size=4)
    options: dict[str, Any] = {} if data is not None else {"limit_val_batches": 0}
    ddp_trainer(max_epochs=EPOCHS, callbacks=[Watch()], num_sanity_val_steps=2, **options).fit(model, train, data)
    state = {name: value.tolist() for name, value in model.net.state_dict().items()}
    return {"epochs": model.epochs[1:], "state": state}  # the first is the sanity check


def refused(enter: Callable[[pl.Trainer, Scored], Any], **log: Any) -> dict[str, Any]:
    model, own, text = Scored(**log), ddp_trainer(max_epochs=1, callbacks=[Flip()]), ""
    try:
        enter(own, model)
    except ValueError as error:
        text = str(error)
    return {"text": text, "steps": len(model.rates), "indices": model.indices, "is_clean": is_clean(model)}


def refusals() -> dict[str, Any]:
    train = DataLoader(TensorDataset(*images(TRAINED)), batch_size=4)
    safe: dict[str, Any] = {"batch_size": 8}
    return {
        "test": refused(lambda own, model: own.test(model, lightning_loader(5, 2))),
        "validate": refused(lambda own, model: own.validate(model, lightning_loader(5, 2))),
        "fit": refused(lambda own, model: own.fit(model, train, lightning_loader(5, 2))),
        "rounds": refused(lambda own, model: own.test(model, exact_loader(9, 4))),
        "waits": refused(lambda own, model: own.test(model, exact_loader(9, 4)), on_step=True, batch_size=8),
        "none": refused(lambda own, model: own.test(model, exact_loader(9, 4)), **safe, on_step=False),
        "equal": refused(lambda own, model: own.test(model, lightning_loader(8, 4)), on_step=True),
        "predict": refused(lambda own, model: own.predict(model, lightning_loader(5, 2))),
    }


def main(folder: Path) -> None:
    found: dict[str, Any] = {
        "exact": {str(case): tested(exact_loader(*case)) for case in CASES},
        "lightning": {str(case): tested(lightning_loader(*case)) for case in CASES},
        "fits": {str(case): fitted(exact_loader(*case)) for case in CASES},
        "fit_alone": fitted(None),
        "on_step": tested(exact_loader(9, 3), on_step=True, on_epoch=False),
        "refusals": refusals(),
    }
    write(folder, found["on_step"]["rank"], found)
    tested(exact_loader(1, 1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
