"""The data module in real runs on the CPU."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.cli import LightningCLI
from torch import Tensor, nn
from torch.nn import functional
from torchvision.datasets.folder import default_loader
from torchvision.transforms import v2

import lightning_regkit as rk
import recipes.data  # noqa: F401  # what is imported can be named by its last name
from recipes._quiet import without_known_warnings
from recipes.classifier import ImageClassifier
from recipes.data._image_options import IMAGENET_MEAN, IMAGENET_STD
from recipes.data.image_folder import BrokenImageError, FolderOptions, ImageFolderData, ImageOptions
from tests.callbacks.interrupted import is_same, outcome
from tests.recipes.data.zoo import jpeg, photo, write_folder
from tests.support import trainer

OPTIONS: dict[str, Any] = {"crop_px": 16, "resize_px": (18, 30), "test_resize_px": 18}
TRAIN, VAL = (5, 6, 4), (2, 3, 2)
SIZES = {(40, 60), (33, 21)}


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_folder(tmp_path_factory.mktemp("folder"), {"train": TRAIN, "val": VAL})
    for path in (folder / "val").glob("*/*5.JPEG"):
        path.write_bytes(jpeg(photo(33, 21)))
    return folder


def folder_data(root: Path, workers: int = 0, batch: int = 4, **options: Any) -> ImageFolderData:
    folder = FolderOptions(**options.pop("folder", {}))
    return ImageFolderData(str(root), batch, workers, ImageOptions(**{**OPTIONS, **options}), folder)


class Net(pl.LightningModule):
    """A network for images of any size; remembers its batches."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(), nn.Linear(4, 3)
        )
        self.seen: dict[str, list[Any]] = {"train": [], "val": [], "test": [], "predict": []}

    def forward(self, images: Any) -> Tensor:
        if isinstance(images, list):
            return torch.cat([self(image[None]) for image in images])
        return self.net(images)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        self.seen["train"].append(batch)
        loss = functional.cross_entropy(self(batch[0]), batch[1])
        self.log("loss", loss, on_epoch=True)
        return loss

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.seen["val"].append(batch)
        self(batch[0])

    def test_step(self, batch: Any, batch_idx: int) -> None:
        self.seen["test"].append(batch)
        self(batch[0])

    def predict_step(self, batch: Any, batch_idx: int) -> Tensor:
        self.seen["predict"].append(batch)
        return self(batch[0])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.05, momentum=0.9)


def every_stage(data: ImageFolderData, **options: Any) -> Net:
    model, own = Net(), trainer(max_epochs=1, num_sanity_val_steps=0, **options)
    own.fit(model, data)
    own.test(model, data, verbose=False)
    own.predict(model, data)
    return model


def images_of(batches: list[Any]) -> list[Tensor]:
    return [image for images, _ in batches for image in images]


def labels_of(batches: list[Any]) -> list[int]:
    return [label for _, labels in batches for label in labels.tolist()]


def expected(root: Path, *transforms: Any) -> list[Tensor]:
    """The validation images by torchvision."""
    floats = [v2.ToDtype(torch.float32, scale=True), v2.Normalize(list(IMAGENET_MEAN), list(IMAGENET_STD))]
    transform = v2.Compose([*transforms, v2.PILToTensor(), *floats])
    return [transform(default_loader(str(path))) for path in sorted((root / "val").rglob("*.JPEG"))]


VAL_LABELS = [label for label, count in enumerate(VAL) for _ in range(count)]


@pytest.mark.parametrize("workers", [0, 2])
def test_every_stage_gets_standardized_floats(workers: int, root: Path) -> None:
    seen = every_stage(folder_data(root, workers)).seen

    assert [len(labels) for _, labels in seen["train"]] == [4, 4, 4, 3]
    assert sorted(labels_of(seen["train"])) == [0] * 5 + [1] * 6 + [2] * 4
    centers = expected(root, v2.Resize(18), v2.CenterCrop(16))
    for stage in ("val", "test", "predict"):
        assert labels_of(seen[stage]) == VAL_LABELS
        for image, other in zip(images_of(seen[stage]), centers, strict=True):
            torch.testing.assert_close(image, other, rtol=0, atol=2.1 / 255 / min(IMAGENET_STD))
    for batches in seen.values():
        for images, labels in batches:
            assert (images.shape[1:], images.dtype, labels.dtype) == ((3, 16, 16), torch.float32, torch.int64)
            assert images.is_contiguous(memory_format=torch.channels_last)


def test_loaders_give_bytes(root: Path) -> None:
    data = folder_data(root, test="whole")
    data.setup("fit")

    for loader in (data.train_dataloader(), data.val_dataloader(), data.test_dataloader(), data.predict_dataloader()):
        assert {batch[0].dtype for batch in loader} == {torch.uint8}
        assert not loader.pin_memory


@pytest.mark.parametrize("workers", [0, 2])
def test_whole_images_are_lists_in_test_and_predict(workers: int, root: Path) -> None:
    seen = every_stage(folder_data(root, workers, test="whole")).seen

    assert {tuple(image.shape[1:]) for image in images_of(seen["test"])} == SIZES
    for stage in ("test", "predict"):
        assert labels_of(seen[stage]) == VAL_LABELS
        for image, other in zip(images_of(seen[stage]), expected(root), strict=True):
            torch.testing.assert_close(image, other, rtol=1e-5, atol=1e-6)
    assert {tuple(images.shape[1:]) for images, _ in seen["val"]} == {(3, 16, 16)}


def test_whole_images_are_what_multi_crop_cuts(root: Path) -> None:
    crops = rk.callbacks.MultiCrop("ten", resize_px=[18], crop_px=16)
    data, model = folder_data(root, test="whole"), Net()

    predicted = trainer(callbacks=[crops]).predict(model, data)
    assert predicted is not None
    logits = torch.cat([batch for batch in predicted if isinstance(batch, Tensor)])

    layout, net = rk.crops.Layout("ten", (18,), 16), model.net.eval()
    for image, row in zip(expected(root), logits, strict=True):
        views = torch.cat([rk.crops.apply_view(image[None], view) for view in layout.views(*image.shape[1:])])
        torch.testing.assert_close(row.softmax(-1), net(views).softmax(-1).mean(0), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("precision", "dtype"), [("bf16-true", torch.bfloat16), ("64-true", torch.float64), ("bf16-mixed", torch.float32)]
)
@pytest.mark.parametrize("test", ["center", "whole"])
def test_floats_have_the_precision_of_the_run(precision: Any, dtype: torch.dtype, test: Any, root: Path) -> None:
    model = every_stage(folder_data(root, test=test), precision=precision)

    for batches in model.seen.values():
        assert {image.dtype for image in images_of(batches)} == {dtype}


def fit(root: Path, workers: int, seed: int = 3, epochs: int = 2) -> Net:
    pl.seed_everything(seed, verbose=False)
    model = Net()
    trainer(max_epochs=epochs, num_sanity_val_steps=0).fit(model, folder_data(root, workers))
    return model


def test_training_depends_on_the_seed_and_not_on_the_workers(root: Path) -> None:
    one, two, other = (fit(root, workers, seed) for workers, seed in ((0, 3), (2, 3), (0, 4)))

    for first, second in zip(one.seen["train"], two.seen["train"], strict=True):
        assert is_same(list(first), list(second))
    assert not is_same(list(one.seen["train"][0]), list(other.seen["train"][0]))
    half = len(one.seen["train"]) // 2
    assert not is_same(list(one.seen["train"][0]), list(one.seen["train"][half]))


class Stop(pl.Callback):
    """Saves in the middle of the second epoch."""

    def __init__(self, path: Path | None) -> None:
        self.path = path

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if self.path is not None and trainer.global_step == 6:
            trainer.save_checkpoint(self.path)


def resumable(
    root: Path, workers: int, saved: Path | None, ckpt_path: Path | None = None, **options: Any
) -> pl.Trainer:
    pl.seed_everything(5, verbose=False)
    callbacks = [Stop(saved), rk.callbacks.ExactResume(every=None)]
    own = trainer(max_epochs=3, callbacks=callbacks, enable_checkpointing=True, log_every_n_steps=1)
    data = folder_data(root, workers, transform=rk.augment.Lighting(), **options)
    own.fit(Net(), data, ckpt_path=ckpt_path, weights_only=None if ckpt_path is None else True)
    return own


@pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`:UserWarning")
@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_resumed_in_an_epoch_goes_on_bit_for_bit(workers: int, root: Path, tmp_path: Path) -> None:
    path = tmp_path / "middle.ckpt"
    whole = resumable(root, workers, path)
    torch.manual_seed(99)
    resumed = resumable(root, workers, None, ckpt_path=path)

    assert is_same(outcome(resumed), outcome(whole))
    module: Any = resumed.lightning_module
    assert len(module.seen["train"]) == 6  # of 12 batches


@pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`:UserWarning")
def test_a_checkpoint_of_other_classes_is_refused(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "middle.ckpt"
    resumable(root, 0, path)
    other = write_folder(tmp_path / "other", {"train": (2, 2, 0, 2), "val": (1, 1, 0, 1)})
    for part in ("train", "val"):
        (other / part / "c").rmdir()

    sentence = "ImageFolderData: root must have the classes of the checkpoint, got them without c and with d."
    for run in (partial(resumable, other, 0, None), lambda ckpt_path: _tested(other, ckpt_path)):
        with pytest.raises(ValueError, match="must have the classes") as error:
            run(ckpt_path=path)
        assert str(error.value) == sentence
    _tested(root, path)


def _tested(root: Path, ckpt_path: Path) -> None:
    trainer().test(Net(), folder_data(root), ckpt_path=ckpt_path, verbose=False)


@pytest.mark.parametrize("workers", [0, 2])
def test_broken_files_are_skipped_and_counted_in_all_stages(workers: int, tmp_path: Path) -> None:
    root = write_folder(tmp_path, {"train": (3,), "val": (3,)})
    for part in ("train", "val"):
        for number in range(1000):
            (root / part / "a" / f"link{number:04}.JPEG").symlink_to(
                root / part / "a" / f"000{'03'[part == 'val']}.JPEG"
            )
        (root / part / "a" / "link0002.JPEG").unlink()
        (root / part / "a" / "link0002.JPEG").touch()
    data = folder_data(root, workers, batch=50, test="whole", folder={"on_error": "skip"})

    model = every_stage(data)

    paths = [str(root / part / "a" / "link0002.JPEG") for part in ("train", "val")]
    assert data.skipped == paths
    assert [len(labels_of(model.seen[stage])) for stage in ("train", "val", "test")] == [1003, 1002, 1002]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_broken_file_ends_the_run_by_default(workers: int, tmp_path: Path) -> None:
    root = write_folder(tmp_path, {"train": (2,), "val": (1,)})
    (root / "train" / "a" / "0001.JPEG").write_bytes(jpeg(photo(40, 60))[:-400])

    with pytest.raises(BrokenImageError, match=r"0001\.JPEG' cannot be read: image file is truncated"):
        trainer(max_epochs=1).fit(Net(), folder_data(root, workers))


def test_what_is_known_of_the_folder(root: Path) -> None:
    data = folder_data(root)

    assert (data.classes, data.train_size, data.image_bytes) == (("a", "b", "c"), 15, 768)
    assert data.skipped == []


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: ImageFolderData("root", 0), "ImageFolderData: batch_size must be at least 1, got 0."),
        (lambda: ImageFolderData("root", 1, -1), "ImageFolderData: num_workers must be at least 0, got -1."),
    ],
)
def test_refusals(make: Callable[[], Any], text: str) -> None:
    with pytest.raises(ValueError, match="must") as error:
        make()
    assert str(error.value) == text


def test_a_missing_folder_is_refused_before_any_step(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="root must hold the folders train and val"):
        trainer(max_epochs=1).fit(Net(), folder_data(tmp_path / "none"))


def test_memory_is_pinned_on_a_gpu_alone(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = folder_data(root)
    own = trainer()
    data.trainer = own
    assert not data.train_dataloader().pin_memory
    monkeypatch.setattr(type(own.strategy), "root_device", torch.device("cuda"))
    assert data.train_dataloader().pin_memory


@pytest.mark.parametrize("transform", ["color_simple", "Lighting"])
def test_the_command_line_names_everything(transform: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["recipes"])
    words = [
        "--model.model=resnet20_small",
        "--model.num_classes=3",
        '--model.optimizer={"name": "sgd"}',
        "--data=ImageFolderData",
        "--data.num_workers=0",
        f"--data.root={root}",
        "--data.images.crop_px=16",
        "--data.images.resize_px=[18, 30]",
        "--data.images.test_resize_px=18",
        "--data.images.law=inception",
        f'--data.images.transform={{"class_path": "lightning_regkit.augment.{transform}"}}',
        "--data.folder.on_error=skip",
    ]
    with without_known_warnings():
        cli = LightningCLI(ImageClassifier, run=False, seed_everything_default=0, args=words)

    data = cli.datamodule
    assert isinstance(data, ImageFolderData)
    assert data.folder == FolderOptions(on_error="skip")
    assert type(data.images.transform) is type(vars(rk.augment)[transform]())
    assert (data.images.crop_px, data.images.resize_px, data.images.law) == (16, (18, 30), "inception")
    data.setup("fit")
    images, _ = next(iter(data.train_dataloader()))
    assert images.shape == (15, 3, 16, 16)
