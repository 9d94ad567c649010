"""Laws of the training policies: what is shown is drawn as the papers say, and mirrored half of the time."""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.transforms import v2

from lightning_regkit.augment import (
    ScaledBox,
    apply_transform,
    cifar_train,
    draw_inception_crop,
    draw_resnet_crop,
    inception_train,
    resnet_train,
)
from lightning_regkit.augment._resize import resize
from tests.augment.support import (
    DTYPES,
    SEEDS,
    SHAPES,
    Array,
    chi_square,
    draws_of,
    is_valid,
    kolmogorov,
    kolmogorov_distance,
    picture,
    rng,
    transformed,
    uniform,
)

COIN = {False: 0.5, True: 0.5}


def resnet_crop(image: Array, seed: int) -> Array:
    place: ScaledBox = draw_resnet_crop(*image.shape[:2], generator=draws_of(seed))
    box = place.box
    return resize(image, place.resized_px)[box.top : box.top + box.height, box.left : box.left + box.width]


def inception_crop(image: Array, seed: int) -> Array:
    box = draw_inception_crop(*image.shape[:2], generator=draws_of(seed))
    return resize(image[box.top : box.top + box.height, box.left : box.left + box.width], (224, 224))


def is_mirrored(shown: Array, plain: Array) -> bool:
    """Whether ``shown`` is the reflection of ``plain``; neither is an error."""
    assert shown.shape == plain.shape
    if np.array_equal(shown, plain):
        return False
    np.testing.assert_array_equal(shown, plain[:, ::-1])
    return True


@pytest.mark.parametrize(
    ("policy", "crop"), [(resnet_train, resnet_crop), (inception_train, inception_crop)], ids=["resnet", "inception"]
)
def test_the_crop_that_is_drawn_half_of_them_mirrored(policy: Callable[[], Any], crop: Any) -> None:
    image, transform = picture((37, 50, 3)), policy()
    flips = [is_mirrored(transformed(transform, image, seed), crop(image, seed)) for seed in range(400)]
    assert chi_square(flips, COIN) < 1


def test_scale_and_place_as_they_are_seen_in_the_image() -> None:
    """Of an image whose colors are its coordinates: how fast they change is the scale, where they begin the place."""
    height, width = 375, 500
    across = np.broadcast_to((np.arange(width) + 0.5) / width, (height, width))
    down = np.broadcast_to(((np.arange(height) + 0.5) / height)[:, None], (height, width))
    image = np.stack([across, down, np.zeros_like(down)], axis=-1).astype(np.float32)
    transform, sides, shares = resnet_train(), [], []
    for seed in range(300):
        shown = transformed(transform, image, seed)[10:214:203, 10:214:203].astype(float)  # away from the edges
        side = 203 / (shown[1, 0, 1] - shown[0, 0, 1])
        sides.append(side)
        center = (shown[0, 0, 1] + shown[1, 0, 1]) / 2
        shares.append((center * side - 112) / (side - 224))
    # Shrunk by little, a ramp has ripples of less than a quarter of a pixel.
    assert np.abs(np.array(sides) - np.rint(sides)).max() < 0.25
    assert kolmogorov(sides, uniform(255.5, 480.5)) < 1
    assert kolmogorov(shares, uniform(0, 1)) < 1


def test_inception_shows_what_torchvision_shows_as_often() -> None:
    """Mean colors and contrasts of what is seen of an image that is brighter towards one corner."""
    image = (np.add.outer(np.arange(45), np.arange(60)) * 2).astype(np.uint8)
    torch.manual_seed(0)
    theirs = v2.Compose([v2.RandomResizedCrop(32, antialias=True), v2.RandomHorizontalFlip()])
    seen = np.stack([theirs(torch.from_numpy(image)[None])[0].numpy() for _ in range(1500)]).astype(float)
    transform = inception_train(32)
    ours = np.stack([transformed(transform, image, seed) for seed in range(1500)]).astype(float)
    assert kolmogorov_distance(ours.mean((1, 2)), seen.mean((1, 2))) < 1
    assert kolmogorov_distance(ours.std((1, 2)), seen.std((1, 2))) < 1
    for row in (0, -1):
        assert kolmogorov_distance(ours[:, row, 0], seen[:, row, 0]) < 1


@pytest.mark.parametrize(("padding", "mode"), [("zero", "constant"), ("reflect", "reflect")])
def test_every_place_of_the_padded_image_and_its_reflection_alike(padding: Any, mode: Any) -> None:
    image = picture((32, 32, 3))
    padded = np.pad(image, ((4, 4), (4, 4), (0, 0)), mode=mode)
    shares: dict[bytes, float] = {}
    for top, left in product(range(9), range(9)):
        crop = padded[top : top + 32, left : left + 32]
        shares |= {crop.tobytes(): 1 / 162, crop[:, ::-1].tobytes(): 1 / 162}
    transform = cifar_train(padding=padding)
    seen = [transformed(transform, image, seed).tobytes() for seed in range(4000)]
    assert chi_square(seen, shares) < 1


def test_the_reflection_of_cifar_is_torchvision_s() -> None:
    image = picture((32, 32, 3))
    theirs = v2.functional.pad(torch.from_numpy(image).permute(2, 0, 1), [4] * 4, padding_mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(theirs.permute(1, 2, 0).numpy(), (32, 32, 3))
    ours = transformed(cifar_train(padding="reflect"), image, 5)
    assert any(
        np.array_equal(window[0], view)
        for view in (ours, ours[:, ::-1])
        for window in windows.reshape(81, 1, 32, 32, 3)
    )


@given(SHAPES, DTYPES, SEEDS, st.integers(1, 9), st.integers(0, 4))
def test_images_of_any_shape(shape: tuple[int, ...], dtype: Any, seed: int, crop_px: int, pad_px: int) -> None:
    image = picture(shape, dtype)
    before = image.copy()
    policies = [resnet_train(crop_px, resize_px=(crop_px, crop_px + 3)), inception_train(crop_px)]
    if min(shape[:2]) + 2 * pad_px >= crop_px:
        policies += [cifar_train(crop_px, pad_px=pad_px), cifar_train(crop_px, pad_px=pad_px, padding="reflect")]
    for policy in policies:
        shown = transformed(policy, image, seed)
        assert shown.shape == (crop_px, crop_px, *shape[2:])
        assert is_valid(shown, dtype)
        np.testing.assert_array_equal(shown, transformed(policy, image, seed))
    np.testing.assert_array_equal(image, before)


def test_the_options_reach_the_draws() -> None:
    image = picture((37, 50, 3))
    narrow = resnet_train(5, resize_px=(5, 5))
    wide = inception_train(6, area=(1.0, 1.0), aspect=(50 / 37, 50 / 37))
    assert is_mirrored(transformed(wide, image, 0), resize(image, (6, 6))) in (True, False)
    columns = {transformed(narrow, image, seed)[:, ::step].tobytes() for seed in range(60) for step in (1, -1)}
    resized = resize(image, (5, 6))
    assert {resized[:, :5].tobytes(), resized[:, 1:].tobytes()} <= columns


def test_mask_and_image_are_cut_alike() -> None:
    image = np.zeros((40, 60, 3), dtype=np.uint8)
    image[:, 30:] = 255
    for policy in (resnet_train(), inception_train(), cifar_train(32)):
        found = apply_transform(policy, {"image": image, "mask": image[..., 0]}, generator=rng(1))
        assert ((found["mask"] > 127) == (found["image"][..., 0] > 127)).mean() > 0.95


def test_an_image_too_small_for_cifar_is_refused() -> None:
    with pytest.raises(Exception, match="Crop size"):
        cifar_train()(image=picture((20, 20, 3)))


@pytest.mark.parametrize(
    ("build", "error", "expected"),
    [
        (
            lambda: resnet_train(257),
            ValueError,
            r"^augment\.resnet_train: crop_px must be at most the shorter side",
        ),
        (
            lambda: resnet_train(resize_px=(480, 256)),
            ValueError,
            r"^augment\.resnet_train: resize_px must have its ends",
        ),
        (
            lambda: inception_train(0),
            ValueError,
            r"^augment\.inception_train: crop_px must be a positive integer, got 0",
        ),
        (lambda: inception_train(area=(0.0, 1.0)), ValueError, r"^augment\.inception_train: area must be a positive"),
        (
            lambda: inception_train(aspect=(2.0, 1.0)),
            ValueError,
            r"^augment\.inception_train: aspect must have its end",
        ),
        (lambda: cifar_train(0), ValueError, r"^augment\.cifar_train: crop_px must be a positive integer, got 0\.$"),
        (lambda: cifar_train(pad_px=-1), ValueError, r"^augment\.cifar_train: pad_px must be an integer of at least"),
        (
            lambda: cifar_train(padding="edge"),
            ValueError,
            r"^augment\.cifar_train: padding must be one of reflect, zer",
        ),
    ],
)
def test_what_cannot_be_is_refused(build: Callable[[], Any], error: type[Exception], expected: str) -> None:
    with pytest.raises(error, match=expected):
        build()
