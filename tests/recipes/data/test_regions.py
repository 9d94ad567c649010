import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms import v2

import lightning_regkit as rk
from recipes.data._decode import Encoded, open_image
from recipes.data._regions import Region, exact_crop, fast_crop
from tests.photos import photo_folder
from tests.recipes.data.zoo import Pixels, jpeg, photo, saved

SIDE_PX = 224


def encoded(data: bytes, size_px: tuple[int, int]) -> Encoded:
    return Encoded("image.JPEG", data, size_px)


def as_floats(image: Encoded, resized_px: tuple[int, int]) -> Any:
    """The exact pipeline in floats: decode, resize the whole with antialiasing (H', W', 3)."""
    pixels = torch.from_numpy(image.whole()).permute(2, 0, 1).double()
    resized = v2.functional.resize(pixels, list(resized_px), antialias=True)
    return resized.permute(1, 2, 0).numpy()


def psnr(pixels: Pixels, exact: Any) -> float:
    return 10 * math.log10(255**2 / max(np.square(pixels - exact).mean(), 1e-3))  # 98 for images that are equal


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Encoded]:
    return [open_image(str(path)) for path, _ in photo_folder(tmp_path_factory.mktemp("photos"), 28)]


def ratios(photos: list[Encoded], crop: Any, **options: Any) -> list[float]:
    """PSNR of one training crop of each photograph, the law of ResNet."""
    generator, found = np.random.default_rng(0), []
    for image in photos:
        draw = rk.augment.draw_resnet_crop(*image.size_px, generator=generator, **options)
        box, floats = draw.box, as_floats(image, draw.resized_px)
        exact = floats[box.top : box.top + box.height, box.left : box.left + box.width]
        found.append(psnr(crop(image, draw.source, box.height), exact))
    return found


def test_fast_crops_have_more_than_30_db_against_the_exact_pipeline(photos: list[Encoded]) -> None:
    fast = ratios(photos, fast_crop)

    assert np.mean(fast) > 30
    assert min(fast) > 25  # half a pixel of a thicket of twigs


def test_exact_crops_are_off_by_rounding_alone(photos: list[Encoded]) -> None:
    assert min(ratios(photos, exact_crop)) > 50


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_much_larger_images_are_shrunk_by_the_decoder_and_stay_above_30_db(
    factor: int, photos: list[Encoded], monkeypatch: pytest.MonkeyPatch
) -> None:
    crop_px, factors, upper = 224 // factor, [], Encoded.upper

    def watched(image: Encoded, bottom: int, wanted: int) -> tuple[Pixels, int]:
        factors.append(wanted)
        return upper(image, bottom, wanted)

    monkeypatch.setattr(Encoded, "upper", watched)
    fast = ratios(photos, fast_crop, resize_px=(256 // factor, 300 // factor), crop_px=crop_px)

    assert set(factors) <= {factor // 2, factor}
    assert factors.count(factor) > 0
    assert np.mean(fast) > 30


def whole_then_cut(path: Path, draw: rk.augment.ScaledBox) -> Any:
    """torchvision on an image of Pillow."""
    with Image.open(path) as image:
        resized = v2.functional.resize(image, list(draw.resized_px), antialias=True)
    box = draw.box
    return np.asarray(v2.functional.crop(resized, box.top, box.left, box.height, box.width), dtype=int)


def test_exact_crops_are_torchvision_s_to_the_rounding(photos: list[Encoded]) -> None:
    generator = np.random.default_rng(1)
    for image in photos[:7]:
        draw = rk.augment.draw_resnet_crop(*image.size_px, generator=generator)

        difference = exact_crop(image, draw.source, SIDE_PX) - whole_then_cut(Path(image.path), draw)

        assert np.abs(difference).max() <= 2
        assert (difference != 0).mean() < 0.1


def slope(height: int, width: int) -> Pixels:
    """Columns in red, rows in green: the color says the place."""
    rows, columns = np.mgrid[:height, :width]
    places = np.stack([255 * (columns + 0.5) / width, 255 * (rows + 0.5) / height, 0 * rows], axis=2)
    return np.rint(places).astype(np.uint8)


@pytest.mark.parametrize("crop", [fast_crop, exact_crop], ids=["fast", "exact"])
@pytest.mark.parametrize("is_jpeg", [True, False], ids=["JPEG", "PNG"])
@pytest.mark.parametrize("height", [30.0, 61.5, 200.0], ids=str)
def test_a_crop_shows_its_region(crop: Any, is_jpeg: bool, height: float) -> None:
    size_px, region = (230, 260), (11.25, 20.5, height, height * 1.1)
    pixels = slope(*size_px)
    data = jpeg(pixels, "444", 100) if is_jpeg else saved(pixels, "PNG")
    image = Encoded("image", data, size_px, None if is_jpeg else pixels)

    shown = crop(image, region, 30).astype(float)

    top, left, height, width = region
    places = (np.arange(30) + 0.5) / 30
    columns, rows = 255 * (left + places * width) / size_px[1], 255 * (top + places * height) / size_px[0]
    tolerance = 3 if is_jpeg else 1.5  # a level is a pixel: places are rounded, and so are the colors of JPEG
    assert np.abs(shown[..., 0] - columns).max() < tolerance
    assert np.abs(shown[..., 1] - rows[:, None]).max() < tolerance
    assert np.abs(shown[..., 0].mean() - columns.mean()) < 0.8
    assert np.abs(shown[..., 1].mean() - rows.mean()) < 0.8


def regions(size_px: tuple[int, int], parts: tuple[float, float, float, float]) -> Region:
    height, width = (max(0.001, share * side) for share, side in zip(parts[2:], size_px, strict=True))
    return parts[0] * (size_px[0] - height), parts[1] * (size_px[1] - width), height, width


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    size_px=st.tuples(st.integers(1, 200), st.integers(1, 200)),
    parts=st.tuples(*[st.floats(0, 1)] * 4),
    side_px=st.integers(1, 40),
    is_jpeg=st.booleans(),
)
def test_any_region_of_any_image_becomes_a_crop(
    size_px: tuple[int, int], parts: tuple[float, float, float, float], side_px: int, is_jpeg: bool
) -> None:
    pixels = photo(*size_px)
    image = Encoded("image", jpeg(pixels), size_px, None if is_jpeg else pixels)

    for crop in (fast_crop, exact_crop):
        shown = crop(image, regions(size_px, parts), side_px)

        assert (shown.shape, str(shown.dtype)) == ((side_px, side_px, 3), "uint8")
        assert shown.flags["W"]
        assert not np.shares_memory(shown, pixels)


@pytest.mark.parametrize("crop", [fast_crop, exact_crop], ids=["fast", "exact"])
def test_a_single_pixel_becomes_a_field_of_its_color(crop: Any) -> None:
    image = encoded(jpeg(np.full((1, 1, 3), (200, 100, 50), np.uint8), "444", 100), (1, 1))

    shown = crop(image, (0.25, 0.25, 0.5, 0.5), 8)

    assert np.abs(shown - np.array([200, 100, 50])).max() <= 2


@pytest.mark.parametrize(("height", "interpolation"), [(40, cv2.INTER_LINEAR), (80, cv2.INTER_AREA)])
def test_what_cannot_be_decoded_smaller_is_resized_by_means_where_it_shrinks_by_2(
    height: int, interpolation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, resize = [], cv2.resize

    def watched(part: Any, size_px: Any, **options: Any) -> Any:
        seen.append(options["interpolation"])
        return resize(part, size_px, **options)

    monkeypatch.setattr(cv2, "resize", watched)
    pixels = photo(90, 90)
    fast_crop(Encoded("image.png", b"", (90, 90), pixels), (0, 0, height, height), 40)

    assert seen == [interpolation]
