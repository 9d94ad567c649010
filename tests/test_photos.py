from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from tests.photos import SOURCES, Photos, _patch, photo_folder


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    photo_folder(folder, 15)
    return folder


def test_classes_take_turns_in_folders_of_their_own(root: Path) -> None:
    items = photo_folder(root, 15)

    names = list(SOURCES)
    assert [label for _, label in items] == [*range(7), *range(7), 0]
    assert [path.relative_to(root).as_posix() for path, _ in items[6:9]] == [
        f"{names[6]}/000.jpg",
        f"{names[0]}/001.jpg",
        f"{names[1]}/001.jpg",
    ]
    assert sorted(root.rglob("*.*")) == sorted(path for path, _ in items)


def test_every_file_is_another_photograph_of_the_size_of_imagenets(root: Path) -> None:
    seen = []
    for path, _ in photo_folder(root, 15):
        with Image.open(path) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (500, 375))
            seen.append(np.asarray(image.resize((50, 37)), dtype=float))
        assert 20_000 < path.stat().st_size < 300_000  # those of ImageNet have 110,000 bytes on average

    differences = [np.abs(one - other).mean() for i, one in enumerate(seen) for other in seen[:i]]
    assert min(differences) > 3


def test_a_patch_is_a_window_of_its_photograph_without_distortion() -> None:
    """A photograph of its own coordinates: red is the column, green the row."""
    rows, columns = np.mgrid[0:180, 0:256]
    photo = np.stack([columns, rows, 0 * rows], axis=2).astype(np.uint8)  # 180 x 240 is the largest window of 3 : 4
    zooms, lefts = [], []
    for index in range(20):
        red, green, _ = np.asarray(_patch(photo, index, (60, 80)), dtype=float).transpose(2, 0, 1)
        across, down = (red[:, -1] - red[:, 0]).mean() / 79, (green[-1] - green[0]).mean() / 59
        assert across == pytest.approx(down, abs=0.05)
        zooms.append(across)
        lefts.append(red.min())

    assert 1.45 < min(zooms) < 1.8
    assert 2.7 < max(zooms) < 3.05
    assert len(set(lefts)) > 10


def test_files_do_not_depend_on_how_many_there_are_and_are_the_same_again(root: Path, tmp_path: Path) -> None:
    for path, _ in photo_folder(tmp_path, 3):
        assert path.read_bytes() == (root / path.relative_to(tmp_path)).read_bytes()


def test_files_that_are_there_are_kept_if_they_have_the_size(tmp_path: Path) -> None:
    ((path, _),) = photo_folder(tmp_path, 1, (40, 60))
    Image.new("RGB", (60, 40), "red").save(path)
    before = path.read_bytes()

    photo_folder(tmp_path, 1, (40, 60))
    assert path.read_bytes() == before

    photo_folder(tmp_path, 1, (60, 40))
    with Image.open(path) as image:
        assert image.size == (40, 60)
        assert np.asarray(image).std() > 20


def test_items_are_the_files_as_floats(root: Path) -> None:
    items = photo_folder(root, 4)
    with Image.open(items[3][0]) as image:
        expected = np.asarray(image)

    inputs, label = Photos(items)[3]

    assert (inputs.dtype, label, len(Photos(items))) == (torch.float32, 3, 4)
    np.testing.assert_allclose(inputs.permute(1, 2, 0) * 255, expected, atol=1e-4)


def test_items_are_shrunk_for_batches(root: Path) -> None:
    batch, labels = next(iter(DataLoader(Photos(photo_folder(root, 4), resize_px=(24, 32)), batch_size=4)))

    assert batch.shape == (4, 3, 24, 32)
    assert labels.tolist() == [0, 1, 2, 3]
    whole = torch.stack([Photos(photo_folder(root, 4))[index][0] for index in range(4)])
    torch.testing.assert_close(batch.mean(dim=(2, 3)), whole.mean(dim=(2, 3)), rtol=0, atol=0.02)
