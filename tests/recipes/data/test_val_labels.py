from pathlib import Path

import pytest

from recipes.data._val_labels import check_classes, labeled_index

CLASSES = ("n01", "n02")
NAMES = ("val_2.JPEG", "val_1.JPEG", "val_3.JPEG")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "val").mkdir()
    for name in NAMES:
        (tmp_path / "val" / name).touch()
    (tmp_path / "val" / ".DS_Store").touch()
    return tmp_path / "val"


def mapping(folder: Path, text: str) -> Path:
    path = folder.parent / "labels.txt"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "text",
    [
        "val_1.JPEG n02\nval_2.JPEG n01\nval_3.JPEG n02\n",
        "val_3.JPEG\tn02\r\nval_2.JPEG\tn01\r\n\r\nval_1.JPEG\tn02",
        "ImageId,PredictionString\nval_1,n02 12 34 56 78\nval_3,n02 1 2 3 4\nval_2,n01 1 2 3 4 n01 5 6 7 8 \n",
    ],
    ids=["blanks", "tabs", "Kaggle's"],
)
def test_each_image_gets_the_class_that_is_written(text: str, folder: Path) -> None:
    index = labeled_index("Owner", folder, mapping(folder, text), CLASSES)

    assert index.classes == CLASSES
    assert [(index.path(row), index.label(row)) for row in range(len(index))] == [
        (f"{folder}/val_1.JPEG", 1),
        (f"{folder}/val_2.JPEG", 0),
        (f"{folder}/val_3.JPEG", 1),
    ]


GOOD = "val_1 n02\nval_2 n01\n"


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        (
            f"{GOOD}val_3 n03\n",
            "must name classes of train, got n03. Write their names: numbers mean another order to ",
        ),
        (
            f"{GOOD}val_3 490\n",
            "must name classes of train, got 490. Write their names: numbers mean another order to ",
        ),
        (f"{GOOD}val_3\n", "must name classes of train, got . Write"),
        (GOOD, "must name every image of {folder} once, got val_3.JPEG, without a class."),
        (f"{GOOD}val_3 n01\nval_4 n01\n", "must name every image of {folder} once, got val_4, that are not there."),
        (
            f"{GOOD}val_3 n01\nval_1.JPEG n02\n",
            "must name every image of {folder} once, got val_1.JPEG, that come twice.",
        ),
        ("", "must name every image of {folder} once, got val_1.JPEG, val_2.JPEG, val_3.JPEG, without a class."),
    ],
)
def test_a_file_of_another_folder_is_refused(text: str, condition: str, folder: Path) -> None:
    path = mapping(folder, text)
    with pytest.raises(ValueError, match="must") as error:
        labeled_index("Owner", folder, path, CLASSES)

    assert str(error.value).startswith(f"Owner: {path} {condition.format(folder=folder)}")


def test_folders_and_emptiness_are_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="must hold images, got none") as error:
        labeled_index("Owner", tmp_path / "empty", mapping(folder, GOOD), CLASSES)
    assert str(error.value) == f"Owner: {tmp_path / 'empty'} must hold images, got none."
    (folder / "n01").mkdir()
    with pytest.raises(ValueError, match="must hold images alone") as error:
        labeled_index("Owner", folder, mapping(folder, GOOD), CLASSES)
    sentence = f"Owner: {folder} must hold images alone where val_labels is given, got the folder n01."
    assert str(error.value) == sentence


@pytest.mark.parametrize(
    ("found", "got"),
    [("ab", "without c"), ("abcd", "with d"), ("xy", "without a, b, c and with x, y")],
)
def test_other_classes_are_named(found: str, got: str) -> None:
    with pytest.raises(ValueError, match="must") as error:
        check_classes("Owner", "val must have the classes of train", found, "abc")
    assert str(error.value) == f"Owner: val must have the classes of train, got them {got}."
    check_classes("Owner", "", "cba", "abc")
