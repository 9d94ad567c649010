import logging
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from torch.utils.data import DataLoader
from torchvision.datasets.folder import default_loader
from torchvision.transforms import v2

import lightning_regkit as rk
from recipes.data._broken import BrokenImageError, Ledger
from recipes.data._decode import Encoded
from recipes.data._folder_dataset import EvaluationImages, TrainingImages, central_crop
from recipes.data._folder_index import FolderIndex, index_of, list_folder
from recipes.data._image_options import ImageOptions
from tests.recipes.data.zoo import Pixels, jpeg, photo, write_folder

OPTIONS = ImageOptions(crop_px=24, resize_px=(28, 40), test_resize_px=28)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> FolderIndex:
    return list_folder("Owner", write_folder(tmp_path_factory.mktemp("folder"), {"train": (3, 5)}) / "train")


def training(index: FolderIndex, seed: int = 0, ledger: Ledger | None = None, **options: Any) -> TrainingImages:
    return TrainingImages(index, ImageOptions(**{**vars(OPTIONS), **options}), seed, ledger)


def is_same(one: Pixels, other: Pixels) -> bool:
    return np.array_equal(one, other)


def test_a_crop_is_a_function_of_seed_epoch_and_position(index: FolderIndex) -> None:
    images = training(index)
    first, label = images[0, 3]

    assert (first.shape, str(first.dtype), label) == ((24, 24, 3), "uint8", 1)
    images[5, 5]  # whatever was asked for in between
    assert is_same(images[0, 3][0], first)
    assert is_same(training(index)[0, 3][0], first)
    for other in (images[1, 3], images[0, 4], training(index, seed=1)[0, 3]):
        assert not is_same(other[0], first)
    assert [images[0, position][1] for position in range(8)] == [0, 0, 0, 1, 1, 1, 1, 1]


@pytest.mark.parametrize("law", ["resnet", "inception"])
def test_exact_crops_are_those_that_pillow_makes_of_the_drawn_region(law: Any, index: FolderIndex) -> None:
    images = training(index, law=law, exact=True)
    for epoch in range(8):
        generator = np.random.default_rng([0, epoch, 2])
        top, left, height, width = images.options.training_region((40, 60), generator)
        with Image.open(index.path(2)) as image:
            box = (left, top, min(left + width, 60), min(top + height, 40))
            crop = np.asarray(image.resize((24, 24), Image.Resampling.BILINEAR, box=box))
        assert is_same(images[epoch, 2][0], crop[:, ::-1] if generator.random() < 0.5 else crop)


def test_fast_crops_are_like_exact_ones_and_not_equal(index: FolderIndex) -> None:
    means = []
    for epoch in range(8):
        fast, exact = (training(index, exact=exact)[epoch, 0][0].astype(int) for exact in (False, True))
        means.append(np.abs(fast - exact).mean())
    assert 0 < np.mean(means) < 10


def test_half_of_the_crops_are_mirrored(tmp_path: Path) -> None:
    ramp = np.tile(np.arange(60, dtype=np.uint8)[:, None] * 4, (40, 1, 3))
    (tmp_path / "ramp.jpg").write_bytes(jpeg(ramp, "444", 100))
    images = training(index_of(tmp_path, ("a",), [("ramp.jpg", 0)]))

    falls = [bool(np.diff(images[epoch, 0][0][12, :, 0].astype(int)).mean() < 0) for epoch in range(400)]
    assert 150 < sum(falls) < 250


def test_a_transform_gets_the_noise_of_the_sample(index: FolderIndex) -> None:
    images, plain = (
        training(index, transform=rk.augment.Lighting(alpha_std=0.3), exact=True),
        training(index, exact=True),
    )
    first = images[0, 1][0]

    images[2, 2]
    assert is_same(images[0, 1][0], first)
    shifts = {tuple(np.median(images[e, 1][0].astype(int) - plain[e, 1][0], axis=(0, 1))) for e in range(5)}
    assert len(shifts) == 5


def test_workers_make_no_difference(index: FolderIndex) -> None:
    def batches(workers: int) -> list[Any]:
        images = training(index)
        sampler = rk.samplers.ResumableSampler(index, seed=4, keyed=True)
        loader: DataLoader[Any] = DataLoader(images, 3, sampler=sampler, num_workers=workers, collate_fn=list)
        found = []
        for epoch in range(2):
            sampler.set_epoch(epoch)
            found += [sample for batch in loader for sample in batch]
        return found

    for one, other in zip(batches(0), batches(2), strict=True):
        assert is_same(one[0], other[0])
        assert one[1] == other[1]


def test_the_center_is_torchvision_s(index: FolderIndex) -> None:
    images = EvaluationImages(index, partial(central_crop, OPTIONS), None)
    transform = v2.Compose([v2.Resize(28), v2.CenterCrop(24)])
    for position in range(len(index)):
        sample = images[position]
        assert sample is not None
        expected = np.asarray(transform(default_loader(index.path(position))), dtype=int)
        assert np.abs(sample[0] - expected).max() <= 2
        assert sample[1] == index.label(position)


def test_whole_images_are_as_they_are(index: FolderIndex) -> None:
    sample = EvaluationImages(index, Encoded.whole, None)[4]

    assert sample is not None
    assert is_same(sample[0], np.asarray(default_loader(index.path(4))))


@pytest.fixture
def holes(tmp_path: Path) -> FolderIndex:
    """3,000 names of one file, but of two at the end and one in the middle, which are broken."""
    (tmp_path / "whole.jpg").write_bytes(jpeg(photo(40, 60)))
    (tmp_path / "first.jpg").write_bytes(jpeg(photo(40, 60, 1)))
    (tmp_path / "broken.jpg").write_bytes(b"")
    names = [("first.jpg", 7), *[("whole.jpg", 0)] * 2999]
    for position in (1500, 2998, 2999):
        names[position] = ("broken.jpg", 1)
    return index_of(tmp_path, tuple("abcdefgh"), names)


def test_the_next_whole_image_comes_in_place_of_a_broken_one(
    holes: FolderIndex, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = Ledger(len(holes))
    images = training(holes, ledger=ledger)
    with caplog.at_level(logging.WARNING):
        for broken, shown, label in ((1500, 1501, 0), (2998, 0, 7), (2999, 0, 7), (1500, 1501, 0)):
            crop, other = images[3, broken]
            generator = np.random.default_rng([0, 3, broken])  # the noise of the place, not of the image
            noise = images._crop(Encoded("", Path(holes.path(shown)).read_bytes(), (40, 60)), generator)
            assert is_same(crop, noise)
            assert other == label

    assert ledger.skipped == [1500, 2998, 2999]
    assert len(caplog.records) == 3
    assert images[3, 7][1] == 0


def test_evaluation_has_no_image_in_place_of_a_broken_one(holes: FolderIndex) -> None:
    ledger = Ledger(len(holes))
    images = EvaluationImages(holes, Encoded.whole, ledger)

    assert images[1500] is None
    assert images[1501] is not None
    assert ledger.skipped == [1500]


def test_too_many_broken_images_end_the_run(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"")
    index = index_of(tmp_path, ("a",), [("broken.jpg", 0)] * 2000)

    with pytest.raises(BrokenImageError, match=r"got 3 of 2,000\. Replace them\."):
        training(index, ledger=Ledger(2000))[0, 0]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_broken_image_ends_the_run_unless_it_may_be_skipped(workers: int, holes: FolderIndex) -> None:
    images = EvaluationImages(holes, Encoded.whole, None)
    loader: DataLoader[Any] = DataLoader(images, sampler=[1500], num_workers=workers, collate_fn=list)

    with pytest.raises(BrokenImageError) as error:
        list(loader)
    path = holes.path(1500)
    sentence = (
        f'ImageFolderData: {path!r} cannot be read: it is empty. Replace it, or pass FolderOptions(on_error="skip").'
    )
    assert str(error.value).splitlines()[-1].endswith(sentence)
