"""A module that can be trained in every way that two processes can be run in, and its data.

Everything here is importable, so that it also pickles for ``ddp_spawn``.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassAccuracy

from lightning_regkit.samplers import ExactDistributedSampler, ResumableSampler
from tests.ddp.support import RANKS, Evaluated
from tests.ddp.ways import SHARDED, whole
from tests.support import NUM_CLASSES, SIDE_PX, images

EPOCHS: Final = 3
#: Of an epoch.
STEPS: Final = 4
#: Images of a step, of all processes together.
BATCH: Final = 8
SEED: Final = 5
HIDDEN: Final = 6


class Net(nn.Module):
    """Two layers; keeps what is between them."""

    def __init__(self, *, is_normalized: bool, is_noisy: bool, is_pooled: bool) -> None:
        super().__init__()
        self.resize = nn.AdaptiveAvgPool2d(SIDE_PX)  # nothing to images that are not smaller
        self.pool = nn.MaxPool2d(3, stride=2, padding=1) if is_pooled else nn.Identity()
        inputs = SIDE_PX**2 // 4 if is_pooled else SIDE_PX**2
        self.first, self.last = nn.Linear(inputs, HIDDEN), nn.Linear(HIDDEN, NUM_CLASSES)
        self.norm = nn.BatchNorm1d(HIDDEN) if is_normalized else nn.Identity()
        self.noise = nn.Dropout() if is_noisy else nn.Identity()
        self.hidden = torch.empty(0)

    def forward(self, inputs: Tensor) -> Tensor:
        self.hidden = self.noise(self.norm(self.first(self.pool(self.resize(inputs)).flatten(1))).tanh())
        return self.last(self.hidden)


class Probe(Evaluated):
    """A classifier in double precision; logs a validation loss, and the scores of a test.

    Args:
        way: ``"unused"`` gives it a head that only some batches use, and a layer that none does; ``"fully_shard"`` and
            ``"tensor"`` take it into parts.
        is_normalized: Whether it has batch statistics.
        is_noisy: Whether it has dropout.
        is_pooled: Whether images are pooled first.
    """

    def __init__(
        self, way: str = "alone", *, is_normalized: bool = False, is_noisy: bool = False, is_pooled: bool = False
    ) -> None:
        super().__init__()
        self.way = way
        self.net = Net(is_normalized=is_normalized, is_noisy=is_noisy, is_pooled=is_pooled)
        if way == "unused":
            self.aux, self.spare = nn.Linear(HIDDEN, 1), nn.Linear(2, 2)
        self.accuracy, self.mean = MulticlassAccuracy(NUM_CLASSES, average="micro"), MeanMetric()
        self.double()
        #: What the last layer got in the last training batch.
        self.hidden = torch.empty(0)
        #: Whether each batch used the head.
        self.uses: list[bool] = []
        #: The weights a fit ended with, whole.
        self.ends: list[float] = []
        #: Called after every hook of every callback, in a process that is spawned too.
        self.report: Callable[[Probe], None] | None = None

    def configure_model(self) -> None:
        mesh: Any = self.device_mesh
        if self.way == "fully_shard":
            for part in (self.net.first, self.net.last, self.net):
                fully_shard(part, mesh=mesh["data_parallel"])
        elif self.way == "tensor":
            plan = {"first": ColwiseParallel(), "last": RowwiseParallel()}
            parallelize_module(self.net, mesh["tensor_parallel"], plan)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        inputs, targets = batch
        self.seen.append(batch)
        loss = functional.cross_entropy(self(inputs), targets)
        return loss + self._aux(inputs) if self.way == "unused" else loss

    def _aux(self, inputs: Tensor) -> Tensor:
        chosen = inputs.flatten(1).sum(1) > 3
        self.uses.append(bool(chosen.any()))
        if not chosen.any():
            return inputs.new_zeros(())
        return self.aux(self.net.hidden[chosen]).square().sum() / len(inputs)

    def on_train_batch_end(self, *_: Any) -> None:
        self.hidden = self.net.hidden.detach()

    def on_train_end(self) -> None:
        if self.way in SHARDED:  # later they cannot be put together
            self.ends = flat(whole(self.trainer, self))

    def teardown(self, stage: str) -> None:
        if stage == "fit" and self.way not in SHARDED:
            self.ends = flat(self.parameters())
        if self.report is not None:
            self.report(self)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        inputs, targets = batch
        self.log("val_loss", functional.cross_entropy(self(inputs), targets), sync_dist=True, batch_size=len(inputs))

    def test_step(self, batch: Any, batch_idx: int) -> None:
        inputs, targets = batch
        logits = self._evaluate(batch)
        self.accuracy(logits, targets)
        self.mean(functional.cross_entropy(logits, targets), weight=len(inputs))
        self.log_dict({"accuracy": self.accuracy, "loss": self.mean})

    def configure_optimizers(self) -> torch.optim.Optimizer:
        optimizer = torch.optim.SGD(self.parameters(), lr=0.2, momentum=0.5)
        optimizer.register_step_pre_hook(self._record_rate)
        return optimizer


def flat(tensors: Iterable[Tensor]) -> list[float]:
    return torch.cat([tensor.detach().double().flatten() for tensor in tensors]).tolist()


def data(count: int) -> TensorDataset:
    inputs, targets = images(count)
    return TensorDataset(inputs.double(), targets)


def shared(steps: int, *, world_size: int, is_training: bool) -> DataLoader[Any]:
    """Share data out among processes, which together have the batches of one."""
    images = data(BATCH * steps)
    sampler = ResumableSampler(images, seed=SEED) if is_training else ExactDistributedSampler(images)
    return DataLoader(images, batch_size=BATCH // world_size, sampler=sampler)


def common(steps: int) -> DataLoader[Any]:
    """Let all processes read the same batches, of the size of a share."""
    return DataLoader(data(BATCH * steps), batch_size=BATCH // RANKS)
