"""What is cut is what was drawn, of everything that comes with an image."""

import pickle
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.transforms.v2 import functional

from lightning_regkit.augment import draw_inception_crop, draw_resnet_crop
from lightning_regkit.augment._albumentations import albumentations as A
from lightning_regkit.augment._crops import CenterCrop, InceptionCrop, ResNetCrop, ScaledCrop, Shrink
from lightning_regkit.augment._scaled_box import centered, shrunk
from tests.augment.support import DTYPES, SEEDS, SHAPES, Array, draws_of, picture, transformed

PLACES: dict[str, Any] = {
    "resnet": (
        ResNetCrop((9, 14), 8),
        lambda h, w, g: draw_resnet_crop(h, w, generator=g, resize_px=(9, 14), crop_px=8),
    ),
    "center": (CenterCrop(9, 8), lambda h, w, _: centered(h, w, resize_px=9, crop_px=8)),
    "shrink": (Shrink(9), lambda h, w, _: shrunk(h, w, resize_px=9)),
}


def inception(side: int = 8) -> InceptionCrop:
    return InceptionCrop(size=(side, side), scale=(0.08, 1.0), ratio=(3 / 4, 4 / 3), p=1.0)


def as_tensor(image: Array) -> torch.Tensor:
    return torch.from_numpy(np.atleast_3d(image)).permute(2, 0, 1)


def as_array(tensor: torch.Tensor, image: Array) -> Array:
    array: Array = tensor.permute(1, 2, 0).numpy()
    return array if image.ndim == 3 else array[..., 0]


@pytest.mark.parametrize("name", PLACES)
@given(shape=SHAPES, dtype=DTYPES, seed=SEEDS)
def test_the_image_is_torchvision_s_at_the_place_drawn(name: str, shape: Any, dtype: Any, seed: int) -> None:
    transform, place_of = PLACES[name]
    image = picture(shape, dtype)
    place = place_of(*shape[:2], draws_of(seed))
    box = place.box
    resized = functional.resize(as_tensor(image), list(place.resized_px), antialias=True)
    expected = functional.crop(resized, box.top, box.left, box.height, box.width)
    cut = transformed(transform, image, seed)
    assert cut.dtype == dtype
    np.testing.assert_array_equal(cut, as_array(expected, image))


@given(SHAPES, DTYPES, SEEDS)
def test_the_inception_crop_is_torchvision_s_at_the_place_drawn(shape: Any, dtype: Any, seed: int) -> None:
    image = picture(shape, dtype)
    box = draw_inception_crop(*shape[:2], generator=draws_of(seed))
    corner = (box.top, box.left, box.height, box.width)
    expected = functional.resized_crop(as_tensor(image), *corner, [8, 8], antialias=True)
    np.testing.assert_array_equal(transformed(inception(), image, seed), as_array(expected, image))


@pytest.mark.parametrize(
    "transform", [ResNetCrop((90, 140), 80), CenterCrop(90, 80), Shrink(35), inception(80)], ids=repr
)
def test_masks_boxes_and_points_follow(transform: Any) -> None:
    """A bright block in the dark: mask, box and key points still say where it is."""
    image = np.zeros((40, 60, 3), dtype=np.uint8)
    image[10:30, 20:50] = 255
    mask = (image[..., 0] > 0).astype(np.int32) * 70_000
    everything = A.Compose(
        [transform],
        bbox_params=A.BboxParams("pascal_voc", label_fields=[]),
        keypoint_params=A.KeypointParams("xy", remove_invisible=False),
    )
    for seed in range(20):
        everything.set_random_seed(seed)
        points = [(20.0, 10.0), (50.0, 30.0)]
        found = everything(image=image, mask=mask, bboxes=[(20, 10, 50, 30)], keypoints=points)
        height, width = found["image"].shape[:2]
        assert found["mask"].shape == (height, width)
        assert set(np.unique(found["mask"])) <= {0, 70_000}
        assert ((found["mask"] > 0) == (found["image"][..., 0] > 127)).mean() > 0.96
        (left, top), (right, bottom) = found["keypoints"]
        x, y = np.arange(width) + 0.5, np.arange(height) + 0.5
        inside = np.outer((y > top) & (y < bottom), (x > left) & (x < right))
        assert (inside == (found["image"][..., 0] > 127)).mean() > 0.9
        if inside.any():
            corners = np.clip([left, top, right, bottom], 0, [width, height] * 2)
            np.testing.assert_allclose(found["bboxes"][0][:4], corners, atol=1e-3)


@pytest.mark.parametrize("transform", [*(entry[0] for entry in PLACES.values()), inception()], ids=repr)
def test_images_that_come_together_are_cut_together(transform: Any) -> None:
    image = picture((20, 30, 3))
    found = A.Compose([transform])(images=np.stack([image, image, np.zeros_like(image)]))["images"]
    np.testing.assert_array_equal(found[0], found[1])
    assert found[0].shape == found[2].shape
    assert found[0].any()
    assert not found[2].any()


@pytest.mark.parametrize("transform", [*(entry[0] for entry in PLACES.values()), inception()], ids=repr)
def test_they_can_be_shown_saved_and_sent(transform: Any) -> None:
    image = picture((20, 30, 3))
    loaded = A.from_dict(A.to_dict(transform))
    assert repr(loaded) == repr(transform) == repr(pickle.loads(pickle.dumps(transform)))
    np.testing.assert_array_equal(transformed(loaded, image, 3), transformed(transform, image, 3))


@given(st.sampled_from([ResNetCrop((9, 14), 8, p=0.0), CenterCrop(9, 8, p=0.0), Shrink(9, p=0.0)]))
def test_with_probability_0_nothing_happens(transform: ScaledCrop) -> None:
    image = picture((20, 30, 3))
    assert transform(image=image)["image"] is image
