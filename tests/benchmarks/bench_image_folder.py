"""Photographs of 375 x 500 to training crops of 224: one process against other pipelines, and loaders of 2 workers.

Ours gives bytes, which the device standardizes. So do the others at their best; as their documentation has it they
standardize on the CPU.
"""

import io
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

import cv2
import numpy as np
import simplejpeg
import torch
from PIL import Image
from timm.data.loader import fast_collate
from timm.data.transforms_factory import transforms_imagenet_train
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate
from torchvision.io import ImageReadMode
from torchvision.transforms import v2

import lightning_regkit as rk
from lightning_regkit.augment._albumentations import albumentations
from recipes.data._batches import collate
from recipes.data._folder_dataset import TrainingImages
from recipes.data._folder_index import index_of
from recipes.data._image_options import IMAGENET_MEAN, IMAGENET_STD, ImageOptions
from recipes.data._loading import loading
from tests.benchmarks.harness import Against, Comparison
from tests.photos import photo_folder

FOLDER: Final = Path("benchmarks-out") / "photos"
CROP_PX: Final = 224
RESIZE_PX: Final = (256, 480)
BATCH: Final = 32
WORKERS: Final = 2
PILLOW: Final = "torchvision on Pillow"
TIMM: Final = "timm, bytes"
THREADS: Final = 1
FLOATS: Final = (v2.ToDtype(torch.float32, scale=True), v2.Normalize(list(IMAGENET_MEAN), list(IMAGENET_STD)))

Items: TypeAlias = list[tuple[Path, int]]


@dataclass(frozen=True)
class Peer:
    """From a path to an image; and how a loader makes batches of them."""

    pipeline: Any
    against: Against
    collate: Any = default_collate


class RandomSize(torch.nn.Module):
    """Resize the shorter side to a random length."""

    def forward(self, image: Any) -> Any:
        side_px = int(torch.randint(RESIZE_PX[0], RESIZE_PX[1] + 1, ()))
        return v2.functional.resize(image, [side_px], antialias=True)


def crops(law: str) -> tuple[Any, ...]:
    mirrored = v2.RandomHorizontalFlip()
    if law == "inception":
        return v2.RandomResizedCrop(CROP_PX, antialias=True), mirrored
    return RandomSize(), v2.RandomCrop(CROP_PX), mirrored


class OnPillow:
    """Transforms of images of Pillow; ``draft`` lets it decode large ones to a smaller size that is enough."""

    def __init__(self, transform: Any, *, draft: bool = False) -> None:
        self.transform, self.draft = transform, draft

    def __call__(self, path: Path) -> Tensor:
        with Image.open(io.BytesIO(path.read_bytes())) as image:
            if self.draft:
                image.draft("RGB", (RESIZE_PX[1], RESIZE_PX[1]))
            return self.transform(image.convert("RGB"))


class OnTensors:
    """torchvision v2 on tensors."""

    def __init__(self, law: str, *last: Any) -> None:
        self.transform = v2.Compose([*crops(law), *last])

    def __call__(self, path: Path) -> Tensor:
        data = torch.frombuffer(bytearray(path.read_bytes()), dtype=torch.uint8)
        # torchvision.io.decode_jpeg without its warning that it will go.
        return self.transform(torch.ops.image.decode_jpeg(data, ImageReadMode.RGB.value, False))


class OnArrays:
    """albumentations, decoded by OpenCV."""

    def __init__(self, law: str, *last: Any) -> None:
        sizes = list(range(RESIZE_PX[0], RESIZE_PX[1] + 1))
        inception = [albumentations.RandomResizedCrop((CROP_PX, CROP_PX))]
        resnet = [albumentations.SmallestMaxSize(sizes), albumentations.RandomCrop(CROP_PX, CROP_PX)]
        tail = [albumentations.HorizontalFlip(p=0.5), *last]
        self.transform = albumentations.Compose([*(inception if law == "inception" else resnet), *tail])

    def __call__(self, path: Path) -> Tensor:
        pixels = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR_RGB)
        return torch.from_numpy(self.transform(image=pixels)["image"]).permute(2, 0, 1).contiguous()


def decoded(path: Path) -> object:
    """Decode all of it, and do nothing else."""
    return simplejpeg.decode_jpeg(path.read_bytes())


class Piped(Dataset[Any]):
    """Files through a pipeline, with their labels."""

    def __init__(self, items: Items, pipeline: Any) -> None:
        self.items, self.pipeline = items, pipeline

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        path, label = self.items[index]
        return self.pipeline(path), label


def ours(items: Items, law: Any, *, exact: bool = False) -> TrainingImages:
    index = index_of(Path(), ("photo",), [(str(path), 0) for path, _ in items])
    return TrainingImages(index, ImageOptions(crop_px=CROP_PX, law=law, resize_px=RESIZE_PX, exact=exact), 0, None)


def each(images: Any, keys: list[Any]) -> None:
    for key in keys:
        images[key]


def through(loader: DataLoader[Any]) -> None:
    for _ in loader:
        pass


def comparisons(*, tiny: bool) -> list[Comparison]:
    cv2.setNumThreads(0)  # one core for all
    items = photo_folder(FOLDER / "375", 4 if tiny else 112)
    large = photo_folder(FOLDER / "1200", 2 if tiny else 14, (1200, 1600))
    drafted = Peer(OnPillow(v2.Compose([*crops("resnet"), v2.PILToTensor(), *FLOATS]), draft=True), "best")
    return [
        *(comparison for law in ("resnet", "inception") for comparison in _one_process(items, law)),
        *(_loader(items, "resnet", name, peer) for name, peer in _peers("resnet").items()),
        _loader(items, "inception", TIMM, _peers("inception")[TIMM]),
        _compared("resnet, 1200 x 1600 / decoding alone", large, "resnet", Peer(decoded, "nothing")),
        _compared("resnet, 1200 x 1600 / torchvision on Pillow that decodes to half", large, "resnet", drafted),
    ]


def _peers(law: str) -> dict[str, Peer]:
    normalize = albumentations.Normalize(IMAGENET_MEAN, IMAGENET_STD)
    timm = transforms_imagenet_train(CROP_PX, color_jitter=None, interpolation="bilinear", use_prefetcher=True)
    return {
        "decoding alone": Peer(decoded, "nothing"),
        "torchvision on tensors, bytes": Peer(OnTensors(law), "best"),
        "torchvision on tensors": Peer(OnTensors(law, *FLOATS), "default"),
        PILLOW: Peer(OnPillow(v2.Compose([*crops(law), v2.PILToTensor(), *FLOATS])), "default"),
        "albumentations, bytes": Peer(OnArrays(law), "best"),
        "albumentations": Peer(OnArrays(law, normalize), "default"),
        **({TIMM: Peer(OnPillow(timm), "best", fast_collate)} if law == "inception" else {}),  # timm has no other crop
    }


def _one_process(items: Items, law: str) -> list[Comparison]:
    peers = _peers(law)
    found = [_compared(f"{law} / {name}", items, law, peer) for name, peer in peers.items()]
    return [*found, _compared(f"{law}, exact / {PILLOW}", items, law, peers[PILLOW], exact=True)]


def _compared(name: str, items: Items, law: str, peer: Peer, **options: bool) -> Comparison:
    positions = list(range(len(items)))
    keys = [(0, position) for position in positions]
    fast, slow = partial(each, ours(items, law, **options), keys), partial(each, Piped(items, peer.pipeline), positions)
    return Comparison(name, fast, slow, rounds=11, against=peer.against)


def _loader(items: Items, law: str, name: str, peer: Peer) -> Comparison:
    workers = min(WORKERS, os.cpu_count() or 1)
    images = ours(items, law)
    sampler = rk.samplers.ResumableSampler(images.index, seed=0, keyed=True)
    options: dict[str, Any] = {"batch_size": BATCH, "num_workers": workers, "persistent_workers": True}
    fast = partial(through, DataLoader(images, BATCH, sampler=sampler, collate_fn=collate, **loading(None, workers)))
    piped = Piped(items, peer.pipeline)
    slow = partial(through, DataLoader(piped, shuffle=True, collate_fn=peer.collate, **options))
    return Comparison(f"{law}, {workers} workers / {name}", fast, slow, rounds=7, against=peer.against)
