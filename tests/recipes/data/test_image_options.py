from typing import Any

import numpy as np
import pytest
import torch
from torchvision.transforms import v2

import lightning_regkit as rk
from recipes.data._image_options import ImageOptions


@pytest.mark.parametrize("size_px", [(375, 500), (500, 375), (64, 64), (1, 1), (3, 900)], ids=str)
def test_regions_are_those_of_the_papers_laws(size_px: tuple[int, int]) -> None:
    for seed in range(20):
        one, other = np.random.default_rng(seed), np.random.default_rng(seed)
        draw = rk.augment.draw_resnet_crop(*size_px, generator=one, resize_px=(80, 120), crop_px=64)
        options = ImageOptions(crop_px=64, resize_px=(80, 120))
        assert options.training_region(size_px, other) == draw.source
        box = rk.augment.draw_inception_crop(*size_px, generator=one, area=(0.5, 0.75))
        options = ImageOptions(crop_px=64, law="inception", area=(0.5, 0.75))
        assert options.training_region(size_px, other) == (box.top, box.left, box.height, box.width)


@pytest.mark.parametrize("size_px", [(375, 500), (501, 375), (64, 64), (31, 90)], ids=str)
def test_the_center_is_that_of_torchvision(size_px: tuple[int, int]) -> None:
    rows, columns = torch.meshgrid(*(torch.arange(side) + 0.5 for side in size_px), indexing="ij")
    places = v2.Compose([v2.Resize(73, antialias=False), v2.CenterCrop(64)])(torch.stack([rows, columns]))

    top, left, height, width = ImageOptions(crop_px=64, resize_px=(73, 90), test_resize_px=73).central_region(size_px)

    for start, length, along in ((top, height, places[0, :, 32]), (left, width, places[1, 32])):
        middle = along[1:-1].mean().item()  # torch holds the outermost pixels at the border
        assert start + length / 2 == pytest.approx(middle, abs=1e-3)
        assert length / 64 == pytest.approx((along[40] - along[20]).item() / 20, abs=1e-3)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"law": "vgg"}, "ImageOptions: law must be one of inception, resnet, got 'vgg'."),
        ({"test": "ten"}, "ImageOptions: test must be one of center, whole, got 'ten'."),
        ({"crop_px": 0}, "ImageOptions: crop_px must be from 1 to test_resize_px, 256, got 0."),
        ({"crop_px": 257}, "ImageOptions: crop_px must be from 1 to test_resize_px, 256, got 257."),
        ({"std": (0.2, 0.0, 0.2)}, "ImageOptions: std must be above 0, got (0.2, 0.0, 0.2)."),
        (
            {"resize_px": (200, 480)},
            "augment.draw_resnet_crop: crop_px must be at most the shorter side after resizing, 200, got 224.",
        ),
        (
            {"law": "inception", "area": (0.5, 1.5)},
            "augment.draw_inception_crop: area must be at most 1, got (0.5, 1.5).",
        ),
    ],
)
def test_refusals(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match="must") as error:
        ImageOptions(**options)
    assert str(error.value) == text


def test_transforms_of_others_are_refused() -> None:
    with pytest.raises(TypeError, match="must be of albumentations"):
        ImageOptions(transform=v2.RandomHorizontalFlip())
    assert ImageOptions(transform=rk.augment.Lighting()).transform is not None
