import math
from typing import Any

import numpy as np
import pytest
import torch

from lightning_regkit.mixing import ErasingDraw, check_fill
from lightning_regkit.mixing._erasing import erase


def draw_of(*boxes: list[int], height: int = 1, width: int = 3) -> ErasingDraw:
    return ErasingDraw(np.array([[box] for box in boxes]), height, width)


def test_worked_example() -> None:
    draw = draw_of([0, 0, 1, 2], [0, 1, 1, 1])
    erased = erase("mix", torch.ones(2, 2, 1, 3), draw, (0.0, 7.0), inplace=False)
    assert draw.batch_size == 2
    assert erased.flatten(1).tolist() == [[0, 0, 1, 7, 7, 1], [1, 0, 1, 1, 7, 1]]


@pytest.mark.parametrize(
    ("fill", "expected"), [(0, (0,)), (0.5, (0.5,)), ((0.5,), (0.5,)), ((0.1, -2, 3.0), (0.1, -2, 3.0))]
)
def test_check_fill_returns_a_tuple(fill: Any, expected: tuple[float, ...]) -> None:
    assert check_fill("Cutout", fill) == expected


@pytest.mark.parametrize(
    ("fill", "error", "expected"),
    [
        ("mean", TypeError, r"be a finite number, got 'mean'"),
        ([0.0, 1.0], TypeError, r"be a finite number, got \[0\.0, 1\.0\]"),
        ((0.0, "red"), TypeError, r"be a finite number, got 'red'"),
        (math.nan, ValueError, r"be a finite number, got nan"),
        ((0.0, math.inf), ValueError, r"be a finite number, got inf"),
        ((), ValueError, r"be a number, or one a channel, got \(\)"),
    ],
)
def test_another_fill_is_refused(fill: Any, error: type[Exception], expected: str) -> None:
    with pytest.raises(error, match=rf"^Cutout: fill must {expected}\.$"):
        check_fill("Cutout", fill)
    with pytest.raises(error, match=rf"^mix: fill must {expected}\.$"):
        erase("mix", torch.ones(1, 3, 1, 3), draw_of([0, 0, 1, 1]), fill, inplace=False)


def test_a_color_of_another_number_of_channels_is_refused() -> None:
    expected = r"^mix: fill must be a number, or one a channel, 3, got \(0\.0, 1\.0\)\.$"
    with pytest.raises(ValueError, match=expected):
        erase("mix", torch.ones(1, 3, 1, 3), draw_of([0, 0, 1, 1]), (0.0, 1.0), inplace=False)


def test_inputs_that_are_not_the_images_of_the_draw_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^mix: inputs must be images \(B, C, 1, 3\), as the draw, got "):
        erase("mix", torch.ones(1, 3, 3, 1), draw_of([0, 0, 1, 1]), 0.0, inplace=False)


@pytest.mark.parametrize("shape", [(2, 4), (2, 1, 3), (2, 0, 4), (0, 1, 4)])
def test_boxes_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"^ErasingDraw: boxes must be of shape \(B, K, 4\), got ") as caught:
        ErasingDraw(np.zeros(shape, dtype=np.int64), 4, 4)
    assert str(caught.value).endswith(f"got {shape}.")


def test_boxes_outside_the_image_or_of_another_dtype_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"^ErasingDraw: boxes must be inside the image, 1 x 3, got \[\[\[0, 2, 1, 2\]\]"
    ):
        draw_of([0, 2, 1, 2])
    with pytest.raises(TypeError, match=r"^ErasingDraw: boxes must be a numpy array of int64, got dtype\('float64'\)"):
        ErasingDraw(np.zeros((1, 1, 4)), 4, 4)
