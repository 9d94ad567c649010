import gzip
from pathlib import Path

import numpy as np
import pytest
from torchvision.datasets.mnist import read_sn3_pascalvincent_tensor

from recipes.data._idx import read_idx, read_labeled
from tests.recipes.data.idx import write_idx

IMAGES = np.arange(2 * 28 * 28).reshape(2, 28, 28).astype(np.uint8)


def written(path: Path, content: bytes) -> Path:
    with gzip.open(path, "wb") as file:
        file.write(content)
    return path


@pytest.mark.parametrize("shape", [(3, 2, 4), (5,), (0, 28, 28)])
def test_reads_what_torchvision_reads(shape: tuple[int, ...], tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    path = write_idx(tmp_path / "values.gz", values)
    (tmp_path / "values").write_bytes(gzip.decompress(path.read_bytes()))

    read = read_idx("Data", path, len(shape))

    assert read.shape == shape
    assert read.dtype == np.uint8
    assert np.array_equal(read, values)
    if values.size:  # torchvision maps no empty files
        assert np.array_equal(read, read_sn3_pascalvincent_tensor(str(tmp_path / "values")).numpy())


def test_reads_the_bytes_of_the_format(tmp_path: Path) -> None:
    """As http://yann.lecun.com/exdb/mnist wrote it: 0x00000801, the number of items, the labels."""
    path = written(tmp_path / "labels.gz", bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))

    assert read_idx("Data", path, 1).tolist() == [7, 2, 1]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (
            bytes([0, 0, 8, 3, 0, 0, 0, 1, 5]),
            "Data: f.gz must begin with the magic number [0, 0, 8, 1], got [0, 0, 8, 3]. "
            "Take the idx files as they were published.",
        ),
        (
            bytes([0, 0, 13, 1, 0, 0, 0, 1, 5]),  # floats
            "Data: f.gz must begin with the magic number [0, 0, 8, 1], got [0, 0, 13, 1]. "
            "Take the idx files as they were published.",
        ),
        (
            b"",
            "Data: f.gz must begin with the magic number [0, 0, 8, 1], got []. "
            "Take the idx files as they were published.",
        ),
        (
            bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2]),
            "Data: f.gz must hold 3 bytes for the sizes [3] that it states, got 2. Get the file again.",
        ),
        (
            bytes([0, 0, 8, 1, 0, 0, 0, 1, 7, 2]),
            "Data: f.gz must hold 1 bytes for the sizes [1] that it states, got 2. Get the file again.",
        ),
        (
            bytes([0, 0, 8, 1, 0, 0, 1]),  # ends within the size
            "Data: f.gz must hold 256 bytes for the sizes [256] that it states, got 0. Get the file again.",
        ),
    ],
)
def test_refuses_another_content(content: bytes, text: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must") as error:
        read_idx("Data", written(tmp_path / "f.gz", content), 1)

    assert str(error.value) == text


def test_sizes_of_another_file_do_not_overflow(tmp_path: Path) -> None:
    path = written(tmp_path / "f.gz", bytes([0, 0, 8, 3, *[255] * 12]))

    with pytest.raises(ValueError, match=f"must hold {(2**32 - 1) ** 3} bytes"):
        read_idx("Data", path, 3)


@pytest.mark.parametrize("cut", ["half", "plain", "flipped"])
def test_refuses_what_is_no_whole_gzip_file(cut: str, tmp_path: Path) -> None:
    path = write_idx(tmp_path / "images.gz", np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8))
    whole = path.read_bytes()
    flipped = whole[:-6] + bytes([255 - whole[-6]]) + whole[-5:]
    path.write_bytes({"half": whole[: len(whole) // 2], "plain": gzip.decompress(whole), "flipped": flipped}[cut])

    with pytest.raises(ValueError, match=r"^Data: images\.gz must be a whole gzip file, got .+ Get the file again\.$"):
        read_idx("Data", path, 3)


def test_images_come_with_their_labels(tmp_path: Path) -> None:
    images, labels = read_labeled(
        "Data", write_idx(tmp_path / "i.gz", IMAGES), write_idx(tmp_path / "l.gz", np.array([3, 9], np.uint8))
    )

    assert np.array_equal(images, IMAGES)
    assert labels.tolist() == [3, 9]


@pytest.mark.parametrize(
    ("images", "labels", "text"),
    [
        (
            IMAGES,
            [1, 2, 3],
            "Data: i.gz must hold (3, 28, 28) pixels for the labels in l.gz, got (2, 28, 28). "
            "Take both from one data set.",
        ),
        (
            IMAGES[:, :, :27],
            [1, 2],
            "Data: i.gz must hold (2, 28, 28) pixels for the labels in l.gz, got (2, 28, 27). "
            "Take both from one data set.",
        ),
        (IMAGES, [1, 10], "Data: l.gz must hold labels below 10, got 10. Get the file again."),
    ],
)
def test_refuses_what_does_not_belong_together(
    images: np.ndarray[tuple[int, int, int], np.dtype[np.uint8]], labels: list[int], text: str, tmp_path: Path
) -> None:
    paths = write_idx(tmp_path / "i.gz", images), write_idx(tmp_path / "l.gz", np.array(labels, np.uint8))

    with pytest.raises(ValueError, match="must") as error:
        read_labeled("Data", *paths)

    assert str(error.value) == text
