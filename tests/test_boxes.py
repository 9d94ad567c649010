from dataclasses import FrozenInstanceError, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torchvision.transforms.functional import _compute_resized_output_size

from lightning_regkit._boxes import Box, shorter_side_to

POSITIONS = st.integers(-12, 12)
LENGTHS = st.integers(0, 12)


def pixels(box: Box) -> set[tuple[int, int]]:
    return {
        (row, column)
        for row in range(box.top, box.top + box.height)
        for column in range(box.left, box.left + box.width)
    }


@pytest.mark.parametrize(
    ("box", "clipped"),
    [
        (Box(1, 2, 3, 4), Box(1, 2, 3, 4)),
        (Box(-1, 2, 3, 4), Box(0, 2, 2, 4)),
        (Box(1, -2, 3, 4), Box(1, 0, 3, 2)),
        (Box(6, 2, 3, 4), Box(6, 2, 2, 4)),
        (Box(1, 7, 3, 4), Box(1, 7, 3, 3)),
        (Box(-2, -2, 20, 20), Box(0, 0, 8, 10)),
        (Box(-5, 0, 3, 4), Box(0, 0, 0, 4)),
        (Box(8, 0, 3, 4), Box(8, 0, 0, 4)),
        (Box(0, 11, 3, 4), Box(0, 10, 3, 0)),
    ],
    ids=["inside", "above", "left", "below", "right", "all round", "outside above", "outside below", "outside right"],
)
def test_clip_to_8_x_10(box: Box, clipped: Box) -> None:
    assert box.clip(height=8, width=10) == clipped


@given(POSITIONS, POSITIONS, LENGTHS, LENGTHS, LENGTHS, LENGTHS)
def test_clip_keeps_the_pixels_of_the_image(
    top: int, left: int, box_height: int, box_width: int, height: int, width: int
) -> None:
    box = Box(top, left, box_height, box_width)
    clipped = box.clip(height, width)
    assert pixels(clipped) == {(row, col) for row, col in pixels(box) if 0 <= row < height and 0 <= col < width}
    assert 0 <= clipped.top <= clipped.top + clipped.height <= height
    assert 0 <= clipped.left <= clipped.left + clipped.width <= width


@given(POSITIONS, POSITIONS, LENGTHS, LENGTHS)
def test_area_counts_pixels(top: int, left: int, height: int, width: int) -> None:
    box = Box(top, left, height, width)
    assert box.area == len(pixels(box))


@pytest.mark.parametrize("field", ["height", "width"])
def test_a_negative_side_is_refused(field: str) -> None:
    with pytest.raises(ValueError, match=rf"^Box: {field} must be an integer of at least 0, got -1\.$"):
        replace(Box(0, 0, 1, 1), **{field: -1})


@pytest.mark.parametrize("field", ["top", "left", "height", "width"])
@pytest.mark.parametrize("value", [1.0, True])
def test_a_field_that_is_no_integer_is_refused(field: str, value: object) -> None:
    condition = "be an integer" if field in {"top", "left"} else "be an integer of at least 0"
    with pytest.raises(TypeError, match=rf"^Box: {field} must {condition}, got {value}\.$"):
        Box(**{**vars(Box(0, 0, 1, 1)), field: value})


def test_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Box(0, 0, 1, 1).top = 2  # type: ignore[misc]  # the point of the test


@pytest.mark.parametrize(
    ("size", "side_px", "resized"),
    [((375, 500), 256, (256, 341)), ((500, 375), 256, (341, 256)), ((3, 5), 2, (2, 3)), ((1, 1), 7, (7, 7))],
)
def test_worked_sizes(size: tuple[int, int], side_px: int, resized: tuple[int, int]) -> None:
    assert shorter_side_to(*size, side_px) == resized


@given(*[st.integers(1, 5000)] * 3)
def test_sizes_are_torchvisions(height: int, width: int, side_px: int) -> None:
    assert list(shorter_side_to(height, width, side_px)) == _compute_resized_output_size((height, width), [side_px])
