from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_regkit.mixing import check_length_frac, length_px


@pytest.mark.parametrize(
    ("length_frac", "height", "width", "expected"),
    [
        (0.5, 32, 32, 16),
        (0.25, 32, 32, 8),
        (0.5, 32, 48, 16),
        (0.5, 48, 32, 16),
        (0.5, 7, 9, 4),
        (0.5, 5, 5, 2),
        (0.55, 10, 10, 6),
        (0.01, 8, 8, 1),
        (1.0, 8, 9, 8),
        (1, 1, 1, 1),
    ],
)
def test_worked_values(length_frac: float, height: int, width: int, expected: int) -> None:
    assert length_px(length_frac, height=height, width=width) == expected


@given(st.floats(0, 1, exclude_min=True), st.integers(1, 500), st.integers(1, 500))
def test_nearest_pixel_within_the_image(length_frac: float, height: int, width: int) -> None:
    shorter = min(height, width)
    length = length_px(length_frac, height=height, width=width)
    assert 1 <= length <= shorter
    assert abs(length - length_frac * shorter) <= 0.5 or length == 1
    assert length == length_px(length_frac, height=width, width=height)


def test_check_returns_what_it_accepts() -> None:
    assert check_length_frac("Cutout", 0.3) == 0.3
    assert check_length_frac("Cutout", 1) == 1


@pytest.mark.parametrize(
    ("length_frac", "error", "expected"),
    [
        (0.0, ValueError, r"be above 0, got 0\.0\. To erase nothing, leave cutout out\."),
        (-0.1, ValueError, r"be a number in \[0, 1\], got -0\.1\."),
        (1.1, ValueError, r"be a number in \[0, 1\], got 1\.1\."),
        (16, ValueError, r"be a number in \[0, 1\], got 16\."),
        ("half", TypeError, r"be a number in \[0, 1\], got 'half'\."),
    ],
)
def test_length_frac_out_of_range(length_frac: Any, error: type[Exception], expected: str) -> None:
    with pytest.raises(error, match=f"^Cutout: length_frac must {expected}$"):
        check_length_frac("Cutout", length_frac)
    with pytest.raises(error, match=f"^mixing.length_px: length_frac must {expected}$"):
        length_px(length_frac, height=8, width=8)


@pytest.mark.parametrize("side", ["height", "width"])
@pytest.mark.parametrize(("value", "error"), [(0, ValueError), (8.0, TypeError)])
def test_side_out_of_range(side: str, value: Any, error: type[Exception]) -> None:
    sides: dict[str, Any] = {"height": 8, "width": 8, side: value}
    with pytest.raises(error, match=rf"^mixing\.length_px: {side} must be a positive integer, got {value}\.$"):
        length_px(0.5, **sides)
