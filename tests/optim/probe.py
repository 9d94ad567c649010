"""One small fit under each thing that the support table is about, and the loop written by hand that it must equal."""

import copy
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.plugins.precision import MixedPrecision
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from lightning_regkit import optim
from lightning_regkit._lightning._closures import refuse_closure_misuse
from lightning_regkit.optim._ascent import ascent
from tests.support import trainer

COUNT, BATCH_SIZE = 24, 4
OVERFLOWS = 2  # the batch that does, under fp16
INIT_SCALE = 256.0
CLIP = 0.05
OPTIONS: dict[str, dict[str, Any]] = {
    "sam": {"rho": 0.3, "base": "momentum"},
    "lbfgs": {"max_iter": 3},
    "rprop": {"lr": 1e-3},
    "lamb": {"max_grad_norm": None},
}
IN_DOUBLE = {"plain", "groups", "accumulation", "clip_norm", "clip_value"}
Batch = tuple[Tensor, Tensor]


class Guard(Callback):
    """Asks what ScheduleLR asks."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        refuse_closure_misuse("ScheduleLR", trainer)


def data(dtype: torch.dtype = torch.float64) -> TensorDataset:
    generator = torch.Generator().manual_seed(1)
    return TensorDataset(torch.randn(COUNT, 6, generator=generator).to(dtype), torch.arange(COUNT) % 3)


def batches(size: int = BATCH_SIZE, dtype: torch.dtype = torch.float64) -> DataLoader[Any]:
    return DataLoader(data(dtype), batch_size=size)


def net() -> nn.Sequential:
    """Matrices only, which every optimizer takes."""
    generator = torch.Generator().manual_seed(2)
    layers = nn.Sequential(nn.Linear(6, 5, bias=False), nn.Tanh(), nn.Linear(5, 3, bias=False)).double()
    for parameter in layers.parameters():
        nn.init.normal_(parameter, generator=generator)
    return layers


def created(layers: nn.Module, name: str, *, is_grouped: bool = False, **given: Any) -> torch.optim.Optimizer:
    params: Any = list(layers.parameters())
    if is_grouped:
        params = [{"params": [params[0]], "lr_scale": 0.5}, {"params": [params[1]]}]
    return optim.create(params, name, **{"lr": 0.05, **OPTIONS.get(name, {}), **given})


class Probe(pl.LightningModule):
    def __init__(self, name: str, **given: Any) -> None:
        super().__init__()
        self.net = net()
        self.name = name
        self.given = given

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        loss = functional.cross_entropy(self.net(batch[0]), batch[1])
        return loss * torch.inf if self.trainer.scaler is not None and batch_idx == OVERFLOWS else loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return created(self.net, self.name, **self.given)


TRAINER: dict[str, Callable[[], dict[str, Any]]] = {
    "plain": lambda: {"precision": "64-true"},
    "groups": lambda: {"precision": "64-true"},
    "accumulation": lambda: {"precision": "64-true", "accumulate_grad_batches": 2},
    "fp16": lambda: {
        "plugins": [MixedPrecision("16-mixed", "cpu", torch.amp.GradScaler("cpu", init_scale=INIT_SCALE))]
    },
    "fp16_clipped": lambda: {**TRAINER["fp16"](), "gradient_clip_val": CLIP},
    "bf16": lambda: {"precision": "bf16-mixed"},
    "clip_norm": lambda: {"precision": "64-true", "gradient_clip_val": CLIP},
    "clip_value": lambda: {
        "precision": "64-true",
        "gradient_clip_val": CLIP,
        "gradient_clip_algorithm": "value",
    },
}


def fitted(name: str, column: str, *, is_guarded: bool = True, **given: Any) -> nn.Module:
    model = Probe(name, is_grouped=column == "groups", **given)
    dtype = torch.float64
    if column not in IN_DOUBLE:
        model, dtype = model.float(), torch.float32
    options = {"callbacks": [Guard()] if is_guarded else [], **TRAINER[column]()}
    trainer(max_epochs=1, **options).fit(model, batches(dtype=dtype))
    return model.net


def by_hand(name: str, column: str) -> nn.Module:
    """The same in plain torch: accumulated batches as one, an overflow left out, each group an optimizer of its own."""
    layers, dtype = net(), torch.float64
    if column not in IN_DOUBLE:
        layers, dtype = layers.float(), torch.float32
    if column == "groups":
        return _by_group(name, layers)
    optimizer = created(layers, name)
    for index, batch in enumerate(batches(BATCH_SIZE * (2 if column == "accumulation" else 1), dtype)):
        if column != "fp16" or index != OVERFLOWS:
            scale = 1.0 if column != "fp16" else INIT_SCALE / 2 if index > OVERFLOWS else INIT_SCALE
            optimizer.step(_closure(optimizer.zero_grad, layers, batch, column, scale))
    return layers


def _closure(
    clear: Callable[[], None], layers: nn.Module, batch: Batch, column: str, scale: float = 1.0
) -> Callable[[], float]:
    dtypes = {"fp16": torch.float16, "bf16": torch.bfloat16}
    params = list(layers.parameters())

    def closure() -> float:
        clear()
        with torch.autocast("cpu", dtypes[column]) if column in dtypes else nullcontext():
            loss = functional.cross_entropy(layers(batch[0]), batch[1])
        (loss * scale).backward()
        gradients = [parameter.grad for parameter in params if parameter.grad is not None]
        for gradient in gradients:
            gradient.div_(scale)
        if column == "clip_norm":
            nn.utils.clip_grad_norm_(params, CLIP)
        if column == "clip_value":
            for gradient in gradients:
                gradient.clamp_(-CLIP, CLIP)
        return loss.item()

    return closure


def _by_group(name: str, layers: nn.Module) -> nn.Module:
    options = dict(OPTIONS.get(name, {}))
    radius, base = options.pop("rho", 0.0), options.pop("base", name)
    rate = options.pop("lr", 0.05)
    pair = [
        optim.create([parameter], base, lr=factor * rate, **options)
        for parameter, factor in zip(layers.parameters(), (0.5, 1.0), strict=True)
    ]
    for batch in batches():
        closure, kept = _closure(layers.zero_grad, layers, batch, "groups"), copy.deepcopy(layers.state_dict())
        closure()
        with torch.no_grad():
            gradients = [parameter.grad for parameter in layers.parameters() if parameter.grad is not None]
            for parameter, move in zip(layers.parameters(), ascent(gradients, radius), strict=True):
                parameter.add_(move)
        closure()
        layers.load_state_dict(kept)
        for optimizer in pair:
            optimizer.step()
    return layers
