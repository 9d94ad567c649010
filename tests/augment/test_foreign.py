import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from typing_extensions import override

from lightning_regkit.augment import apply_transform
from lightning_regkit.augment._albumentations import albumentations as A
from lightning_regkit.augment._foreign import Foreign
from tests.augment.support import Array, picture, rng, transformed


class Plain(Foreign):
    """Hands the array over as it is."""

    def __init__(self, transform: Callable[[Any], Any], p: float = 1.0) -> None:
        super().__init__("augment.from_nowhere", transform, p)

    @override
    def convert(self, image: Array) -> Array:
        return image


def brightened(image: Array) -> torch.Tensor:
    """Adds one of each generator's draws to a channel."""
    noise = [random.random(), np.random.rand(), torch.rand(()).item()]  # noqa: NPY002
    return torch.from_numpy(image + np.array(noise, dtype=np.float32)).permute(2, 0, 1)


def states() -> tuple[Any, ...]:
    return random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()  # noqa: NPY002


def test_all_that_is_drawn_comes_from_the_given_generator() -> None:
    image, transform = picture((2, 3, 3), np.float32), Plain(brightened)
    before = states()
    one, again, other = (transformed(A.Compose([transform]), image, seed) for seed in (1, 1, 2))
    assert states() == before
    np.testing.assert_array_equal(one, again)
    noise = (one - image).reshape(-1, 3)
    np.testing.assert_allclose(noise, noise[:1].repeat(6, 0), atol=1e-6)
    assert ((one != other).all((0, 1))).tolist() == [True, True, True]
    assert len(set(noise[0].tolist())) == 3


def test_whatever_the_process_wide_generators_are() -> None:
    image, transform = picture((2, 3, 3), np.float32), Plain(brightened)
    torch.manual_seed(1)
    one = transformed(transform, image, 1)
    torch.manual_seed(2)
    np.testing.assert_array_equal(transformed(transform, image, 1), one)


def test_two_in_one_pipeline_draw_differently() -> None:
    image = picture((2, 3, 3), np.float32)
    first, second = Plain(brightened), Plain(brightened)
    both = transformed(A.Compose([first, second]), image, 1)
    once = transformed(A.Compose([first]), image, 1)
    assert not np.allclose(both - once, once - image)


def test_images_that_come_together_are_changed_alike() -> None:
    image = picture((2, 3, 3), np.float32)
    images = A.Compose([Plain(brightened)])(images=np.stack([image, image]))["images"]
    np.testing.assert_array_equal(images[0], images[1])


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 1), (2, 3, 3)], ids=str)
def test_tensors_and_pil_images_come_back_as_arrays(shape: tuple[int, ...]) -> None:
    image = picture(shape)
    as_pil = Plain(lambda pixels: Image.fromarray(pixels[..., 0] if shape[2:] == (1,) else pixels))
    as_tensor = Plain(lambda pixels: torch.from_numpy(np.atleast_3d(pixels)).permute(2, 0, 1))
    for transform in (as_pil, as_tensor):
        same = transform(image=image)["image"]
        np.testing.assert_array_equal(same, image)
        same[:] = 0  # what PIL shares could not be written


def test_gray_may_become_colored() -> None:
    colored = Plain(lambda pixels: Image.fromarray(pixels).convert("RGB"))(image=picture((2, 3)))["image"]
    assert colored.shape == (2, 3, 3)


@pytest.mark.parametrize(
    ("result", "shown"), [(np.zeros((2, 3)), "'ndarray'"), (None, "'NoneType'"), (torch.zeros(2, 3), r"\(2, 3\)")]
)
def test_other_results_are_refused(result: Any, shown: str) -> None:
    expected = rf"^augment\.from_nowhere: transform must return a tensor \(C, H, W\) or a PIL image, got {shown}\.$"
    with pytest.raises(TypeError, match=expected):
        Plain(lambda _: result)(image=picture((2, 3)))


@pytest.mark.parametrize("name", ["mask", "masks"])
def test_masks_are_refused_for_they_would_stay_behind(name: str) -> None:
    image = picture((2, 3, 3), np.float32)
    data = {"image": image, name: image[..., 0] if name == "mask" else image[None, ..., 0]}
    expected = rf"^augment\.from_nowhere: data must hold images alone, got \['{name}'\]\. It would leave the others as "
    with pytest.raises(ValueError, match=expected):
        apply_transform(A.Compose([Plain(brightened)]), data, generator=rng())


def test_some_images_are_left_alone() -> None:
    image = picture((2, 3, 3), np.float32)
    same = [np.array_equal(transformed(Plain(brightened, p=0.5), image, seed), image) for seed in range(200)]
    assert 70 < sum(same) < 130
