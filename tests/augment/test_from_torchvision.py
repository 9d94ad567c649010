from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.transforms import v2

from lightning_regkit.augment import from_torchvision
from lightning_regkit.augment._albumentations import albumentations as A
from tests.augment.support import SEEDS, SHAPES, Array, picture, rng, transformed

POLICIES: dict[str, Callable[[], Any]] = {
    "AutoAugment of ImageNet": lambda: v2.AutoAugment(v2.AutoAugmentPolicy.IMAGENET),
    "AutoAugment of CIFAR-10": lambda: v2.AutoAugment(v2.AutoAugmentPolicy.CIFAR10),
    "RandAugment": v2.RandAugment,
    "TrivialAugment": v2.TrivialAugmentWide,
    "AugMix": v2.AugMix,
}


def theirs(transform: Any, image: Array, seed: int) -> Array:
    """What torchvision makes of the image where torch is seeded as the adapter seeds it."""
    generator = rng(seed)
    generator.integers(2**63)
    drawn = int(generator.integers(2**63))
    with torch.random.fork_rng():
        torch.manual_seed(drawn)
        tensor = torch.from_numpy(np.atleast_3d(image).copy()).permute(2, 0, 1)
        changed: Array = transform(tensor).permute(1, 2, 0).numpy()
    return changed if image.ndim == 3 else changed[..., 0]


@pytest.mark.parametrize("name", POLICIES)
def test_it_is_torchvision_s(name: str) -> None:
    image, transform = picture((24, 30, 3)), POLICIES[name]()
    before = image.copy()
    results = []
    for seed in range(25):
        changed = transformed(from_torchvision(transform), image, seed)
        np.testing.assert_array_equal(changed, theirs(transform, image, seed))
        results.append(changed.tobytes())
    assert len(set(results)) > 12
    np.testing.assert_array_equal(image, before)


@given(SHAPES, st.sampled_from([np.uint8, np.float32]), SEEDS)
def test_images_of_any_shape(shape: tuple[int, ...], dtype: Any, seed: int) -> None:
    image = picture(shape, dtype)
    image.setflags(write=False)
    flip = v2.RandomHorizontalFlip(p=0.5)
    changed = transformed(from_torchvision(flip), image, seed)
    assert changed.dtype == dtype
    np.testing.assert_array_equal(changed, theirs(flip, image, seed))


def test_sizes_may_change() -> None:
    transform = A.Compose([from_torchvision(v2.RandomCrop(5)), A.HorizontalFlip(p=1.0)])
    assert transform(image=picture((9, 9, 3)))["image"].shape == (5, 5, 3)


def test_a_function_of_a_tensor_will_do_and_a_share_of_the_images() -> None:
    image = picture((4, 4, 3))
    inverted = [transformed(from_torchvision(lambda t: 255 - t, p=0.25), image, seed)[0, 0, 0] for seed in range(400)]
    share = np.mean(np.array(inverted) == 255 - image[0, 0, 0])
    assert abs(share - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 400)


def test_what_cannot_be_called_is_refused() -> None:
    with pytest.raises(TypeError, match=r"^augment\.from_torchvision: transform must be a transform of torchvision"):
        from_torchvision("AutoAugment")
