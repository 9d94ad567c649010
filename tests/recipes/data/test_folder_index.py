import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from torchvision.datasets import ImageFolder

from recipes.data._folder_index import FolderIndex, index_of, list_folder, some
from tests.recipes.data.zoo import write_folder


def pairs(index: FolderIndex) -> list[tuple[str, int]]:
    return [(index.path(row), index.label(row)) for row in range(len(index))]


def test_files_and_labels_are_those_of_torchvision(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, {"train": (3, 1, 2)}) / "train"
    (folder / "b" / "Ünïcode name.PNG").touch()
    (folder / "a" / "10.jpg").touch()
    (folder / "a" / "9.jpg").touch()

    index = list_folder("Owner", folder)

    peer = ImageFolder(folder)
    assert list(index.classes) == peer.classes
    assert pairs(index) == peer.samples
    assert len(index) == 9


def test_names_that_are_no_text_are_kept(tmp_path: Path) -> None:
    folder = tmp_path / "train"
    (folder / "a").mkdir(parents=True)
    name = os.fsdecode(b"\xff\xfe.jpg")
    (folder / "a" / name).touch()

    assert pairs(list_folder("Owner", folder)) == [(str(folder / "a" / name), 0)]


def test_links_are_files_even_where_they_lead_nowhere_and_folders_where_they_lead_to_one(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, {"train": (1,)}) / "train"
    (folder / "a" / "link.jpg").symlink_to(tmp_path / "gone.jpg")
    (folder / "b").symlink_to(folder / "a", target_is_directory=True)

    index = list_folder("Owner", folder)

    assert index.classes == ("a", "b")
    assert [index.name(row) for row in range(4)] == ["a/0000.JPEG", "a/link.jpg", "b/0000.JPEG", "b/link.jpg"]


def test_hidden_names_are_passed_over(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, {"train": (1,)}) / "train"
    (folder / ".DS_Store").touch()
    (folder / "a" / ".DS_Store").touch()
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / "a" / ".thumbnails").mkdir()
    (folder / "readme.txt").touch()

    index = list_folder("Owner", folder)

    assert (index.classes, len(index)) == (("a",), 1)


def test_names_that_do_not_end_like_those_of_images_are_told(tmp_path: Path) -> None:
    files = [("a/x.jpg", 0), ("jpg", 0), ("a/notes.txt", 0), ("a/Y.JPEG", 0), ("a/z.WebP", 0), ("a/t.jpg.part", 0)]
    index = index_of(tmp_path, ("a",), files)

    assert index.strange == [f"{tmp_path}/jpg", f"{tmp_path}/a/notes.txt", f"{tmp_path}/a/t.jpg.part"]


def refusal(folder: Path) -> str:
    with pytest.raises(ValueError, match="must") as error:
        list_folder("Owner", folder)
    return str(error.value)


def test_refusals(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, {"train": (1, 1)}) / "train"
    (folder / "c").mkdir()
    (folder / "d").mkdir()
    assert refusal(folder) == f"Owner: every class in {folder} must have images, got none of c, d."
    (folder / "b" / "images").mkdir()
    assert refusal(folder) == f"Owner: {folder / 'b'} must hold images alone, got the folder images. Move it away."
    (folder / "loose.Jpg").touch()
    sentence = f"Owner: {folder} must hold one folder for each class and no images, got the image loose.Jpg."
    assert refusal(folder) == sentence
    (tmp_path / "empty").mkdir()
    sentence = f"Owner: {tmp_path / 'empty'} must hold one folder for each class and no images, got none."
    assert refusal(tmp_path / "empty") == sentence


def test_an_index_is_small_and_can_be_pickled(tmp_path: Path) -> None:
    index = index_of(tmp_path, ("a",), [(f"a/{number:08}.JPEG", 0) for number in range(10_000)])

    again = pickle.loads(pickle.dumps(index))

    assert len(pickle.dumps(index)) < 10_000 * (15 + 8 + 8 + 1)
    assert [again.name(row) for row in (0, 9_999)] == ["a/00000000.JPEG", "a/00009999.JPEG"]
    assert again.ends.dtype == again.labels.dtype == np.int64


def test_some_names_stand_for_many() -> None:
    assert some(list("abcde")) == "a, b, c, d, e"
    assert some([str(number) for number in range(1_234)]) == "0, 1, 2, 3, 4 and 1,229 more"
