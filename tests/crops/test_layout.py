from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from lightning_regkit.crops import (
    Layout,
    View,
    center,
    distinct,
    five,
    flip,
    multiscale_50,
    multiscale_fcn,
    shifts,
    ten,
)

NAMES = ("center", "five", "flip", "multiscale_50", "multiscale_fcn", "shifts", "ten")
SIZE = (375, 500)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("center", center(*SIZE)),
        ("five", five(*SIZE)),
        ("ten", ten(*SIZE)),
        ("flip", flip(*SIZE)),
        ("shifts", shifts(*SIZE)),
        ("multiscale_50", multiscale_50(*SIZE)),
        ("multiscale_fcn", multiscale_fcn(*SIZE)),
    ],
)
def test_a_name_gives_the_layouts_own_sizes(name: str, expected: tuple[View, ...]) -> None:
    layout = Layout(name)
    assert layout.views(*SIZE) == expected
    assert layout.num_views == len(expected)


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        (Layout("center", (36,), 32), center(*SIZE, resize_px=[36], crop_px=32)),
        (Layout("five", (36,), 32), five(*SIZE, resize_px=[36], crop_px=32)),
        (Layout("ten", (), 32), ten(*SIZE, resize_px=[], crop_px=32)),
        (Layout("flip", (36, 40)), flip(*SIZE, resize_px=[36, 40])),
        (Layout("shifts", shift_px=2), shifts(*SIZE, shift_px=2)),
        (Layout("multiscale_50", (36, 40), 32), multiscale_50(*SIZE, resize_px=[36, 40], crop_px=32)),
        (Layout("multiscale_fcn", (36, 40)), multiscale_fcn(*SIZE, resize_px=[36, 40])),
    ],
    ids=lambda value: value.name if isinstance(value, Layout) else "",
)
def test_own_sizes_are_passed_on(layout: Layout, expected: tuple[View, ...]) -> None:
    assert layout.views(*SIZE) == expected
    assert layout.num_views == len(expected)


def test_the_side_of_the_crops() -> None:
    sides = {name: Layout(name).cropped_px for name in NAMES}
    whole = {"flip": None, "multiscale_fcn": None, "shifts": None}
    assert sides == {"center": 224, "five": 224, "multiscale_50": 224, "ten": 224, **whole}
    assert Layout("ten", (36,), 32).cropped_px == 32


@pytest.mark.parametrize(
    ("layout", "count"),
    [
        (Layout("center"), 1),
        (Layout("five"), 5),
        (Layout("ten"), 10),
        (Layout("ten", (), 32), 10),
        (Layout("ten", (32, 36), 32), 12),
        (Layout("flip"), 2),
        (Layout("shifts"), 6),
        (Layout("shifts", shift_px=3), 6),
        (Layout("multiscale_50"), 42),
        (Layout("multiscale_fcn"), 10),
    ],
)
def test_distinct_views_of_a_square(layout: Layout, count: int) -> None:
    assert layout.num_distinct == count
    assert len(distinct(layout.views(500, 500))) == count


def test_whole_images_at_several_sizes_need_a_model_that_takes_any() -> None:
    assert {name for name in NAMES if Layout(name).needs_any_size} == {"multiscale_fcn"}
    assert Layout("flip", (36, 40)).needs_any_size
    assert Layout("flip", (36,)).needs_any_size
    assert not Layout("flip", ()).needs_any_size
    assert not Layout("multiscale_fcn", ()).needs_any_size
    assert not Layout("ten", (36, 40), 32).needs_any_size


def test_an_unknown_name_is_refused_with_the_list() -> None:
    expected = (
        r"^Layout: name must be one of center, five, flip, multiscale_50, multiscale_fcn, shifts, ten, got 'twelve'\.$"
    )
    with pytest.raises(ValueError, match=expected):
        Layout("twelve")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("flip", {"crop_px": 32}),
        ("multiscale_fcn", {"crop_px": 32}),
        ("shifts", {"crop_px": 32}),
        ("shifts", {"resize_px": ()}),
        *((name, {"shift_px": 1}) for name in NAMES if name != "shifts"),
    ],
)
def test_a_size_that_is_not_taken_is_refused(name: str, options: dict[str, Any]) -> None:
    ((argument, value),) = options.items()
    shown = "\\(\\)" if value == () else value
    with pytest.raises(ValueError, match=rf"^Layout: {argument} must not be given for '{name}', got {shown}\.$"):
        Layout(name, **options)


@pytest.mark.parametrize(("name", "options"), [("ten", {"crop_px": 0}), ("shifts", {"shift_px": 0})])
def test_zero_is_a_size_and_refused(name: str, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be a positive integer, got 0\.$"):
        Layout(name, **options).views(*SIZE)


def test_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Layout("ten").name = "five"  # type: ignore[misc]  # the point of the test


def test_shifts_may_leave_out_reflections() -> None:
    layout = Layout("shifts", is_reflected=False)
    assert (layout.num_views, layout.num_distinct) == (4, 3)
    assert layout.views(8, 8) == shifts(8, 8, is_reflected=False)
    assert Layout("shifts", is_reflected=True).views(8, 8) == shifts(8, 8)
    with pytest.raises(ValueError, match="Layout") as caught:
        Layout("ten", is_reflected=False)
    assert str(caught.value) == "Layout: is_reflected must not be given for 'ten', got False."
