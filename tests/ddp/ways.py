"""The ways that two processes are run in on CPU, with stand-ins where Lightning or torch asks for a GPU."""

from collections.abc import Callable
from typing import Any, Final

import lightning.pytorch as pl
import torch
from lightning.pytorch import strategies
from lightning.pytorch.plugins import LayerSync
from torch import Tensor, nn
from torch.distributed.fsdp import FullyShardedDataParallel
from torch.distributed.nn.functional import all_reduce
from torch.distributed.tensor import DTensor
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from tests.ddp.support import RANKS

#: Where a process has only part of the weights.
SHARDED: Final = ("fully_shard", "tensor", "fsdp")


class FSDPStrategy(strategies.FSDPStrategy):
    """Lightning refuses its own class on CPU, and torch wants to be told of the device; the rest works with gloo."""

    def _setup_model(self, model: nn.Module) -> FullyShardedDataParallel:
        return FullyShardedDataParallel(model, device_id=torch.device("cpu"), **self.kwargs)


class DeepSpeedStrategy(strategies.DDPStrategy):
    """Has the name and a base of Lightning's, which needs a package and a GPU: for refusals, which go by the name."""


class CpuSyncBatchNorm(_BatchNorm):
    """What torch's own computes, which refuses tensors on CPU, as DDP refuses its class there."""

    def forward(self, inputs: Tensor) -> Tensor:
        if not self.training:
            fixed = self.running_mean, self.running_var, self.weight, self.bias
            return functional.batch_norm(inputs, *fixed, training=False, eps=self.eps)
        count = RANKS * len(inputs)
        mean = all_reduce(inputs.sum(0)) / count
        centered = inputs - mean
        variance = all_reduce(centered.square().sum(0)) / count
        self._track(mean.detach(), variance.detach() * count / (count - 1))
        return centered * (variance + self.eps).rsqrt() * self.weight + self.bias

    def _track(self, mean: Tensor, variance: Tensor) -> None:
        assert self.num_batches_tracked is not None
        assert self.running_mean is not None
        assert self.running_var is not None
        self.num_batches_tracked.add_(1)
        share = 1 / self.num_batches_tracked.item() if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance, share)


class CpuSync(LayerSync):
    """Does what ``Trainer(sync_batchnorm=True)`` does, with the stand-in."""

    def apply(self, model: nn.Module) -> nn.Module:
        for module in model.modules():
            if isinstance(module, nn.BatchNorm1d):
                module.__class__ = CpuSyncBatchNorm  # type: ignore[assignment]
        return model

    def revert(self, model: nn.Module) -> nn.Module:
        return model


#: Arguments of a Trainer, made anew for each.
OPTIONS: Final[dict[str, Callable[[], dict[str, Any]]]] = {
    "alone": dict,
    "ddp": lambda: {"strategy": "ddp"},
    "unused": lambda: {"strategy": "ddp_find_unused_parameters_true"},
    "spawn": lambda: {"strategy": "ddp_spawn"},
    "sync": lambda: {"strategy": "ddp", "plugins": [CpuSync()]},
    "fully_shard": lambda: {
        "strategy": strategies.ModelParallelStrategy(data_parallel_size=RANKS, tensor_parallel_size=1)
    },
    "tensor": lambda: {"strategy": strategies.ModelParallelStrategy(data_parallel_size=1, tensor_parallel_size=RANKS)},
    "fsdp": lambda: {"strategy": FSDPStrategy()},
    "deepspeed": lambda: {"strategy": DeepSpeedStrategy()},
}


def options(way: str) -> dict[str, Any]:
    return {**OPTIONS[way](), "devices": 1 if way == "alone" else RANKS, "num_sanity_val_steps": 0}


def whole(trainer: pl.Trainer, module: nn.Module) -> list[Tensor]:
    """Copy the whole parameters on every process; where they are in parts, in a fit only."""
    model = trainer.strategy.model
    if isinstance(model, FullyShardedDataParallel):
        with FullyShardedDataParallel.summon_full_params(model):
            return [parameter.detach().clone() for parameter in module.parameters()]
    parts = [parameter.detach() for parameter in module.parameters()]
    return [part.full_tensor() if isinstance(part, DTensor) else part.clone() for part in parts]
