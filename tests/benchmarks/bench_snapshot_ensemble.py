"""Five members in one pass over a folder of JPEG photographs, against five tests, and against a loop over members.

The loop shares batches too. Then fits that take five members: against ``ModelCheckpoint`` under torch's cosine with
restarts, of weights alone at its best, and against ``ScheduleLR`` that takes none.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, final

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics.classification import MulticlassAccuracy

from lightning_regkit.callbacks import EnsembleCheckpoints, ScheduleLR, SnapshotEnsemble
from lightning_regkit.ensemble import write_member
from lightning_regkit.schedules import CyclicCosine
from recipes.networks import SmallResNet
from tests.benchmarks.harness import Against, Comparison, new_folder, quiet
from tests.photos import Photos, photo_folder
from tests.support import trainer

CLASSES, MEMBERS, BATCH = 10, 5, 50
THREADS = 1
Act = Callable[[], object]


class Net(pl.LightningModule):
    def __init__(self, blocks: int = 3) -> None:
        super().__init__()
        self.net = SmallResNet(blocks, num_classes=CLASSES)
        self.accuracy = MulticlassAccuracy(CLASSES, average="micro")

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.net(inputs)
        return logits

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return functional.cross_entropy(self(batch[0]), batch[1])

    def test_step(self, batch: Any, batch_idx: int) -> None:
        self.accuracy(self(batch[0]), batch[1])
        self.log("accuracy", self.accuracy)

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.01, momentum=0.9)


@final
class Restarted(Net):
    """Trains under torch's cosine with restarts."""

    def configure_optimizers(self) -> Any:
        optimizer = super().configure_optimizers()
        steps = int(self.trainer.estimated_stepping_batches) // MEMBERS
        scheduler = CosineAnnealingWarmRestarts(optimizer, steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


@final
class ByHand(Net):
    """Holds all members and shares each batch among them."""

    def __init__(self, nets: list[nn.Module]) -> None:
        super().__init__()
        self.nets = nn.ModuleList(nets)

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.stack([net(inputs).softmax(-1) for net in self.nets]).mean(0).log()


def comparisons(*, tiny: bool) -> list[Comparison]:
    folder = new_folder()
    photos = Photos(photo_folder(folder / "photos", 10 if tiny else 200), resize_px=(32, 32))
    loader = DataLoader(photos, batch_size=BATCH)
    steps, rounds, warmup = (5, 1, 0) if tiny else (100, 5, 1)
    fit = partial(_fit, steps, _snapshots)
    return [
        *(
            Comparison(f"{layers} layers: {name}", ours, peer, rounds, warmup, against)
            for blocks, layers in ((3, 20), (1, 8))
            for name, ours, peer, against in _tests(loader, folder / str(blocks), blocks)
        ),
        *(
            Comparison(f"fit that takes 5 members / {name}", fit, peer, rounds, warmup, against)
            for name, peer, against in _fits(steps)
        ),
    ]


def _tests(loader: DataLoader[Any], folder: Path, blocks: int) -> list[tuple[str, Act, Act, Against]]:
    models = [Net(blocks) for _ in range(MEMBERS)]
    members = [write_member(folder, model.state_dict(), step=i, cycle=i, rate=0.0) for i, model in enumerate(models)]
    files = [folder / member.file for member in members]
    loop = partial(_test, ByHand([model.net for model in models]), loader)
    ours, blind = (partial(_test, Net(blocks), loader, EnsembleCheckpoints(files, curve=on)) for on in (True, False))
    return [
        ("one pass / five tests", ours, partial(_five, models, loader), "default"),
        ("one pass / members in a loop", ours, loop, "best"),
        ("the same without the curve", blind, loop, "best"),
    ]


@quiet()
def _test(model: pl.LightningModule, loader: DataLoader[Any], *callbacks: pl.Callback) -> None:
    trainer(callbacks=list(callbacks)).test(model, loader, verbose=False)


def _five(models: list[Net], loader: DataLoader[Any]) -> None:
    for model in models:
        _test(model, loader)


def _fits(steps: int) -> list[tuple[str, Act, Against]]:
    every = steps // MEMBERS

    def kept(folder: Path, *, save_weights_only: bool) -> pl.Callback:
        options = {"every_n_train_steps": every, "save_top_k": -1, "save_weights_only": save_weights_only}
        return ModelCheckpoint(folder, **options)

    def plain(_: Path) -> pl.Callback:
        return ScheduleLR(CyclicCosine(MEMBERS))

    return [
        ("ModelCheckpoint of weights", partial(_fit, steps, partial(kept, save_weights_only=True), Restarted), "best"),
        ("ModelCheckpoint", partial(_fit, steps, partial(kept, save_weights_only=False), Restarted), "default"),
        ("without", partial(_fit, steps, plain), "nothing"),
    ]


def _snapshots(folder: Path) -> pl.Callback:
    return SnapshotEnsemble(MEMBERS, folder)


@quiet()
def _fit(steps: int, callback: Callable[[Path], pl.Callback], kind: type[Net] = Net) -> None:
    batch = 25
    data = TensorDataset(torch.randn(steps * batch, 3, 8, 8), torch.arange(steps * batch) % CLASSES)
    with TemporaryDirectory() as name:
        listed = callback(Path(name))
        has_files = isinstance(listed, ModelCheckpoint)
        fitted = trainer(max_epochs=1, callbacks=[listed], enable_checkpointing=has_files)
        fitted.fit(kind(), DataLoader(data, batch_size=batch))
