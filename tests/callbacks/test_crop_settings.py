from typing import Any

import pytest

from lightning_regkit.callbacks import MultiCrop
from lightning_regkit.callbacks._crop_settings import CropSettings, layout_of
from lightning_regkit.crops import Layout
from lightning_regkit.marginalize import Readout


def chosen(layout: Layout, **options: Any) -> CropSettings:
    given = {"allow_upscale": False, "chunk": None, "curve": True, "per_view": False, "readout": Readout()}
    return CropSettings("Ours", layout, **{**given, **options})


def test_a_name_with_sizes_or_a_layout() -> None:
    assert layout_of("Ours", "ten", (36,), 32) == Layout("ten", (36,), 32)
    assert layout_of("Ours", "flip", None, None) == Layout("flip")
    given = Layout("shifts", shift_px=2)
    assert layout_of("Ours", given, None, None) is given


@pytest.mark.parametrize(("name", "value"), [("resize_px", (36,)), ("crop_px", 32)])
def test_a_layout_has_its_sizes(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match="Ours") as caught:
        layout_of("Ours", Layout("ten"), **{"resize_px": None, "crop_px": None, name: value})
    assert str(caught.value) == (
        f"Ours: {name} must be left out beside a Layout, got {value}. Write Layout('ten', {name}={value})."
    )


@pytest.mark.parametrize(
    ("arguments", "kind", "text"),
    [
        ({"layout": 10}, TypeError, "MultiCrop: layout must be a name or a Layout of lightning_regkit.crops, got 10."),
        (
            {"layout": "twelve"},
            ValueError,
            "Layout: name must be one of center, five, flip, multiscale_50, multiscale_fcn, shifts, ten, got 'twelve'.",
        ),
        ({"layout": "shifts", "crop_px": 8}, ValueError, "Layout: crop_px must not be given for 'shifts', got 8."),
        (
            {"layout": "ten", "resize_px": 256},
            TypeError,
            "crops: resize_px must be a list of integers, got 256. "
            "Pass a list of shorter sides, such as [256]; an empty one leaves images as they are.",
        ),
        (
            {"layout": "ten", "resize_px": [20], "crop_px": 32},
            ValueError,
            "crops.ten: crop_px must be at most the shorter side after resizing, 20, got 32. Raise resize_px.",
        ),
        ({"chunk": 0}, ValueError, "MultiCrop: chunk must be a positive integer, got 0."),
        ({"chunk": 2.0}, TypeError, "MultiCrop: chunk must be a positive integer, got 2.0."),
        (
            {"readout": Readout(activation="sigmoid")},
            ValueError,
            "MultiCrop: curve must be False with activation 'sigmoid', got True. "
            "It counts right answers, which only a softmax has.",
        ),
    ],
)
def test_arguments_are_refused_when_they_are_given(arguments: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind) as caught:
        MultiCrop(**arguments)
    assert str(caught.value) == text


def test_settings_of_their_own_are_refused_too() -> None:
    with pytest.raises(ValueError, match=r"^crops\.ten: crop_px must be at most the shorter side after resizing, 20"):
        chosen(Layout("ten", (20,), 32))
    sigmoid = Readout(activation="sigmoid")
    assert not chosen(Layout("flip"), curve=False, readout=sigmoid).curve
    with pytest.raises(ValueError, match=r"^Ours: curve must be False with activation 'sigmoid'"):
        chosen(Layout("flip"), readout=sigmoid)


def test_only_crops_can_have_been_cropped() -> None:
    chosen(Layout("ten", (36,), 32)).refuse_cropped(33, 32)
    with pytest.raises(ValueError, match=r"^Ours: images must be larger than the crops of 32 x 32, got \(32, 32\)"):
        chosen(Layout("ten", (36,), 32)).refuse_cropped(32, 32)
    chosen(Layout("ten", (36,), 32), allow_upscale=True).refuse_cropped(32, 32)
    for name in ("flip", "shifts", "multiscale_fcn"):
        chosen(Layout(name)).refuse_cropped(2, 2)


def test_views_in_a_line() -> None:
    assert chosen(Layout("shifts")).describe() == "8 views of layout 'shifts', 6 distinct of a square image"
