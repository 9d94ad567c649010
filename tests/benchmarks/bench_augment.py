"""Augmentation of one photograph: ours against torchvision's and albumentations' of the same law, and keyed noise."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2

from lightning_regkit import augment
from lightning_regkit.augment._albumentations import albumentations
from tests.benchmarks.harness import Against, Comparison
from tests.photos import SOURCES

IMAGENET_PX = (375, 500)
THREADS = 1
Act = Callable[[], Any]


def comparisons(*, tiny: bool) -> list[Comparison]:
    cv2.setNumThreads(0)  # one core for all
    height, width = (24, 32) if tiny else IMAGENET_PX
    photo = cv2.resize(SOURCES["coffee"](), (width, height), interpolation=cv2.INTER_AREA)
    crop_px, least, most = (8, 9, 17) if tiny else (224, 256, 480)
    repeats = 1 if tiny else 50
    pairs = {**_crops(photo, crop_px, (least, most)), **_colors(np.ascontiguousarray(photo[:crop_px, :crop_px]))}
    return [
        Comparison(name, _often(ours, repeats), _often(peer, repeats), 1 if tiny else 21, against=against)
        for name, (ours, peer, against) in pairs.items()
    ]


def _crops(photo: Any, crop_px: int, ends_px: tuple[int, int]) -> dict[str, tuple[Act, Act, Against]]:
    tensor, pil = torch.from_numpy(photo).permute(2, 0, 1), Image.fromarray(photo)
    sides = list(range(ends_px[0], ends_px[1] + 1))
    resnet, inception = augment.resnet_train(crop_px, resize_px=ends_px), augment.inception_train(crop_px)
    resized = v2.RandomChoice([v2.Resize(side, antialias=True) for side in sides])
    resnet_v2 = v2.Compose([resized, v2.RandomCrop(crop_px), v2.RandomHorizontalFlip()])
    inception_v2 = v2.Compose([v2.RandomResizedCrop(crop_px, antialias=True), v2.RandomHorizontalFlip()])
    mirror, crop = albumentations.HorizontalFlip(p=0.5), albumentations.RandomCrop(crop_px, crop_px)
    resnet_a = albumentations.Compose([albumentations.SmallestMaxSize(sides), crop, mirror])
    inception_a = albumentations.Compose([albumentations.RandomResizedCrop((crop_px, crop_px)), mirror])
    keyed = augment.Keyed([photo], resnet, seed=0)
    return {
        "resnet_train / torchvision of tensors": (lambda: resnet(image=photo), lambda: resnet_v2(tensor), "best"),
        "resnet_train / torchvision of PIL": (lambda: resnet(image=photo), lambda: resnet_v2(pil), "default"),
        "resnet_train / albumentations": (lambda: resnet(image=photo), lambda: resnet_a(image=photo), "best"),
        "inception_train / torchvision of tensors": (
            lambda: inception(image=photo),
            lambda: inception_v2(tensor),
            "best",
        ),
        "inception_train / torchvision of PIL": (lambda: inception(image=photo), lambda: inception_v2(pil), "default"),
        "inception_train / albumentations": (lambda: inception(image=photo), lambda: inception_a(image=photo), "best"),
        "resnet_train: Keyed / not": (lambda: keyed[0, 0], lambda: resnet(image=photo), "nothing"),
    }


def _colors(pixels: Any) -> dict[str, tuple[Act, Act, Against]]:
    tensor, pil = torch.from_numpy(pixels).permute(2, 0, 1).contiguous(), Image.fromarray(pixels)
    auto, jitter = v2.AutoAugment(), v2.ColorJitter(brightness=0.4, contrast=0.4)
    ours_auto, brightness = augment.from_torchvision(auto), augment.color_simple()
    lighting, per_image = augment.Lighting(), albumentations.FancyPCA(p=1.0)
    axes = torch.eye(3) / 10

    def by_hand() -> Tensor:
        return (tensor + 255 * (axes @ torch.randn(3))[:, None, None]).clamp(0, 255).to(torch.uint8)

    return {
        "AutoAugment of tensors: from_torchvision / itself": (
            lambda: ours_auto(image=pixels),
            lambda: auto(tensor),
            "best",
        ),
        "AutoAugment: from_torchvision / itself, of PIL": (
            lambda: ours_auto(image=pixels),
            lambda: auto(pil),
            "default",
        ),
        "color_simple / ColorJitter of tensors": (lambda: brightness(image=pixels), lambda: jitter(tensor), "best"),
        "color_simple / ColorJitter of PIL": (lambda: brightness(image=pixels), lambda: jitter(pil), "default"),
        "Lighting / on tensors by hand": (lambda: lighting(image=pixels), by_hand, "best"),
        "Lighting / albumentations FancyPCA": (
            lambda: lighting(image=pixels),
            lambda: per_image(image=pixels),
            "default",
        ),
    }


def _often(function: Act, repeats: int) -> Callable[[], None]:
    def run() -> None:
        for _ in range(repeats):
            function()

    return run
