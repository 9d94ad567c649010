"""``multiscale_50`` against a loop over all 50 crops, and ten crops against what others do; channels last.

The names of the first comparisons say what the ratio is to stay below: 1.03 times the share of crops that differ.
ttach is used where it is installed (``pip install ttach==0.0.3``; MIT license), and its loop over transforms, written
by hand, everywhere. The last comparison is a test with the curve, and without.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import lightning.pytorch as pl
import timm
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from torchvision.transforms import functional as tv

from lightning_regkit.callbacks import MultiCrop
from lightning_regkit.crops import Layout
from tests.benchmarks.harness import Against, Comparison, quiet
from tests.support import trainer

Net = Callable[[Tensor], Tensor]
ALLOWED = 1.03


@dataclass(frozen=True)
class Sizes:
    """How large everything is."""

    scales_px: tuple[int, ...]
    crop_px: int
    ten_px: int
    images: dict[str, list[tuple[int, int]]]
    batch: int
    rounds: int
    warmup: int


FULL = Sizes(
    scales_px=(224, 256, 384, 480, 640),
    crop_px=224,
    ten_px=256,
    images={"resnet18": [(256, 256), (256, 341), (640, 640), (480, 640)], "resnet50": [(500, 500), (375, 500)]},
    batch=2,
    rounds=5,
    warmup=1,
)
TINY = Sizes(
    scales_px=(32, 36, 48, 56, 64),
    crop_px=32,
    ten_px=36,
    images={"resnet18": [(48, 48)], "resnet50": [(36, 48)]},
    batch=1,
    rounds=1,
    warmup=0,
)


class Tested(pl.LightningModule):
    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def test_step(self, batch: Any, batch_idx: int) -> None:
        self.net(batch[0])


def comparisons(*, tiny: bool) -> list[Comparison]:
    torch.manual_seed(0)
    sizes = TINY if tiny else FULL
    nets = {name: timm.create_model(name).eval().to(memory_format=torch.channels_last) for name in sizes.images}
    small = nets["resnet18"]
    return [
        *(each for name, net in nets.items() for each in _fifty(name, net, sizes)),
        *(each for name, net in nets.items() for each in _ten(name, net, sizes)),
        _curve(small, sizes),
    ]


def _images(size: tuple[int, int], count: int) -> Tensor:
    return torch.randn(count, 3, *size).contiguous(memory_format=torch.channels_last)


def _ours(layout: Layout, net: Net, images: Tensor, chunk: int | None = None) -> Callable[[], object]:
    crops = MultiCrop(layout, curve=False, chunk=chunk)

    def run() -> Tensor:
        with torch.inference_mode():
            return crops.average(net, images)

    return run


def _fifty(name: str, net: Net, sizes: Sizes) -> list[Comparison]:
    """Each size against a loop, the last one also against the crops of each scale in one forward."""
    found = []
    for height, width in sizes.images[name]:
        layout, images = Layout("multiscale_50", sizes.scales_px, sizes.crop_px), _images((height, width), sizes.batch)
        listed = layout.views(height, width)
        bound = ALLOWED * len(set(listed)) / len(listed)
        text = f"{name}, {height} x {width}: {len(set(listed))} of {len(listed)} crops /"
        ours, loop = _ours(layout, net, images), partial(_naive, net, images, sizes)
        found.append(Comparison(f"{text} a loop (< {bound:.3f})", ours, loop, sizes.rounds, sizes.warmup, "default"))
    reshaped = partial(_reshaped_scales, net, images, sizes)
    return [*found, Comparison(f"{text} TenCrop and reshape", ours, reshaped, sizes.rounds, sizes.warmup)]


def _ten(name: str, net: Net, sizes: Sizes) -> list[Comparison]:
    scale = (sizes.ten_px,)
    images, layout = _images((sizes.ten_px, sizes.ten_px), sizes.batch), Layout("ten", scale, sizes.crop_px)
    ours = _ours(layout, net, images)
    reshaped = partial(_reshaped, net, images, sizes.crop_px)
    peers: dict[str, tuple[Callable[[], object], Against]] = {
        "TenCrop and reshape": (reshaped, "best"),
        "transforms in a loop": (partial(_looped, net, images, sizes.crop_px), "default"),
    }
    if find_spec("ttach") is not None:
        peers["ttach"] = _ttach(net, images, sizes.crop_px), "default"
    together = _ours(layout, net, images, 10 * sizes.batch)
    rounds, warmup = sizes.rounds, sizes.warmup
    return [
        *(Comparison(f"{name}: ten / {peer}", ours, run, rounds, warmup, to) for peer, (run, to) in peers.items()),
        Comparison(f"{name}: ten in one forward / TenCrop and reshape", together, reshaped, rounds, warmup),
    ]


@torch.inference_mode()
def _naive(net: Net, images: Tensor, sizes: Sizes) -> Tensor:
    total, count = torch.zeros(()), 0
    for side in sizes.scales_px:
        for crop in tv.ten_crop(tv.resize(images, [side], antialias=True), [sizes.crop_px, sizes.crop_px]):
            total, count = total + net(crop).softmax(1), count + 1
    return (total / count).log()


@torch.inference_mode()
def _reshaped_scales(net: Net, images: Tensor, sizes: Sizes) -> Tensor:
    scaled = (tv.resize(images, [side], antialias=True) for side in sizes.scales_px)
    return torch.stack([_reshaped(net, each, sizes.crop_px).exp() for each in scaled]).mean(0).log()


@torch.inference_mode()
def _reshaped(net: Net, images: Tensor, crop_px: int) -> Tensor:
    crops = torch.stack(tv.ten_crop(images, [crop_px, crop_px]), 1)  # (B, V, C, H, W)
    return net(crops.flatten(0, 1)).softmax(1).unflatten(0, crops.shape[:2]).mean(1).log()


@torch.inference_mode()
def _looped(net: Net, images: Tensor, crop_px: int) -> Tensor:
    """What ttach's ``ten_crop_transform`` does: mirror, then cut, for each pair anew; the mean of raw outputs."""
    total = torch.zeros(())
    for mirror in (False, True):
        for place in range(5):
            mirrored = images.flip(3) if mirror else images
            total = total + net(tv.five_crop(mirrored, [crop_px, crop_px])[place])
    return total / 10


def _ttach(net: Net, images: Tensor, crop_px: int) -> Callable[[], object]:
    ttach = import_module("ttach")
    wrapped = ttach.ClassificationTTAWrapper(net, ttach.aliases.ten_crop_transform(crop_px, crop_px))
    return torch.inference_mode()(partial(wrapped, images))


def _curve(net: nn.Module, sizes: Sizes) -> Comparison:
    inputs = _images((sizes.ten_px, sizes.ten_px), 2 * sizes.batch)
    data = DataLoader(TensorDataset(inputs, torch.zeros(len(inputs), dtype=torch.long)), batch_size=sizes.batch)

    @quiet()
    def test(*, curve: bool) -> None:
        crops = MultiCrop("ten", resize_px=(sizes.ten_px,), crop_px=sizes.crop_px, curve=curve)
        trainer(callbacks=[crops]).test(Tested(net), data, verbose=False)

    with_curve, without = partial(test, curve=True), partial(test, curve=False)
    name = "resnet18: ten with the curve / without"
    return Comparison(name, with_curve, without, sizes.rounds, sizes.warmup, "nothing")
