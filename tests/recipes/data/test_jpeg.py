import numpy as np
import pytest
import simplejpeg
from hypothesis import given
from hypothesis import strategies as st

from recipes.data._jpeg import FACTORS, first_rows, is_jpeg
from tests.recipes.data.zoo import damaged, jpeg, photo, saved

SUBSAMPLINGS = ("444", "422", "420", "440", "411", "Gray")


@given(
    subsampling=st.sampled_from(SUBSAMPLINGS),
    height=st.integers(1, 90),
    width=st.integers(1, 70),
    factor=st.sampled_from(FACTORS),
    share=st.floats(0, 1),
)
def test_rows_are_those_of_the_whole_image(
    subsampling: str, height: int, width: int, factor: int, share: float
) -> None:
    data = jpeg(photo(height, width), subsampling)
    bottom = max(1, round(share * height))

    rows = first_rows(data, (height, width), bottom, factor)

    scaled = -(-height // factor), -(-width // factor)
    whole = simplejpeg.decode_jpeg(data, min_height=scaled[0], min_width=scaled[1], min_factor=factor)
    wanted = -(-bottom // factor)
    assert whole.shape == (*scaled, 3)
    assert wanted <= len(rows) <= wanted + 2
    np.testing.assert_array_equal(rows[:wanted], whole[:wanted])


@pytest.mark.parametrize("factor", FACTORS)
def test_a_smaller_image_is_one_of_means(factor: int) -> None:
    pixels = photo(160, 160)

    rows = first_rows(jpeg(pixels, "444", 100), (160, 160), 160, factor)

    means = pixels.reshape(160 // factor, factor, 160 // factor, factor, 3).mean((1, 3))
    assert rows.shape == means.shape
    assert np.abs(rows - means).mean() < 2


@pytest.mark.parametrize("options", [{"progressive": True}, {"restart_marker_rows": 1}], ids=str)
def test_files_that_are_not_one_scan_from_top_to_bottom_are_decoded_whole(options: dict[str, int]) -> None:
    data = saved(photo(90, 70), "JPEG", **options)

    rows = first_rows(data, (90, 70), 10, 1)

    np.testing.assert_array_equal(rows, simplejpeg.decode_jpeg(data))


def in_three_scans(data: bytes) -> bytes:
    """Name one channel in the scan header of three, as files do whose channels come one after the other."""
    start = data.index(b"\xff\xda")
    return data[: start + 4] + b"\x01" + data[start + 5 :]


@pytest.mark.parametrize(
    "data",
    [b"\xff\xd8\xff", b"\xff\xd8\xff\xe0", b"\xff\xd8\xff\xe0\x00\x04ab\xff", b"\xff\xd8\xff\xda\x00\x0c\x03"],
    ids=repr,
)
def test_what_has_no_frame_is_left_to_the_decoder(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        first_rows(data, (90, 70), 10, 1)


def test_a_scan_of_one_channel_is_left_to_the_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(simplejpeg, "decode_jpeg", lambda data, **options: seen.append((type(data), options)))

    first_rows(in_three_scans(jpeg(photo(90, 70))), (90, 70), 10, 1)
    first_rows(jpeg(photo(90, 70)), (90, 70), 10, 1)

    assert [kind for kind, _ in seen] == [bytes, bytearray]
    assert ["buffer" in options for _, options in seen] == [False, True]


def test_the_file_is_not_changed() -> None:
    data = jpeg(photo(90, 70))
    kept = bytes(bytearray(data))

    first_rows(data, (90, 70), 10, 1)

    assert data == kept


@pytest.mark.parametrize("bottom", [75, 80])
def test_lost_pixels_are_complained_of(bottom: int) -> None:
    with pytest.raises(ValueError, match="premature end of data segment"):
        first_rows(damaged(), (80, 60), bottom, 1)


@pytest.mark.parametrize("bottom", [5, 80])
def test_a_missing_end_is_complained_of_wherever_the_rows_end(bottom: int) -> None:
    with pytest.raises(ValueError, match="Premature end of JPEG file"):
        first_rows(jpeg(photo(80, 60))[:-2], (80, 60), bottom, 1)


def test_what_is_damaged_below_the_rows_does_not_matter() -> None:
    rows = first_rows(damaged(), (80, 60), 5, 1)

    np.testing.assert_array_equal(rows[:5], simplejpeg.decode_jpeg(jpeg(photo(80, 60)))[:5])


def test_a_file_is_told_by_its_first_bytes() -> None:
    assert is_jpeg(jpeg(photo(1, 1)))
    assert not is_jpeg(saved(photo(1, 1), "PNG"))
    assert not is_jpeg(b"")
