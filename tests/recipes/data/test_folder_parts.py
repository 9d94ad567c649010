from pathlib import Path

import pytest

from recipes.data._folder_options import FolderOptions
from recipes.data._folder_parts import read_parts
from tests.recipes.data.zoo import write_folder


@pytest.fixture
def options(tmp_path: Path) -> FolderOptions:
    return FolderOptions(cache=str(tmp_path / "cache"))


def refusal(root: Path, options: FolderOptions, kind: type[Exception] = ValueError) -> str:
    with pytest.raises(kind) as error:
        read_parts("Owner", root, options)
    return str(error.value)


def test_parts_have_the_same_classes(tmp_path: Path, options: FolderOptions) -> None:
    parts = read_parts("Owner", write_folder(tmp_path, {"train": (2, 3), "val": (1, 2)}), options)

    assert (len(parts.train), len(parts.val)) == (5, 3)
    assert parts.has_files_of(read_parts("Owner", tmp_path, options))
    assert not parts.has_files_of(None)
    (tmp_path / "val" / "a" / "new.jpg").touch()
    assert not parts.has_files_of(read_parts("Owner", tmp_path, options))
    assert parts.train.classes == parts.val.classes == ("a", "b")


def test_a_flat_part_has_the_classes_of_the_other_in_their_order(tmp_path: Path) -> None:
    write_folder(tmp_path, {"train": (1, 1)})
    (tmp_path / "val").mkdir()
    (tmp_path / "val" / "1.jpg").touch()
    (tmp_path / "val" / "2.jpg").touch()
    (tmp_path / "labels.txt").write_text("1.jpg b\n2.jpg a\n")
    options = FolderOptions(val_labels=str(tmp_path / "labels.txt"), cache=str(tmp_path / "cache"))

    val = read_parts("Owner", tmp_path, options).val

    assert (val.classes, val.labels.tolist()) == (("a", "b"), [1, 0])
    (tmp_path / "labels.txt").write_text("1.jpg b\n2.jpg b\n")
    assert refusal(tmp_path, options) == (
        f"Owner: {tmp_path}/val must have the classes of {tmp_path}/train, got them without a."
    )


def test_as_many_images_as_are_stated(tmp_path: Path) -> None:
    write_folder(tmp_path, {"train": (2, 3), "val": (1, 2)})
    cache = str(tmp_path / "cache")

    assert len(read_parts("Owner", tmp_path, FolderOptions(train_size=5, cache=cache)).train) == 5
    assert refusal(tmp_path, FolderOptions(train_size=1281167, cache=cache)) == (
        f"Owner: {tmp_path}/train must hold 1,281,167 images, got 5. Unpack what is missing, or pass another "
        "FolderOptions(train_size=)."
    )


def test_missing_parts_are_named(tmp_path: Path, options: FolderOptions) -> None:
    sentence = f"Owner: root must hold the folders train and val, got {str(tmp_path)!r} without train and val."
    assert refusal(tmp_path, options, FileNotFoundError) == sentence
    write_folder(tmp_path, {"train": (1,)})
    sentence = f"Owner: root must hold the folders train and val, got {str(tmp_path)!r} without val."
    assert refusal(tmp_path, options, FileNotFoundError) == sentence


def test_a_flat_part_needs_labels(tmp_path: Path, options: FolderOptions) -> None:
    write_folder(tmp_path, {"train": (1,), "val": ()})
    (tmp_path / "val").mkdir()
    (tmp_path / "val" / "1.jpg").touch()

    assert refusal(tmp_path, options) == (
        f"Owner: {tmp_path}/val must hold one folder for each class, got none. Pass FolderOptions(val_labels=) of a "
        "file with a line for each image."
    )


@pytest.mark.parametrize(
    ("val", "got"), [((1,), "without b"), ((1, 1, 1), "with c"), ((1, 0), "")], ids=["missing", "other", "empty"]
)
def test_other_classes_are_refused(val: tuple[int, ...], got: str, tmp_path: Path, options: FolderOptions) -> None:
    root = write_folder(tmp_path, {"train": (1, 1), "val": val})

    if got:
        sentence = f"Owner: {root}/val must have the classes of {root}/train, got them {got}."
    else:
        sentence = f"Owner: every class in {root}/val must have images, got none of b."
    assert refusal(root, options) == sentence


@pytest.mark.parametrize("part", ["train", "val"])
def test_names_that_are_none_of_images_are_refused_unless_broken_files_are_skipped(
    part: str, tmp_path: Path, options: FolderOptions
) -> None:
    root = write_folder(tmp_path, {"train": (1,), "val": (1,)})
    (root / part / "a" / "notes.txt").touch()

    path = f"{root}/{part}/a/notes.txt"
    sentence = f"Owner: names of images must end as those of images do, got {path}. Move it away."
    assert refusal(root, options) == sentence
    parts = read_parts("Owner", root, FolderOptions(on_error="skip", cache=options.cache))
    assert len(vars(parts)[part]) == 2


def test_options_are_checked() -> None:
    with pytest.raises(ValueError, match="must") as error:
        FolderOptions(on_error="ignore")
    assert str(error.value) == "FolderOptions: on_error must be one of raise, skip, got 'ignore'."
    with pytest.raises(ValueError, match="must") as error:
        FolderOptions(seed=-1)
    assert str(error.value) == "FolderOptions: seed must be at least 0, got -1."
