import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torchvision.datasets import CIFAR10, CIFAR100

from recipes.data import _cifar_files
from recipes.data._cifar_files import load_arrays, read_cifar
from tests.recipes.data.cifar_files import python2, rows, write_cifar

COUNTS = {"train": 250, "test": 40}


@pytest.fixture(autouse=True)
def _fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cifar_files, "NUM_IMAGES", COUNTS)


def written(root: Path, num_classes: int = 10, *, is_binary: bool = False) -> Path:
    return write_cifar(root, num_classes, is_binary=is_binary, num_train=250, num_test=40)


@pytest.mark.parametrize("is_binary", [False, True], ids=["pickles", "bytes"])
@pytest.mark.parametrize("num_classes", [10, 100])
@pytest.mark.parametrize("is_inside", [False, True])
def test_images_and_labels_are_those_of_the_files(
    num_classes: int, is_binary: bool, is_inside: bool, tmp_path: Path
) -> None:
    root = written(tmp_path, num_classes, is_binary=is_binary)
    if is_inside:
        (root,) = root.iterdir()

    numbers = []
    for part, count in COUNTS.items():
        images, labels = read_cifar("Owner", root, num_classes, part)
        assert (images.shape, str(images.dtype), str(labels.dtype)) == ((count, 32, 32, 3), "uint8", "int64")
        assert images.flags.c_contiguous
        number = 256 * images[:, 0, 0, 0].astype(int) + images[:, 0, 1, 0]
        np.testing.assert_array_equal(labels, number % num_classes)
        numbers += number.tolist()
    assert numbers == list(range(290))


@pytest.mark.parametrize(("num_classes", "peer"), [(10, CIFAR10), (100, CIFAR100)])
def test_they_are_what_torchvision_reads(
    num_classes: int, peer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, num_classes)
    monkeypatch.setattr(peer, "_check_integrity", lambda _: True)
    monkeypatch.setattr(peer, "_load_meta", lambda _: None)
    for part in COUNTS:
        theirs = peer(tmp_path, train=part == "train")
        images, labels = read_cifar("Owner", tmp_path, num_classes, part)
        np.testing.assert_array_equal(images, theirs.data)
        assert labels.tolist() == theirs.targets


@pytest.mark.parametrize("protocol", [2, 4])
def test_pickles_of_python_3_are_read_too(protocol: int, tmp_path: Path) -> None:
    pixels, _, _ = rows(4, 0, 10)
    (tmp_path / "file").write_bytes(pickle.dumps({"a": [1, {"b": 2.5}]}, protocol=protocol))
    content: Any = load_arrays("Owner", tmp_path / "file")
    assert content == {"a": [1, {"b": 2.5}]}
    if protocol == 4:
        (tmp_path / "file").write_bytes(pickle.dumps({b"data": pixels}, protocol=protocol))
        np.testing.assert_array_equal(load_arrays("Owner", tmp_path / "file")[b"data"], pixels)


class Touch:
    """A pickle that would write a file."""

    def __init__(self, call: Callable[..., Any], *arguments: Any) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> Any:
        return self.call, self.arguments


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda path: Touch(os.system, f"touch {path}"), "system"),
        (lambda path: Touch(eval, f"open({str(path)!r}, 'w')"), "eval"),
        (lambda path: Touch(np.save, str(path), 0), "save"),
        (lambda path: Touch(getattr, b"", "hex"), "getattr"),
    ],
)
@pytest.mark.parametrize("protocol", [2, 4])
def test_nothing_in_a_file_is_run(make: Any, name: str, protocol: int, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(pickle.dumps({"data": make(tmp_path / "touched")}, protocol=protocol))

    with pytest.raises(ValueError, match="must be a pickled dict of arrays, but it asks for ") as error:
        load_arrays("Owner", path)

    assert str(error.value).removesuffix(". Unpack the archive again.").endswith(f".{name}")
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "Ran out of input"),
        (b"nonsense", ""),
        (python2({b"data": np.zeros((2, 3072), np.uint8)})[:-900], ""),
        (python2([1, 2]), "it holds a list"),
    ],
    ids=["empty", "nonsense", "half", "list"],
)
def test_a_broken_pickle_is_refused(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)

    with pytest.raises(ValueError, match="must be") as error:
        load_arrays("Owner", path)

    assert str(error.value).startswith(f"Owner: {path} must be a pickled dict of arrays, but {reason}")
    assert "\n" not in str(error.value)


def test_missing_files_are_named(tmp_path: Path) -> None:
    root = written(tmp_path)
    (root / "cifar-10-batches-py" / "data_batch_3").unlink()

    with pytest.raises(FileNotFoundError) as error:
        read_cifar("Owner", root, 10, "train")
    assert str(error.value) == (
        f"Owner: root must hold cifar-10-batches-py or cifar-10-batches-bin, got {str(root)!r} without all of "
        "data_batch_1, data_batch_2, data_batch_3, data_batch_4, data_batch_5. "
        "Unpack the archive of https://www.cs.toronto.edu/~kriz/cifar.html there."
    )
    assert len(read_cifar("Owner", root, 10, "test")[1]) == 40


def test_a_short_file_is_refused(tmp_path: Path) -> None:
    (folder,) = written(tmp_path, is_binary=True).iterdir()
    path = folder / "data_batch_2.bin"
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    with pytest.raises(ValueError, match="must hold records") as error:
        read_cifar("Owner", tmp_path, 10, "train")
    assert str(error.value) == f"Owner: {path} must hold records of 3,073 bytes, got 153,645 bytes."

    path.write_bytes(whole[:-3073])
    with pytest.raises(ValueError, match="must hold 250 images") as error:
        read_cifar("Owner", tmp_path, 10, "train")
    assert str(error.value) == (
        f"Owner: {folder}, in data_batch_1.bin and on, must hold 250 images with labels from 0 to 9, "
        "got 249 images and 249 labels from 0 to 9. Unpack it again."
    )
    for name in range(1, 6):
        (folder / f"data_batch_{name}.bin").write_bytes(b"")
    with pytest.raises(ValueError, match=r"got 0 images and 0 labels from 0 to 0\. Unpack it again\."):
        read_cifar("Owner", tmp_path, 10, "train")


@pytest.mark.parametrize(
    ("change", "got"),
    [
        ({b"labels": [0] * 39 + [10]}, "got 40 images and 40 labels from 0 to 10"),
        ({b"labels": [0] * 39 + [-1]}, "got 40 images and 40 labels from -1 to 0"),
        ({b"labels": [0] * 39}, "got 40 images and 39 labels from 0 to 0"),
        ({b"labels": None}, "must hold images and labels of CIFAR-10, got"),
        ({b"labels": [None] * 40}, "must hold images and labels of CIFAR-10, got"),
        ({b"data": None}, "must hold images and labels of CIFAR-10, got"),
        ({b"data": np.zeros((40, 3072))}, "must hold images and labels of CIFAR-10, got"),
        ({b"data": np.zeros((40, 784), np.uint8)}, "must hold images and labels of CIFAR-10, got"),
    ],
    ids=str,
)
def test_a_file_of_other_things_is_refused(change: dict[bytes, Any], got: str, tmp_path: Path) -> None:
    path = written(tmp_path) / "cifar-10-batches-py" / "test_batch"
    pixels, labels, _ = rows(40, 250, 10)
    path.write_bytes(python2({b"data": pixels, b"labels": labels, **change}))

    with pytest.raises(ValueError, match="must hold") as error:
        read_cifar("Owner", tmp_path, 10, "test")
    assert got in str(error.value)
