import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lightning_regkit.augment import ColorAxes, fit_lighting
from tests.augment.support import SEEDS, Array, picture, rng
from tests.photos import SOURCES


def covariance_of(images: list[Array]) -> Array:
    colors = np.concatenate(
        [image.reshape(-1, 3).astype(float) / (255 if image.dtype == np.uint8 else 1) for image in images]
    )
    return np.atleast_2d(np.cov(colors.T, bias=True))


def rebuilt(axes: ColorAxes) -> Array:
    vectors = np.array(axes.eigenvectors)
    product: Array = vectors @ np.diag(axes.eigenvalues) @ vectors.T
    return product


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 7)), min_size=1, max_size=5), SEEDS, st.booleans())
def test_the_axes_are_those_of_numpy_s_covariance(sizes: list[tuple[int, int]], seed: int, is_float: bool) -> None:
    dtypes = [np.float32, np.uint8] if is_float else [np.uint8]
    images = [picture((*size, 3), dtypes[i % len(dtypes)], seed + i) for i, size in enumerate(sizes)]
    axes = fit_lighting(images)
    expected = covariance_of(images)
    np.testing.assert_allclose(rebuilt(axes), expected, atol=1e-12)
    np.testing.assert_allclose(axes.eigenvalues, np.linalg.eigvalsh(expected)[::-1].clip(0), atol=1e-12)
    vectors = np.array(axes.eigenvectors)
    assert (vectors[np.abs(vectors).argmax(0), range(3)] > 0).all()
    assert list(axes.eigenvalues) == sorted(axes.eigenvalues, reverse=True)
    assert all(type(number) is float for row in (axes.eigenvalues, *axes.eigenvectors) for number in row)


def test_the_axes_that_colors_were_made_with_are_found() -> None:
    truth = np.linalg.qr(rng().normal(size=(3, 3)))[0]
    colors = 0.5 + rng(1).normal(size=(200, 200, 3)) * [0.1, 0.05, 0.02] @ truth.T
    axes = fit_lighting([colors.clip(0, 1).astype(np.float32)])
    np.testing.assert_allclose(np.sqrt(axes.eigenvalues), [0.1, 0.05, 0.02], rtol=0.02)
    np.testing.assert_allclose(np.abs(np.diag(np.array(axes.eigenvectors).T @ truth)), 1, atol=1e-3)


def test_every_pixel_weighs_the_same_however_they_come() -> None:
    image = picture((900, 700, 3))  # more than one chunk
    whole = fit_lighting([image])
    parts = fit_lighting([image[:100], image[100:101], image[101:]])
    np.testing.assert_allclose(rebuilt(whole), covariance_of([image]), atol=1e-12)
    np.testing.assert_allclose(rebuilt(parts), rebuilt(whole), atol=1e-12)


def test_no_digits_are_lost_far_from_zero() -> None:
    colors = (0.9 + 1e-4 * rng().random((50, 50, 3))).astype(np.float32)
    np.testing.assert_allclose(rebuilt(fit_lighting([colors] * 3)), covariance_of([colors]), rtol=1e-9, atol=1e-18)


def test_of_photos_the_first_axis_is_gray() -> None:
    """As of ImageNet: bright and dark come first, then blue against red, then green against both."""
    photos = [source() for source in SOURCES.values()]
    axes = fit_lighting(photos)
    ours, published = np.array(axes.eigenvectors), np.array(ColorAxes().eigenvectors)
    assert np.abs(ours[:, 0] @ published[:, 0]) > 0.98
    assert np.abs(np.diag(ours.T @ published)).min() > 0.9
    assert 0.03 < axes.eigenvalues[0] < 0.5


def test_one_color_has_no_axes_to_speak_of() -> None:
    np.testing.assert_allclose(fit_lighting([np.full((2, 3, 3), 7, dtype=np.uint8)]).eigenvalues, 0, atol=1e-30)


def test_a_folder_is_read_whatever_is_in_it(tmp_path: Path) -> None:
    images = [picture((5, 4, 3), seed=seed) for seed in range(4)]
    (tmp_path / "train" / "cat").mkdir(parents=True)
    for image, name in zip(images, ["a.png", "train/b.PNG", "train/cat/c.bmp", "train/cat/d.tiff"], strict=True):
        Image.fromarray(image).save(tmp_path / name)
    gray = picture((3, 3))
    Image.fromarray(gray).save(tmp_path / "gray.png")
    Image.fromarray(picture((8, 8, 3))).save(tmp_path / "train" / "photo.JPEG", quality=100, subsampling=0)
    (tmp_path / "labels.txt").write_text("cat")
    decoded = np.asarray(Image.open(tmp_path / "train" / "photo.JPEG"))
    expected = covariance_of([*images, np.stack([gray] * 3, axis=-1), decoded])
    for folder in (tmp_path, str(tmp_path)):
        np.testing.assert_allclose(rebuilt(fit_lighting(folder)), expected, atol=2e-3)
    (tmp_path / "train" / "photo.JPEG").unlink()  # decoders differ by a level; without it nothing does
    expected = covariance_of([*images, np.stack([gray] * 3, axis=-1)])
    np.testing.assert_allclose(rebuilt(fit_lighting(tmp_path)), expected, atol=1e-12)


def test_memory_does_not_grow_with_the_data() -> None:
    def stream(count: int) -> Iterator[Array]:
        return (picture((300, 300, 3), seed=seed) for seed in range(count))

    peaks = []
    for count in (3, 40):
        tracemalloc.start()
        fit_lighting(stream(count))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]
    tracemalloc.start()
    huge = np.zeros((3000, 3000, 3), dtype=np.uint8)
    fit_lighting([huge])
    assert tracemalloc.get_traced_memory()[1] < huge.nbytes + 40e6
    tracemalloc.stop()


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.jpg"
    path.write_bytes(b"no image")
    expected = (
        rf"^augment\.fit_lighting: folder must hold images that can be read, got '{path}'\. Remove or replace it\.$"
    )
    with pytest.raises(ValueError, match=expected):
        fit_lighting(tmp_path)


@pytest.mark.parametrize("images", [[], [np.zeros((0, 3, 3), dtype=np.uint8)]], ids=["none", "empty"])
def test_no_pixels_are_refused(images: Any) -> None:
    with pytest.raises(ValueError, match=r"^augment\.fit_lighting: images must hold at least one pixel, got \["):
        fit_lighting(images)


def test_what_is_not_rgb_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^augment\.fit_lighting: image must be RGB, \(H, W, 3\), got \(3, 3\)\."):
        fit_lighting([np.zeros((3, 3), dtype=np.uint8)])
    with pytest.raises(TypeError, match=r"^augment\.fit_lighting: image must be uint8 or float32, got 'float64'\.$"):
        fit_lighting([np.zeros((3, 3, 3))])
