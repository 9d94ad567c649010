from dataclasses import FrozenInstanceError

import pytest

from lightning_regkit.crops import Box, View


@pytest.mark.parametrize(
    ("box", "overhang"),
    [
        (Box(0, 0, 4, 6), (0, 0, 0, 0)),
        (Box(1, 2, 3, 4), (0, 0, 0, 0)),
        (Box(-1, 0, 4, 6), (1, 0, 0, 0)),
        (Box(0, -2, 4, 6), (0, 2, 0, 0)),
        (Box(2, 0, 4, 6), (0, 0, 2, 0)),
        (Box(0, 3, 4, 6), (0, 0, 0, 3)),
        (Box(-3, -5, 10, 16), (3, 5, 3, 5)),
    ],
)
def test_overhang_above_left_below_right_of_4_x_6(box: Box, overhang: tuple[int, ...]) -> None:
    assert View((4, 6), box).overhang == overhang


def test_mirroring_twice_changes_nothing() -> None:
    view = View((4, 6), Box(1, 2, 3, 4))
    assert view.mirrored() == View((4, 6), Box(1, 2, 3, 4), is_mirrored=True)
    assert view.mirrored().mirrored() == view


def test_equal_views_are_one_key() -> None:
    assert len({View((4, 6), Box(1, 2, 3, 4)), View((4, 6), Box(1, 2, 3, 4), is_mirrored=False)}) == 1
    assert len({View((4, 6), Box(0, 0, 3, 3)), View((6, 4), Box(0, 0, 3, 3))}) == 2


@pytest.mark.parametrize("box", [Box(-4, 0, 4, 4), Box(0, -6, 4, 4), Box(4, 0, 4, 6), Box(0, 6, 4, 6)])
def test_more_than_one_reflection_is_refused(box: Box) -> None:
    with pytest.raises(ValueError, match=r"^View: box must be within one reflection of the image, 4 x 6, got Box\("):
        View((4, 6), box)


@pytest.mark.parametrize("box", [Box(0, 0, 0, 4), Box(0, 0, 4, 0)])
def test_an_empty_box_is_refused(box: Box) -> None:
    with pytest.raises(ValueError, match=r"^View: box must hold at least one pixel, got Box\("):
        View((4, 6), box)


@pytest.mark.parametrize(
    ("size", "name", "error"),
    [((0, 6), "height", ValueError), ((4, -1), "width", ValueError), ((4, 6.0), "width", TypeError)],
)
def test_a_size_that_is_none_is_refused(size: tuple[int, int], name: str, error: type[Exception]) -> None:
    with pytest.raises(error, match=rf"^View: {name} of size_px must be a positive integer, got"):
        View(size, Box(0, 0, 1, 1))


def test_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        View((4, 6), Box(0, 0, 1, 1)).is_mirrored = True  # type: ignore[misc]  # the point of the test
