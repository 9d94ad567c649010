import gzip
import warnings
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import pytest
import torch
from torch.nn import functional
from torchvision.datasets.mnist import read_sn3_pascalvincent_tensor

from recipes.classifier import ImageClassifier
from recipes.data import FashionMNISTData
from recipes.data.fashion_mnist import DEBIAN, MEAN, STD, FashionMNISTOptions
from tests.recipes.data.idx import write_data_set, write_idx
from tests.support import trainer

NUM_TRAIN, NUM_TEST = 240, 50
NAMES = [f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data_set(tmp_path_factory.mktemp("fashion"), NUM_TRAIN, NUM_TEST)


def ready(root: Path, **options: Any) -> FashionMNISTData:
    data = FashionMNISTData(**{"root": str(root), "train_size": 100, "batch_size": 40} | options)
    data.setup("fit")
    return data


def positions(data: FashionMNISTData, part: str) -> list[int]:
    """Which images of their file are in a part: the first two pixels say it."""
    images, _ = data.parts[part].tensors
    return [256 * int(image[0, 0, 0]) + int(image[0, 0, 1]) for image in images]


def test_parts_are_disjoint_and_hold_images_with_their_labels(root: Path) -> None:
    data = ready(root)

    train, val, test = (positions(data, part) for part in ("train", "val", "test"))
    assert (len(set(train)), len(set(val)), len(set(train) | set(val))) == (100, 20, 120)
    assert test == list(range(NUM_TEST))
    for part in ("train", "val", "test"):
        images, labels = data.parts[part].tensors
        assert (images.dtype, images.shape[1:], labels.dtype) == (torch.uint8, (1, 28, 28), torch.int64)
        assert labels.tolist() == [position % 10 for position in positions(data, part)]


def test_parts_have_all_classes_alike(root: Path) -> None:
    for size in (10, 100, 220):
        data = ready(root, train_size=size, seed=size)
        assert torch.bincount(data.parts["train"].tensors[1]).tolist() == [size // 10] * 10
        assert torch.bincount(data.parts["val"].tensors[1]).tolist() == [2] * 10


def test_fewer_images_are_among_more_and_are_validated_alike(root: Path) -> None:
    few, many, others = ready(root, train_size=50), ready(root), ready(root, seed=1)

    assert positions(few, "train") == positions(many, "train")[:50]
    assert positions(few, "val") == positions(many, "val")
    assert set(positions(others, "train")) != set(positions(many, "train"))
    assert set(positions(others, "val")) != set(positions(many, "val"))


def test_all_images_leave_none_to_validate_on(root: Path) -> None:
    data = ready(root, train_size=None)

    assert sorted(positions(data, "train")) == list(range(NUM_TRAIN))
    assert data.val_dataloader() == []


def test_a_fit_validates_where_there_is_something_and_learns_on_all_images_too(root: Path) -> None:
    for size, logged in (
        (100, {"train_loss", "train_acc", "val_loss", "val_acc"}),
        (None, {"train_loss", "train_acc"}),
    ):
        model = ImageClassifier("softmax_regression", 10, {"name": "sgd"}, model_options={"in_chans": 1, "side_px": 28})
        running = trainer(max_epochs=1)
        running.fit(model, FashionMNISTData(str(root), size))
        assert set(running.callback_metrics) == logged
        assert running.global_step == (1 if size else 3)


class Seen(pl.Callback):
    """What the model gets in training and in the test."""

    def __init__(self) -> None:
        self.train: list[Any] = []
        self.test: list[Any] = []

    def on_train_batch_start(self, trainer: pl.Trainer, module: pl.LightningModule, batch: Any, batch_idx: int) -> None:
        self.train.append(batch)

    def on_test_batch_start(self, trainer: pl.Trainer, module: pl.LightningModule, batch: Any, *_: Any) -> None:
        self.test.append(batch)


def run(root: Path, epochs: int = 1, precision: Any = "32-true", **options: Any) -> tuple[Seen, FashionMNISTData]:
    settings = FashionMNISTOptions(**options)
    model_options = {"in_chans": 1, "side_px": settings.side_px}
    model = ImageClassifier("softmax_regression", 10, {"name": "sgd"}, model_options=model_options)
    seen, data = Seen(), FashionMNISTData(str(root), 100, 40, options=settings)
    running = trainer(max_epochs=epochs, precision=precision, callbacks=[seen], limit_val_batches=0)
    running.fit(model, data)
    running.test(model, data, verbose=False)
    return seen, data


@pytest.mark.parametrize("side_px", [28, 32])
def test_a_model_gets_standardized_floats(root: Path, side_px: int) -> None:
    seen, data = run(root, side_px=side_px)
    raw, labels = data.parts["test"].tensors

    ((images, targets),) = seen.test
    assert (images.dtype, images.shape) == (torch.float32, (NUM_TEST, 1, side_px, side_px))
    assert torch.equal(targets, labels)
    frame = (side_px - 28) // 2
    framed = np.pad(raw.numpy(), [(0, 0), (0, 0), (frame, frame), (frame, frame)])
    np.testing.assert_allclose(images.numpy(), (framed / 255 - MEAN) / STD, atol=1e-5)
    assert [len(targets) for _, targets in seen.train] == [40, 40, 20]
    assert {images.dtype for images, _ in seen.train} == {torch.float32}


@pytest.mark.parametrize(
    ("precision", "dtype"), [("bf16-true", torch.bfloat16), ("bf16-mixed", torch.float32), ("64-true", torch.float64)]
)
@pytest.mark.parametrize("augment", [False, True], ids=["plain", "augmented"])
def test_images_follow_the_precision_of_the_run(root: Path, precision: str, dtype: torch.dtype, augment: bool) -> None:
    seen, _ = run(root, precision=precision, augment=augment)
    assert {images.dtype for images, _ in (*seen.train, *seen.test)} == {dtype}


def raw(images: torch.Tensor) -> np.ndarray[Any, Any]:
    """Return the bytes of what a model got, (B, 28, 28)."""
    return np.rint((images[:, 0].double().numpy() * STD + MEAN) * 255).astype(int)


def placed(image: np.ndarray[Any, Any], down: int, right: int) -> np.ndarray[Any, Any]:
    """Shift an image by two pixels at most: what comes in is black."""
    return np.pad(image, 2)[2 - down : 30 - down, 2 - right : 30 - right]


def test_augmented_images_are_shifts_and_mirror_images_of_the_same_label(root: Path) -> None:
    seen, data = run(root, augment=True)
    originals, labels = data.parts["train"].tensors
    candidates = {
        view.tobytes(): (position, mirrored, down, right)
        for position, original in enumerate(originals[:, 0].numpy().astype(int))
        for mirrored in (False, True)
        for down in range(-2, 3)
        for right in range(-2, 3)
        for view in [placed(original, down, right)[:, :: -1 if mirrored else 1]]
    }
    images = np.concatenate([raw(images) for images, _ in seen.train])
    found = [candidates[image.tobytes()] for image in images]
    assert sorted(position for position, *_ in found) == list(range(100))
    assert [labels[position] for position, *_ in found] == torch.cat([labels for _, labels in seen.train]).tolist()
    for part, values in enumerate(([False, True], range(-2, 3), range(-2, 3)), start=1):
        assert {each[part] for each in found} == set(values)


def test_noise_is_a_function_of_seed_epoch_and_image_and_evaluation_has_none(root: Path) -> None:
    def epochs(seed: int, state: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
        pl.seed_everything(seed, verbose=False)
        torch.manual_seed(state)
        seen, data = run(root, epochs=2, augment=True)
        ((tested, _),) = seen.test
        assert np.array_equal(raw(tested), data.parts["test"].tensors[0][:, 0].numpy())
        images = torch.cat([images for images, _ in seen.train])
        return images[:100], images[100:]

    first, again, other = epochs(5), epochs(5, state=1), epochs(6)
    assert all(torch.equal(one, two) for one, two in zip(first, again, strict=True))
    assert {image.numpy().tobytes() for image in first[0]} != {image.numpy().tobytes() for image in first[1]}
    assert {image.numpy().tobytes() for image in first[0]} != {image.numpy().tobytes() for image in other[0]}


@pytest.mark.parametrize(("size", "known"), [(None, 60_000), (2000, 2000)])
def test_a_plan_knows_sizes_without_the_files(size: int | None, known: int) -> None:
    data = FashionMNISTData("not/there", size)
    assert (data.train_size, data.image_bytes) == (known, 28 * 28)


def orders(root: Path, seed: int, state: int = 0) -> list[list[float]]:
    """The sums of the images of two epochs, in order: as good as their names."""
    pl.seed_everything(seed, verbose=False)
    torch.manual_seed(state)  # what the model's weights, or anything else, may have drawn meanwhile
    seen, _ = run(root, epochs=2)
    sums = [image.sum().item() for images, _ in seen.train for image in images]
    return [sums[:100], sums[100:]]


def test_training_images_come_in_an_order_that_the_runs_seed_decides(root: Path) -> None:
    first, again, other = orders(root, 5), orders(root, 5, state=1), orders(root, 6)

    assert first == again
    assert first[0] != first[1]
    assert first[0] != other[0]
    for epoch in (*first, *other):
        assert sorted(epoch) == pytest.approx(sorted(first[0]))


def test_evaluation_batches_are_in_a_fixed_order(root: Path) -> None:
    data = ready(root)

    (val,) = data.val_dataloader()
    for part, loader in (("val", val), ("test", data.test_dataloader()), ("test", data.predict_dataloader())):
        assert torch.equal(torch.cat([images for images, _ in loader]), data.parts[part].tensors[0])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"train_size": 9}, "FashionMNISTData: train_size must be at least 10, got 9."),
        ({"batch_size": 0}, "FashionMNISTData: batch_size must be at least 1, got 0."),
        ({"seed": -1}, "FashionMNISTData: seed must be at least 0, got -1."),
        (
            {"train_size": 221},
            "FashionMNISTData: train_size must be at most 220, as 20 images are for validation, got 221. "
            "Pass None for all 240.",
        ),
    ],
)
def test_refusals(options: dict[str, int], text: str, root: Path) -> None:
    with pytest.raises(ValueError, match="must") as error:
        ready(root, **options)

    assert str(error.value) == text


def test_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="side_px") as error:
        FashionMNISTOptions(side_px=30)

    assert str(error.value) == "FashionMNISTOptions: side_px must be one of 28, 32, got 30."


def test_missing_files_are_named_with_the_package_that_has_them(tmp_path: Path) -> None:
    write_data_set(tmp_path, 20, 10)
    (tmp_path / "t10k-images-idx3-ubyte.gz").unlink()
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()

    with pytest.raises(FileNotFoundError) as error:
        ready(tmp_path)

    assert str(error.value) == (
        f"FashionMNISTData: root must hold the four files of Fashion-MNIST, got {str(tmp_path)!r} without "
        "t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz. Install Debian's package dataset-fashion-mnist, or pass "
        "root= of a folder that has them."
    )


def test_files_of_another_data_set_are_refused(tmp_path: Path) -> None:
    write_data_set(tmp_path, 20, 10)
    write_idx(tmp_path / "t10k-labels-idx1-ubyte.gz", np.zeros(9, np.uint8))

    with pytest.raises(ValueError, match=r"t10k-images-idx3-ubyte\.gz must hold \(9, 28, 28\) pixels"):
        ready(tmp_path, train_size=10)


@pytest.mark.parametrize(
    "needless",
    [
        *(f"The '{name}_dataloader' does not have many workers which may" for name in ("train", "val", "predict")),
        "Total length of `list` across ranks is zero. Please make sure this was your intention.",
    ],
)
def test_needless_advice_is_silenced(needless: str, root: Path) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ready(root)
        warnings.warn(needless, UserWarning, stacklevel=1)
        warnings.warn("Another", UserWarning, stacklevel=1)

    assert [str(warning.message) for warning in caught] == ["Another"]


@pytest.fixture
def debian() -> Path:
    if not Path(DEBIAN).is_dir():
        pytest.skip(f"Debian's package dataset-fashion-mnist is not installed: no {DEBIAN}")
    return Path(DEBIAN)


def test_the_real_files_are_what_torchvision_reads(debian: Path, tmp_path: Path) -> None:
    data = ready(debian, train_size=None)

    for part, name in (("train", "train"), ("test", "t10k")):
        files = [file for file in NAMES if file.startswith(name)]
        for file in files:
            (tmp_path / file).write_bytes(gzip.decompress((debian / f"{file}.gz").read_bytes()))
        images, labels = (read_sn3_pascalvincent_tensor(str(tmp_path / file)) for file in files)
        ours, classes = data.parts[part].tensors
        assert torch.bincount(classes).tolist() == [len(images) // 10] * 10
        assert functional.one_hot(classes).sum() == len(images) == {"train": 60_000, "test": 10_000}[part]
        if part == "test":
            assert torch.equal(ours[:, 0], images)
            assert torch.equal(classes, labels.long())
        else:  # in the order of the split: the mean image of each class is the same
            for label in range(10):
                mean = ours[classes == label, 0].double().mean(dim=0)
                torch.testing.assert_close(mean, images[labels == label].double().mean(dim=0))


def test_the_constants_are_those_of_the_60_000_images(debian: Path) -> None:
    pixels = ready(debian, train_size=None).parts["train"].tensors[0].numpy()

    assert pytest.approx(pixels.mean(dtype=np.float64) / 255, abs=5e-6) == MEAN
    assert pytest.approx(pixels.std(dtype=np.float64) / 255, abs=5e-6) == STD


def test_the_defaults_read_debians_package(debian: Path) -> None:
    data = FashionMNISTData()
    data.setup("fit")

    assert [len(data.parts[part]) for part in ("train", "val", "test")] == [2_000, 5_000, 10_000]
