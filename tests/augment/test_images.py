from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from lightning_regkit.augment._images import as_pixels, check_rgb
from tests.augment.support import picture


def test_an_array_is_returned_as_it_is() -> None:
    image = picture((2, 3))
    assert as_pixels("owner", image) is image


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK", "LA"])
def test_a_pil_image_has_the_pixels_that_it_shows(mode: str) -> None:
    image = Image.fromarray(picture((4, 5, 3))).convert(mode)
    pixels = as_pixels("owner", image)
    expected = image if mode == "L" else image.convert("RGB")
    assert pixels.shape == ((4, 5) if mode == "L" else (4, 5, 3))
    assert pixels.tolist() == [
        [expected.getpixel((x, y)) if mode == "L" else list(expected.getpixel((x, y))) for x in range(5)]
        for y in range(4)
    ]
    pixels[0, 0] = 0  # what PIL shares could not be written


@pytest.mark.parametrize("value", [torch.zeros(3, 4, 4), None, [[1]], "image.png"], ids=str)
def test_what_is_no_image_is_refused(value: Any) -> None:
    expected = (
        rf"^owner: image must be an array \(H, W, C\) or a PIL image, got '{type(value).__name__}'\. Convert tensors "
        r"to arrays after the augmentation, not before it\.$"
    )
    with pytest.raises(TypeError, match=expected):
        as_pixels("owner", value)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_colors_are_returned_as_they_are(dtype: Any) -> None:
    image = picture((2, 3, 3), dtype)
    assert check_rgb("owner", image) is image
    empty = picture((0, 3, 3), dtype)
    assert check_rgb("owner", empty) is empty


def test_floats_may_leave_the_range_by_rounding() -> None:
    image = np.array([[[-1e-6, 0.5, 1 + 1e-6]]], dtype=np.float32)
    assert check_rgb("owner", image) is image


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 1), (4, 4, 4), (2, 4, 4, 3)], ids=str)
def test_what_is_not_rgb_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"^owner: image must be RGB, \(H, W, 3\), got \(.*\)\. Convert gray images"):
        check_rgb("owner", np.zeros(shape, dtype=np.uint8))


@pytest.mark.parametrize("dtype", [np.float64, np.uint16, np.int8, bool])
def test_other_dtypes_are_refused(dtype: Any) -> None:
    with pytest.raises(TypeError, match=rf"^owner: image must be uint8 or float32, got '{np.dtype(dtype)}'\.$"):
        check_rgb("owner", np.zeros((2, 2, 3), dtype=dtype))


@pytest.mark.parametrize("values", [(0.0, 255.0), (-2.0, 0.5), (0.0, np.nan)])
def test_floats_that_are_no_colors_are_refused(values: tuple[float, float]) -> None:
    image = np.zeros((2, 2, 3), dtype=np.float32)
    image[0, 0, 0], image[1, 1, 1] = values
    with pytest.raises(
        ValueError, match=r"^owner: floating image must be in \[0, 1\], got \(.*\)\. Divide by 255, and"
    ):
        check_rgb("owner", image)
