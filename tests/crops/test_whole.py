from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F
from torchvision.transforms import functional as tv

from lightning_regkit.crops import Box, View, apply_view, distinct, flip, shifts
from tests.crops.support import numbered, slow_loop

SIDES = st.integers(1, 12)


def test_flip_by_hand() -> None:
    whole = Box(0, 0, 2, 3)
    assert flip(2, 3) == (View((2, 3), whole), View((2, 3), whole, is_mirrored=True))


@given(SIDES, SIDES)
def test_flip_shows_the_image_and_torchvisions_reflection(height: int, width: int) -> None:
    image = numbered(height, width)
    shown = [slow_loop(image, view) for view in flip(height, width)]
    assert shown == [image[0, 0].tolist(), tv.hflip(image)[0, 0].tolist()]


def test_flip_at_several_scales() -> None:
    views = flip(30, 40, resize_px=[6, 9])
    assert [view.size_px for view in views] == [(6, 8), (6, 8), (9, 12), (9, 12)]
    assert all((view.box.height, view.box.width) == view.size_px for view in views)


def test_shifts_by_hand() -> None:
    image, back, forth = Box(0, 0, 4, 5), Box(-1, -1, 4, 5), Box(1, 1, 4, 5)
    weights = {(view.box, view.is_mirrored): weight for view, weight in distinct(shifts(4, 5)).items()}
    assert weights == {
        (image, False): 0.25,
        (image, True): 0.25,
        (back, False): 0.125,
        (back, True): 0.125,
        (forth, False): 0.125,
        (forth, True): 0.125,
    }


@pytest.mark.parametrize("shift_px", [1, 2])
def test_shifts_equal_the_authors_code(shift_px: int) -> None:
    inputs = torch.randn(2, 3, 8, 9, generator=torch.Generator().manual_seed(0))
    weights = torch.randn(3, 8, 9, generator=torch.Generator().manual_seed(1))

    def net(images: torch.Tensor) -> torch.Tensor:
        return (weights * images.tanh()).sum((1, 2, 3))

    def infer_mirror(images: torch.Tensor) -> torch.Tensor:
        return 0.5 * net(images) + 0.5 * net(images.flip(-1))

    padded = F.pad(inputs, (shift_px,) * 4, "reflect")
    moved = [padded[:, :, :8, :9], padded[:, :, 2 * shift_px :, 2 * shift_px :]]
    reference = 0.5 * infer_mirror(inputs) + 0.5 * torch.stack([infer_mirror(images) for images in moved]).mean(0)
    views = distinct(shifts(8, 9, shift_px=shift_px))
    ours = torch.stack([weight * net(apply_view(inputs, view)) for view, weight in views.items()]).sum(0)
    torch.testing.assert_close(ours, reference)


def test_shifts_of_all_small_sizes_are_torchs_reflections() -> None:
    for height, width in product(range(2, 13), repeat=2):
        image = numbered(height, width)
        for by in range(1, min(height, width)):
            padded = F.pad(image, (by,) * 4, "reflect")
            moved = [padded[..., at : at + height, at : at + width] for at in (by, by, 0, 2 * by)]
            expected = [view for each in moved for view in (each[0, 0].tolist(), each[0, 0].flip(-1).tolist())]
            assert [slow_loop(image, view) for view in shifts(height, width, shift_px=by)] == expected


def test_a_shift_as_long_as_the_image_is_refused() -> None:
    shifts(3, 4, shift_px=2)
    expected = r"^View: box must be within one reflection of the image, 3 x 4, got Box\(top=-3, left=-3, "
    with pytest.raises(ValueError, match=expected):
        shifts(3, 4, shift_px=3)


@pytest.mark.parametrize(
    ("arguments", "name", "error"),
    [
        ((0, 4, 1), "height", ValueError),
        ((4, 0, 1), "width", ValueError),
        ((4, 4, 0), "shift_px", ValueError),
        ((4, 4, 1.0), "shift_px", TypeError),
    ],
)
def test_numbers_out_of_range_are_refused(arguments: tuple[int, int, int], name: str, error: type[Exception]) -> None:
    height, width, shift_px = arguments
    with pytest.raises(error, match=rf"^crops\.shifts: {name} must be a positive integer, got"):
        shifts(height, width, shift_px=shift_px)


def test_shifts_without_reflections() -> None:
    plain = shifts(8, 8, is_reflected=False)
    assert plain == shifts(8, 8)[::2]
    assert len(set(plain)) == 3
    assert not any(view.is_mirrored for view in plain)
