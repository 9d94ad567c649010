"""What the tests of crops share: a network that takes any size, images with room for crops, crops by torchvision."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from torchvision.transforms import functional as tv

from tests.support import NUM_CLASSES, Validated, trainer

CROP_PX = 8
RESIZE_PX = (8, 10)
#: Height and width; the square one has coinciding crops.
SIZES = ((12, 16), (12, 12))
SIZED: dict[str, Any] = {"resize_px": RESIZE_PX, "crop_px": CROP_PX}
COUNT, BATCH = 10, 4


class Pooled(Validated):
    """Convolution, pooling, a linear layer; keeps the shape of every forward, and the mean of what it was given."""

    def __init__(self, seed: int = 0, outputs: int = NUM_CLASSES) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.net = nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.Tanh(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, outputs)
        )
        with torch.no_grad():
            self.net[4].weight.mul_(20)  # so that crops differ
        self.shapes: list[tuple[int, ...]] = []

    def forward(self, inputs: Tensor) -> Tensor:
        self.shapes.append(tuple(inputs.shape))
        return self.net(inputs)


def photos(count: int = COUNT, size: tuple[int, int] = SIZES[0]) -> Tensor:
    """Return images (N, 3, H, W) that look different everywhere."""
    return torch.randn(count, 3, *size, generator=torch.Generator().manual_seed(count))


def labels(count: int = COUNT) -> Tensor:
    return torch.arange(count) % NUM_CLASSES


def photo_loader(count: int = COUNT, size: tuple[int, int] = SIZES[0], batch_size: int = BATCH) -> DataLoader[Any]:
    return DataLoader(TensorDataset(photos(count, size), labels(count)), batch_size=batch_size)


def lists(batch: Sequence[Any]) -> Any:
    """Collate without stacking, for images of unequal size."""
    return [image for image, _ in batch], torch.tensor([target for _, target in batch])


def ten_crops(images: Tensor, resize_px: Sequence[int] = RESIZE_PX, crop_px: int = CROP_PX) -> list[Tensor]:
    """Return all crops as torchvision makes them, those that coincide included."""
    resized = [tv.resize(images, [side], antialias=True) for side in resize_px]
    return [crop for each in resized for crop in tv.ten_crop(each, [crop_px, crop_px])]


@torch.no_grad()
def view_scores(net: Callable[[Tensor], Tensor], images: Tensor, **sizes: Any) -> Tensor:
    """Return the scores of all crops (V, B, K), one after the other."""
    return torch.stack([net(crop) for crop in ten_crops(images, **sizes)])


def evaluated(
    model: Validated, *callbacks: Any, stage: str = "test", data: DataLoader[Any] | None = None, **options: Any
) -> Tensor:
    """Return what the module's step saw in one evaluation."""
    model.outputs = []
    quiet = {} if stage == "predict" else {"verbose": False}
    own = trainer(callbacks=list(callbacks), **options)
    getattr(own, stage)(model, photo_loader() if data is None else data, **quiet)
    return torch.cat(model.outputs)
