"""Generated images, as other libraries read them."""

import pickle
from collections import Counter
from gzip import decompress
from pathlib import Path

import numpy as np
import pytest
from torchvision.datasets import ImageFolder
from torchvision.datasets.mnist import read_sn3_pascalvincent_tensor

from recipes._smoke_data import write_cifar, write_fashion_mnist, write_image_folder
from recipes.data import CIFARData, FashionMNISTData


def test_a_folder_is_what_torchvision_reads(tmp_path: Path) -> None:
    assert write_image_folder(tmp_path, {}) == "128 + 16 generated JPEG files in 4 classes"
    train, val = (ImageFolder(str(tmp_path / part)) for part in ("train", "val"))
    assert train.classes == val.classes == [f"n{number:08}" for number in range(4)]
    assert Counter(train.targets) == dict.fromkeys(range(4), 32)
    assert Counter(val.targets) == dict.fromkeys(range(4), 4)
    image, _ = train[0]
    assert (image.size, Path(train.imgs[0][0]).suffix) == ((500, 375), ".JPEG")
    assert np.array(image).std() > 10
    assert not np.array_equal(np.array(image), np.array(train[1][0]))


@pytest.mark.parametrize(
    ("num_classes", "folder", "files", "key"),
    [
        (10, "cifar-10-batches-py", {f"data_batch_{number}": 10_000 for number in range(1, 6)}, b"labels"),
        (100, "cifar-100-python", {"train": 50_000}, b"fine_labels"),
    ],
)
def test_pickles_are_those_of_the_archives(
    num_classes: int, folder: str, files: dict[str, int], key: bytes, tmp_path: Path
) -> None:
    write_cifar(tmp_path, {"num_classes": num_classes})
    test = "test_batch" if num_classes == 10 else "test"
    assert {path.name for path in (tmp_path / folder).iterdir()} == {*files, test}
    for name, count in {**files, test: 10_000}.items():
        content = pickle.loads((tmp_path / folder / name).read_bytes(), encoding="bytes")
        assert (content[b"data"].shape, content[b"data"].dtype) == ((count, 3072), np.uint8)
        assert Counter(content[key]) == dict.fromkeys(range(num_classes), count // num_classes)
    data = CIFARData(str(tmp_path), num_classes)
    data.setup("fit")
    assert [len(data.parts[part]) for part in ("train", "val", "test")] == [45_000, 5_000, 10_000]


def test_idx_files_are_what_torchvision_reads(tmp_path: Path) -> None:
    write_fashion_mnist(tmp_path / "data", {})
    for part, count in (("train", 60_000), ("t10k", 10_000)):
        for kind in ("images-idx3", "labels-idx1"):
            file = tmp_path / f"{part}-{kind}-ubyte"
            file.write_bytes(decompress((tmp_path / "data" / f"{file.name}.gz").read_bytes()))
        images = read_sn3_pascalvincent_tensor(str(tmp_path / f"{part}-images-idx3-ubyte"))
        labels = read_sn3_pascalvincent_tensor(str(tmp_path / f"{part}-labels-idx1-ubyte"))
        assert (images.shape, labels.bincount().tolist()) == ((count, 28, 28), [count // 10] * 10)
    data = FashionMNISTData(str(tmp_path / "data"), train_size=55_000)
    data.setup("fit")
    assert len(data.parts["train"]) == 55_000
