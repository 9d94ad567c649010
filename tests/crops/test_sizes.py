import pytest
from hypothesis import given
from hypothesis import strategies as st
from torchvision.transforms.functional import _compute_resized_output_size

from lightning_regkit.crops import refuse_cropped, shorter_side_to
from lightning_regkit.crops._sizes import resized_sizes

SIDES = st.integers(1, 5000)


@pytest.mark.parametrize(
    ("size", "resize_px", "resized"),
    [
        ((375, 500), 256, (256, 341)),
        ((500, 375), 256, (341, 256)),
        ((256, 256), 224, (224, 224)),
        ((3, 5), 2, (2, 3)),
        ((1, 1), 7, (7, 7)),
        ((1, 9), 1, (1, 9)),
    ],
)
def test_worked_sizes(size: tuple[int, int], resize_px: int, resized: tuple[int, int]) -> None:
    assert shorter_side_to(*size, resize_px) == resized


@given(SIDES, SIDES, st.integers(1, 1000))
def test_sizes_are_torchvisions(height: int, width: int, resize_px: int) -> None:
    assert list(shorter_side_to(height, width, resize_px)) == _compute_resized_output_size((height, width), [resize_px])


def test_one_size_for_every_scale_or_the_image_as_it_is() -> None:
    assert resized_sizes(3, 5, (3, 6, 3)) == ((3, 5), (6, 10), (3, 5))
    assert resized_sizes(3, 5, ()) == ((3, 5),)


@pytest.mark.parametrize("value", [256, "224", {256}, None])
def test_what_is_no_list_of_scales_is_refused(value: object) -> None:
    expected = (
        r"^crops: resize_px must be a list of integers, got .*\. "
        r"Pass a list of shorter sides, such as \[256\]; an empty one leaves images as they are\.$"
    )
    with pytest.raises(TypeError, match=expected):
        resized_sizes(3, 5, value)


@pytest.mark.parametrize(
    ("arguments", "name", "error"),
    [
        ((0, 5, [2]), "height", ValueError),
        ((3, 5.0, [2]), "width", TypeError),
        ((3, 5, [2, 0]), "resize_px", ValueError),
        ((3, 5, [2.5]), "resize_px", TypeError),
        ((0, 5, []), "height", ValueError),
        ((3, True, []), "width", TypeError),
    ],
)
def test_numbers_out_of_range_are_refused(
    arguments: tuple[int, int, list[int]], name: str, error: type[Exception]
) -> None:
    with pytest.raises(error, match=rf"^crops: {name} must be a positive integer, got"):
        resized_sizes(*arguments)


@pytest.mark.parametrize("size", [(224, 224), (223, 500), (500, 223), (32, 32)])
def test_images_already_cropped_are_refused(size: tuple[int, int]) -> None:
    expected = (
        rf"^MultiCrop: images must be larger than the crops of 224 x 224, got \({size[0]}, {size[1]}\)\. "
        r"Take the center crop out of the validation transform, or pass allow_upscale=True\.$"
    )
    with pytest.raises(ValueError, match=expected):
        refuse_cropped("MultiCrop", *size, 224)


@pytest.mark.parametrize("size", [(224, 225), (225, 224), (256, 341)])
def test_larger_images_pass(size: tuple[int, int]) -> None:
    refuse_cropped("MultiCrop", *size, 224)
