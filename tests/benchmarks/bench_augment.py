"""Augmentation of one photograph: ours against torchvision's of the same law, and what keying the noise adds."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image
from torchvision.transforms import v2

from lightning_regkit import augment
from lightning_regkit.augment._albumentations import albumentations
from tests.benchmarks.harness import Comparison
from tests.photos import SOURCES

IMAGENET_PX = (375, 500)


def comparisons(*, tiny: bool) -> list[Comparison]:
    height, width = (24, 32) if tiny else IMAGENET_PX
    photo = cv2.resize(SOURCES["coffee"](), (width, height), interpolation=cv2.INTER_AREA)
    crop_px, least, most = (8, 9, 17) if tiny else (224, 256, 480)
    repeats = 1 if tiny else 50
    tensor, pil = torch.from_numpy(photo).permute(2, 0, 1), Image.fromarray(photo)
    resnet = augment.resnet_train(crop_px, resize_px=(least, most))
    resized = v2.RandomChoice([v2.Resize(side, antialias=True) for side in range(least, most + 1)])
    theirs = v2.Compose([resized, v2.RandomCrop(crop_px), v2.RandomHorizontalFlip()])
    inception = augment.inception_train(crop_px)
    their_inception = v2.Compose([v2.RandomResizedCrop(crop_px, antialias=True), v2.RandomHorizontalFlip()])
    keyed, auto = augment.Keyed([photo], resnet, seed=0), v2.AutoAugment()
    ours_auto, small = augment.from_torchvision(auto), tensor[:, :crop_px, :crop_px].contiguous()
    pixels = np.ascontiguousarray(photo[:crop_px, :crop_px])
    lighting, per_image = augment.Lighting(), albumentations.FancyPCA(p=1.0)
    brightness = augment.color_simple()
    jitter = v2.ColorJitter(brightness=0.4, contrast=0.4)
    pairs: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
        "resnet_train / torchvision of tensors": (lambda: resnet(image=photo), lambda: theirs(tensor)),
        "resnet_train / torchvision of PIL": (lambda: resnet(image=photo), lambda: theirs(pil)),
        "inception_train / torchvision of tensors": (lambda: inception(image=photo), lambda: their_inception(tensor)),
        "inception_train / torchvision of PIL": (lambda: inception(image=photo), lambda: their_inception(pil)),
        "resnet_train: Keyed / not": (lambda: keyed[0, 0], lambda: resnet(image=photo)),
        "AutoAugment: from_torchvision / itself": (lambda: ours_auto(image=pixels), lambda: auto(small)),
        "color_simple / torchvision ColorJitter": (lambda: brightness(image=pixels), lambda: jitter(small)),
        "Lighting / albumentations FancyPCA": (lambda: lighting(image=pixels), lambda: per_image(image=pixels)),
    }
    return [
        Comparison(name, _often(ours, repeats), _often(peer, repeats), rounds=1 if tiny else 21)
        for name, (ours, peer) in pairs.items()
    ]


def _often(function: Callable[[], Any], repeats: int) -> Callable[[], None]:
    def run() -> None:
        for _ in range(repeats):
            function()

    return run
