"""Five members in one pass over a folder of JPEG photographs, against five tests, and against a loop over members.

The loop shares batches too. The last comparison: a fit that takes five members, and the same under ``ScheduleLR``.
"""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any, final

import lightning.pytorch as pl
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader
from torchmetrics.classification import MulticlassAccuracy

from lightning_regkit.callbacks import EnsembleCheckpoints, ScheduleLR, SnapshotEnsemble
from lightning_regkit.ensemble import write_member
from lightning_regkit.schedules import CyclicCosine
from recipes.networks import SmallResNet
from tests.benchmarks.harness import Comparison
from tests.photos import Photos, photo_folder
from tests.support import trainer

CLASSES, MEMBERS, BATCH = 10, 5, 50
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

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.01, momentum=0.9)


@final
class ByHand(Net):
    """Holds all members and shares each batch among them."""

    def __init__(self, nets: list[nn.Module]) -> None:
        super().__init__()
        self.nets = nn.ModuleList(nets)

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.stack([net(inputs).softmax(-1) for net in self.nets]).mean(0).log()


def comparisons(*, tiny: bool) -> list[Comparison]:
    folder = Path(mkdtemp())
    photos = Photos(photo_folder(folder / "photos", 10 if tiny else 200), resize_px=(32, 32))
    loader = DataLoader(photos, batch_size=BATCH)
    steps, rounds, warmup = (5, 1, 0) if tiny else (100, 5, 1)
    fits = partial(_fit, steps, True), partial(_fit, steps, False)
    return [
        *(
            Comparison(f"{layers} layers: {name}", ours, peer, rounds, warmup)
            for blocks, layers in ((3, 20), (1, 8))
            for name, ours, peer in _tests(loader, folder / str(blocks), blocks)
        ),
        Comparison("fit that takes 5 members / without", *fits, rounds, warmup),
    ]


def _tests(loader: DataLoader[Any], folder: Path, blocks: int) -> list[tuple[str, Act, Act]]:
    models = [Net(blocks) for _ in range(MEMBERS)]
    members = [write_member(folder, model.state_dict(), step=i, cycle=i, rate=0.0) for i, model in enumerate(models)]
    files = [folder / member.file for member in members]
    loop = partial(_test, ByHand([model.net for model in models]), loader)
    ours, blind = (partial(_test, Net(blocks), loader, EnsembleCheckpoints(files, curve=on)) for on in (True, False))
    return [
        ("one pass / five tests", ours, partial(_five, models, loader)),
        ("one pass / members in a loop", ours, loop),
        ("the same without the curve", blind, loop),
    ]


def _quietly(act: Act) -> None:
    logging.disable(logging.INFO)
    try:
        act()
    finally:
        logging.disable(logging.NOTSET)


def _test(model: pl.LightningModule, loader: DataLoader[Any], *callbacks: pl.Callback) -> None:
    _quietly(lambda: trainer(callbacks=list(callbacks)).test(model, loader, verbose=False))


def _five(models: list[Net], loader: DataLoader[Any]) -> None:
    for model in models:
        _test(model, loader)


def _fit(steps: int, is_ours: bool) -> None:
    batch = 25
    data = torch.utils.data.TensorDataset(torch.randn(steps * batch, 3, 8, 8), torch.arange(steps * batch) % CLASSES)
    with TemporaryDirectory() as name:
        ours = SnapshotEnsemble(MEMBERS, Path(name)) if is_ours else ScheduleLR(CyclicCosine(MEMBERS))
        fit = trainer(max_epochs=1, callbacks=[ours]).fit
        _quietly(lambda: fit(Net(), DataLoader(data, batch_size=batch)))
