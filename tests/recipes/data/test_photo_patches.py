import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from recipes.classifier import ImageClassifier
from recipes.data import PhotoPatchesData, _photos, photo_patches
from recipes.data._photos import SOURCES
from recipes.data.image_folder import ImageOptions
from tests.support import trainer

PARTS = {"train": 6, "val": 3}
MARKER = ".photo_patches.json"


@pytest.fixture(autouse=True)
def _fewer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(_photos, "PARTS", PARTS)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def files(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def made(root: Path, **options: Any) -> PhotoPatchesData:
    data = PhotoPatchesData(str(root), num_workers=0, **options)
    data.prepare_data()
    data.setup("fit")
    return data


def test_a_folder_like_imagenets_is_written(tmp_path: Path) -> None:
    data = made(tmp_path / "new" / "patches")

    root = tmp_path / "new" / "patches"
    names = [f"{part}/{name}/{number:03}.jpg" for part in PARTS for name in SOURCES for number in range(PARTS[part])]
    assert sorted(files(root)) == sorted([*names, MARKER])
    assert (data.classes, data.train_size) == (tuple(sorted(SOURCES)), 60)
    assert [path.name for path in root.parent.iterdir()] == ["patches"]
    assert root.stat().st_mode & 0o777 == 0o755
    sizes = set()
    for name in names:
        with Image.open(root / name) as image:
            assert (image.format, image.mode) == ("JPEG", "RGB")
            sizes.add(image.size)
    assert min(min(sizes)) >= 96
    assert max(max(sizes)) <= 160
    assert len(sizes) > 50


def test_files_are_the_same_wherever_they_are_written(tmp_path: Path) -> None:
    made(tmp_path / "one")
    made(tmp_path / "other")

    assert files(tmp_path / "one") == files(tmp_path / "other")
    assert len(set(files(tmp_path / "one").values())) == 91


def test_patches_of_training_and_validation_are_of_different_halves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = np.zeros((200, 301, 3), np.uint8)
    photo[:, 150:] = 255
    monkeypatch.setattr(_photos, "SOURCES", {"black and white": lambda: photo})

    _photos.write_patches(tmp_path)

    for part, color in (("train", 0), ("val", 255)):
        for path in (tmp_path / part).rglob("*.jpg"):
            with Image.open(path) as image:
                assert np.abs(np.asarray(image, dtype=int) - color).max() <= 2


def test_patches_show_their_photograph(tmp_path: Path) -> None:
    made(tmp_path / "patches")

    for name, load in SOURCES.items():
        photo = load()
        middle = photo.shape[1] // 2
        for part, half in (("train", photo[:, :middle]), ("val", photo[:, middle:])):
            shown = [np.asarray(Image.open(path)) for path in (tmp_path / "patches" / part / name).iterdir()]
            means = np.array([patch.mean((0, 1)) for patch in shown])
            assert np.abs(means.mean(0) - half.mean((0, 1))).max() < 40
            assert np.ptp(means, axis=0).max() > 2  # of different places


def test_files_are_written_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path)  # an empty folder is a new one
    monkeypatch.setattr(photo_patches, "write_patches", None)

    assert made(tmp_path).train_size == 60


@pytest.mark.parametrize("marker", [None, "{}", json.dumps({"version": 0})])
def test_a_folder_of_something_else_is_left_alone(marker: str | None, tmp_path: Path) -> None:
    (tmp_path / "file" if marker is None else tmp_path / MARKER).write_text(marker or "")
    before = files(tmp_path)

    with pytest.raises(FileExistsError) as error:
        made(tmp_path)

    sentence = (
        f"PhotoPatchesData: root must be a new folder, or what this class wrote, got {str(tmp_path)!r}. Pass another."
    )
    assert str(error.value) == sentence
    assert files(tmp_path) == before


def test_another_machine_may_have_been_faster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path / "theirs")
    root, replace = tmp_path / "patches", os.replace

    def late(part: Path, target: Path) -> None:
        if target == root:
            (tmp_path / "theirs").rename(root)
        replace(part, target)

    monkeypatch.setattr(os, "replace", late)
    assert made(root).train_size == 60
    assert [path.name for path in tmp_path.iterdir() if path.name != "cache"] == ["patches"]


def test_a_failure_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    for name in ("replace", "rename"):
        monkeypatch.setattr(os, name, full)
    with pytest.raises(OSError, match="No space left"):
        made(tmp_path / "patches")
    assert list(tmp_path.iterdir()) == []


def test_it_runs_the_whole_way(tmp_path: Path) -> None:
    images = ImageOptions(crop_px=16, resize_px=(18, 24), test_resize_px=18)
    data = PhotoPatchesData(str(tmp_path / "patches"), batch_size=20, num_workers=2, images=images)
    model = ImageClassifier("softmax_regression", 10, {"name": "sgd"}, model_options={"side_px": 16})
    own = trainer(max_epochs=2)
    own.fit(model, data)
    (metrics,) = own.test(model, data, verbose=False)

    assert own.global_step == 6
    assert metrics["test_acc"] > 0.2  # chance is 0.1
