import sys
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import pytest
import torch
from lightning.pytorch.cli import LightningCLI
from torch.utils.data import DataLoader
from torchvision.transforms import v2

import lightning_regkit as rk
from recipes._quiet import without_known_warnings
from recipes.classifier import ImageClassifier
from recipes.data import CIFARData, _cifar_files
from recipes.data.cifar import SCALES, CIFAROptions
from tests.recipes.data.cifar_files import write_cifar
from tests.support import trainer

NUM_TRAIN, NUM_TEST = 250, 40


@pytest.fixture(autouse=True)
def _fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_cifar_files.NUM_IMAGES, "train", NUM_TRAIN)
    monkeypatch.setitem(_cifar_files.NUM_IMAGES, "test", NUM_TEST)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cifar")
    for num_classes in (10, 100):
        write_cifar(folder, num_classes, is_binary=True, num_train=NUM_TRAIN, num_test=NUM_TEST)
    return folder


def ready(root: Path, num_classes: int = 10, workers: int = 0, **options: Any) -> CIFARData:
    settings = CIFAROptions(**{"val_size": 50, **options})
    data = CIFARData(str(root), num_classes, batch_size=40, num_workers=workers, options=settings)
    data.setup("fit")
    return data


def numbers(images: Any) -> list[int]:
    """Which images of the files these are, (N, 32, 32, 3)."""
    return [256 * int(image[0, 0, 0]) + int(image[0, 1, 0]) for image in images]


def test_parts_are_disjoint_and_hold_all_classes_alike(root: Path) -> None:
    parts = ready(root).parts

    train, val, test = (numbers(parts[part].images) for part in ("train", "val", "test"))
    assert sorted(train + val) == list(range(NUM_TRAIN))
    assert test == list(range(NUM_TRAIN, NUM_TRAIN + NUM_TEST))
    assert np.bincount(parts["val"].labels).tolist() == [5] * 10
    for part in parts.values():
        assert part.labels.tolist() == [number % 10 for number in numbers(part.images)]
    assert numbers(ready(root).parts["val"].images) == val
    assert numbers(ready(root, split_seed=1).parts["val"].images) != val


def epochs(data: CIFARData, count: int = 2) -> list[tuple[torch.Tensor, torch.Tensor]]:
    loader = data.train_dataloader()
    sampler: Any = loader.sampler
    found = []
    for epoch in range(count):
        sampler.set_epoch(epoch)
        batches = list(loader)
        found.append((torch.cat([images for images, _ in batches]), torch.cat([labels for _, labels in batches])))
    return found


def test_training_images_are_padded_cropped_and_mirrored(root: Path) -> None:
    data = ready(root, seed=3)
    (images, labels), (others, _) = epochs(data)

    assert (images.dtype, images.shape) == (torch.uint8, (200, 3, 32, 32))
    assert not torch.equal(images, others)
    sources = {image.tobytes(): label for image, label in zip(data.parts["train"].images, labels, strict=True)}
    found = 0
    for image, label in zip(images.permute(0, 2, 3, 1).numpy(), labels, strict=True):
        for number in np.flatnonzero(data.parts["train"].labels == int(label)):
            padded = np.pad(data.parts["train"].images[number], [(4, 4), (4, 4), (0, 0)])
            windows = np.lib.stride_tricks.sliding_window_view(padded, (32, 32, 3)).reshape(81, 32, 32, 3)
            either = [*windows, *windows[:, :, ::-1]]
            found += any(np.array_equal(image, window) for window in either if window[16, 16, 0] == image[16, 16, 0])
    assert found == 200
    assert sum(image.tobytes() in sources for image in images.permute(0, 2, 3, 1).numpy()) < 10


def test_noise_and_order_depend_on_the_seed_and_not_on_the_workers(root: Path) -> None:
    one, other = epochs(ready(root, seed=3)), epochs(ready(root, seed=4))
    for first, second in zip(one, epochs(ready(root, workers=2, seed=3)), strict=True):
        assert torch.equal(first[0], second[0])
        assert torch.equal(first[1], second[1])
    assert not torch.equal(one[0][0], other[0][0])
    pl.seed_everything(3, verbose=False)
    assert torch.equal(epochs(ready(root))[1][0], one[1][0])


def test_without_augmentation_images_are_as_they_are(root: Path) -> None:
    data = ready(root, augment=False)
    (images, _), _ = epochs(data)

    assert sorted(numbers(images.permute(0, 2, 3, 1))) == sorted(numbers(data.parts["train"].images))


class Seen(pl.Callback):
    def __init__(self) -> None:
        self.test: list[Any] = []
        self.train: list[Any] = []

    def on_train_batch_start(self, trainer: pl.Trainer, module: pl.LightningModule, batch: Any, batch_idx: int) -> None:
        self.train.append(batch)

    def on_test_batch_start(self, trainer: pl.Trainer, module: pl.LightningModule, batch: Any, *_: Any) -> None:
        self.test.append(batch)


@pytest.mark.parametrize("num_classes", [10, 100])
@pytest.mark.parametrize(("val_size", "logged"), [(50, True), (0, False)])
def test_a_model_gets_standardized_floats(num_classes: int, val_size: int, logged: bool, root: Path) -> None:
    data, seen = ready(root, num_classes, val_size=val_size), Seen()
    options = {"side_px": 32}
    model = ImageClassifier("softmax_regression", num_classes, {"name": "sgd"}, model_options=options)
    own = trainer(max_epochs=1, callbacks=[seen])
    own.fit(model, data)
    assert ("val_acc" in own.callback_metrics) == logged
    own.test(model, data, verbose=False)
    predicted = own.predict(model, data)

    assert predicted is not None
    assert len(predicted) == 1
    ((images, labels),) = seen.test
    mean, std = (list(values) for values in SCALES[num_classes])
    transform = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)])
    expected = torch.stack([transform(image) for image in data.parts["test"].images])
    torch.testing.assert_close(images, expected, rtol=1e-5, atol=1e-5)
    assert torch.equal(labels, torch.from_numpy(data.parts["test"].labels))
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert sum(len(labels) for _, labels in seen.train) == NUM_TRAIN - val_size == data.train_size
    assert data.image_bytes == 3072


def test_evaluation_is_exact(root: Path) -> None:
    data = ready(root)
    (val,) = data.val_dataloader()

    for loader in (val, data.test_dataloader(), data.predict_dataloader()):
        assert isinstance(loader, DataLoader)
        assert isinstance(loader.sampler, rk.samplers.ExactDistributedSampler)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: CIFARData("root", 20), "CIFARData: num_classes must be one of 10, 100, got 20."),
        (lambda: CIFARData("root", batch_size=0), "CIFARData: batch_size must be at least 1, got 0."),
        (lambda: CIFARData("root", num_workers=-1), "CIFARData: num_workers must be at least 0, got -1."),
        (lambda: CIFAROptions(val_size=250), "CIFAROptions: val_size must be from 0 to 249, got 250."),
        (lambda: CIFAROptions(val_size=-1), "CIFAROptions: val_size must be from 0 to 249, got -1."),
        (lambda: CIFAROptions(val_size=9, seed=-1), "CIFAROptions: seed must be at least 0, got -1."),
        (lambda: CIFAROptions(val_size=9, split_seed=-1), "CIFAROptions: split_seed must be at least 0, got -1."),
    ],
)
def test_refusals(make: Any, text: str) -> None:
    with pytest.raises(ValueError, match="must") as error:
        make()
    assert str(error.value) == text


def test_the_command_line_names_everything(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["recipes"])
    model = ["--model.model=resnet20_small", "--model.num_classes=100", '--model.optimizer={"name": "sgd"}']
    words = ["--data=CIFARData", f"--data.root={root}", "--data.num_classes=100", "--data.options.val_size=20"]
    with without_known_warnings():
        cli = LightningCLI(ImageClassifier, run=False, seed_everything_default=0, args=[*model, *words])

    assert cli.datamodule.num_classes == 100
    assert cli.datamodule.options == CIFAROptions(val_size=20)
