import io
import os
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simplejpeg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision.datasets.folder import default_loader

from recipes.data._broken import BrokenImageError
from recipes.data._decode import LOST, Encoded, open_image
from tests.recipes.data.zoo import BROKEN, FINE, jpeg, photo, saved


def written(tmp_path: Path, data: bytes, name: str = "image.JPEG") -> str:
    path = tmp_path / name
    path.write_bytes(data)
    return str(path)


@pytest.mark.parametrize("name", ["image.JPEG", "image.png", "image"])
@pytest.mark.parametrize("kind", FINE)
def test_what_torchvision_loads_is_loaded_to_the_same_pixels(kind: str, name: str, tmp_path: Path) -> None:
    path = written(tmp_path, FINE[kind](), name)

    image = open_image(path)

    expected = np.asarray(default_loader(path))
    assert image.size_px == expected.shape[:2]
    whole = image.whole()
    assert whole.flags["W"]
    np.testing.assert_array_equal(whole, expected)
    bottom = -(-image.size_px[0] // 2)
    upper, factor = image.upper(bottom, 1)
    assert factor == 1
    np.testing.assert_array_equal(upper[:bottom], expected[:bottom])


def test_only_what_libjpeg_turbo_decodes_is_decoded_smaller(tmp_path: Path) -> None:
    shapes = {}
    for kind in ("plain", "gray", "CMYK", "PNG named .JPEG", "bytes before the end"):
        upper, factor = open_image(written(tmp_path, FINE[kind]())).upper(40, 2)
        shapes[kind] = upper.shape, factor

    assert shapes == {
        "plain": ((20, 30, 3), 2),
        "gray": ((20, 30, 3), 2),
        "CMYK": ((40, 60, 3), 1),
        "PNG named .JPEG": ((40, 60, 3), 1),
        "bytes before the end": ((40, 60, 3), 1),
    }


def refusal(path: str) -> str:
    def upper(image: Encoded) -> None:
        image.upper(image.size_px[0], 1)

    texts = []
    for decode in (Encoded.whole, upper):
        with pytest.raises(BrokenImageError) as error:
            decode(open_image(path))
        texts.append(str(error.value))
    assert texts[0] == texts[1]
    return texts[0]


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_is_one_line_with_its_path(kind: str, tmp_path: Path) -> None:
    make, reason = BROKEN[kind]
    path = written(tmp_path, make())

    text = refusal(path)

    assert text.startswith(f"ImageFolderData: {path!r} cannot be read: {reason}")
    assert text.endswith(".")
    assert "\n" not in text


def test_a_link_that_leads_nowhere_is_one_line_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "link.JPEG").symlink_to(tmp_path / "gone.JPEG")

    path = str(tmp_path / "link.JPEG")
    assert refusal(path) == f"ImageFolderData: {path!r} cannot be read: No such file or directory."


def test_a_file_that_must_not_be_read_is_one_line_with_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, jpeg(photo(40, 60)))

    def denied(file: Path) -> bytes:
        raise PermissionError(13, os.strerror(13), str(file))

    monkeypatch.setattr(Path, "read_bytes", denied)
    assert refusal(path) == f"ImageFolderData: {path!r} cannot be read: Permission denied."


def test_an_image_that_is_suspiciously_large_is_one_line_with_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    text = refusal(written(tmp_path, saved(photo(40, 60), "PNG")))

    assert "exceeds limit of 200 pixels" in text


@pytest.mark.parametrize("lost", LOST)
def test_pixels_that_libjpeg_makes_up_are_refused_though_pillow_takes_them(
    lost: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def complains(*_: Any, **__: Any) -> None:
        raise ValueError(f"Corrupt JPEG data: {lost}")

    path = written(tmp_path, jpeg(photo(40, 60)))
    monkeypatch.setattr(simplejpeg, "decode_jpeg", complains)
    assert refusal(path) == f"ImageFolderData: {path!r} cannot be read: Corrupt JPEG data: {lost}."


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(
    source=st.sampled_from(["plain", "progressive", "CMYK", "PNG named .JPEG", "WebP"]),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8),
    end=st.floats(0, 1),
)
def test_whatever_happens_to_a_file_it_is_an_image_or_a_refusal(
    source: str, changes: list[tuple[float, int]], end: float, tmp_path: Path
) -> None:
    data = bytearray(FINE[source]())
    for place, byte in changes:
        data[int(place * len(data))] = byte
    path = written(tmp_path, bytes(data[: round(end * len(data))] if end < 0.9 else data))

    with warnings.catch_warnings(action="ignore"), suppress(BrokenImageError):  # Pillow's, of metadata
        image = open_image(path)
        upper, factor = image.upper(1, 1)
        pixels = image.whole()
        assert (factor, str(upper.dtype), str(pixels.dtype)) == (1, "uint8", "uint8")
        assert pixels.shape == (*image.size_px, 3)
        assert upper.shape[1:] == pixels.shape[1:]
        with Image.open(io.BytesIO(Path(path).read_bytes())) as other:
            assert (other.height, other.width) == image.size_px
