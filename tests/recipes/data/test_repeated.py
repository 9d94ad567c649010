"""Repeated augmentation, against timm's sampler and a slow loop."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from timm.data.distributed_sampler import RepeatAugSampler
from torch.utils.data import DataLoader, Dataset

import lightning_regkit as rk
from recipes.data._folder_dataset import TrainingImages
from recipes.data._folder_index import FolderIndex, list_folder
from recipes.data._image_options import ImageOptions
from recipes.data._repeated import Repeated
from recipes.data.image_folder import FolderOptions, ImageFolderData
from tests.recipes.data.zoo import write_folder
from tests.support import Classifier, trainer

SEED = 5


class Named(Dataset[Any]):
    """Says which view of which image it was asked for."""

    def __len__(self) -> int:
        return 11

    def __getitem__(self, key: tuple[int, int]) -> tuple[int, int]:
        return key


def views(repeats: int, epoch: int, seed: int = SEED) -> list[tuple[int, int]]:
    images = Repeated(Named(), repeats, seed)
    return [images[epoch, position] for position in range(len(images))]  # type: ignore[misc]  # no pixels here


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("folder"), {"train": (4, 3, 4), "val": (1, 1, 1)})


@pytest.fixture(scope="module")
def index(root: Path) -> FolderIndex:
    return list_folder("Owner", root / "train")


@pytest.mark.parametrize("repeats", [1, 2, 3, 4, 11, 12])
@pytest.mark.parametrize("epoch", [0, 3])
def test_each_image_of_an_epoch_has_its_views_in_a_row(repeats: int, epoch: int) -> None:
    order = rk.samplers.sample_order(11, seed=SEED, epoch=epoch, shuffle=True).tolist()
    expected = []
    for image in order:  # the slow loop
        expected += [(epoch * repeats + repeat, image) for repeat in range(repeats)]
    assert views(repeats, epoch) == expected[:11]


def test_no_view_ever_comes_back() -> None:
    seen = [view for epoch in range(20) for view in views(3, epoch)]
    assert len(set(seen)) == len(seen) == 220


def test_orders_differ_by_epoch_and_seed() -> None:
    images = [[image for _, image in views(2, epoch, seed)] for epoch, seed in ((0, 0), (1, 0), (0, 1))]
    assert images[0] != images[1] != images[2] != images[0]


@pytest.mark.parametrize("ranks", [1, 2, 3, 4])
@pytest.mark.parametrize("repeats", [2, 3])
def test_processes_have_what_timms_sampler_deals_them(ranks: int, repeats: int, monkeypatch: Any) -> None:
    """timm draws another order of images; each of ours is renamed to its own."""
    order = rk.samplers.sample_order(11, seed=SEED, epoch=0, shuffle=True).tolist()
    peer = RepeatAugSampler(range(11), ranks, 0, shuffle=False, num_repeats=repeats, selected_round=0)
    for rank in range(ranks):
        monkeypatch.setattr("lightning_regkit.samplers._resumable.rank_and_world_size", lambda rank=rank: (rank, ranks))
        ours = Repeated(Named(), repeats, SEED)
        positions = list(rk.samplers.ResumableSampler(Named(), shuffle=False, seed=SEED, keyed=True))
        found = [order.index(ours[key][1]) for key in positions if key[1] < 11]  # type: ignore[index]
        peer.rank = rank
        theirs = [int(image) for image in peer][: len(found)]
        # At the end of an epoch that the processes do not share evenly, ours begins again and timm's goes on.
        whole = 11 // ranks
        assert found[:whole] == theirs[:whole]


def test_views_of_an_image_differ_and_are_those_of_later_epochs(index: FolderIndex) -> None:
    options = ImageOptions(crop_px=24, resize_px=(28, 40), test_resize_px=28)
    images = TrainingImages(index, options, SEED, None)
    repeated = Repeated(images, 3, SEED)
    order = rk.samplers.sample_order(11, seed=SEED, epoch=2, shuffle=True)
    shown = [repeated[2, position] for position in range(3)]
    for repeat, (pixels, label) in enumerate(shown):
        expected = images[6 + repeat, int(order[0])]
        assert expected is not None
        assert np.array_equal(pixels, expected[0])
        assert label == expected[1] == index.label(int(order[0]))
    assert not np.array_equal(shown[0][0], shown[1][0])


def folder_data(root: Path, repeats: int, num_workers: int = 0) -> ImageFolderData:
    images = ImageOptions(crop_px=16, resize_px=(18, 30), test_resize_px=18)
    folder = FolderOptions(cache=str(root / "cache"), seed=SEED, repeats=repeats)
    return ImageFolderData(str(root), 4, num_workers, images, folder)


def sums(data: ImageFolderData, epoch: int = 0, start: int = 0) -> list[float]:
    loader = data.train_dataloader()
    assert isinstance(loader, DataLoader)
    assert isinstance(loader.sampler, rk.samplers.ResumableSampler)
    loader.sampler.start_at(epoch, start)
    return [image.sum().item() for images, _ in loader for image in images.double()]


def test_a_data_module_shows_as_many_views_as_there_are_images(root: Path) -> None:
    data = folder_data(root, 3)
    loader = data.train_dataloader()
    labels = [int(label) for _, batch in loader for label in batch]
    order = rk.samplers.sample_order(11, seed=SEED, epoch=0, shuffle=True)
    assert labels == [data.parts.train.label(int(order[position // 3])) for position in range(11)]
    assert Counter(labels) != Counter(data.parts.train.labels.tolist())


def test_one_repeat_is_none(root: Path) -> None:
    data = folder_data(root, 1)
    loader = data.train_dataloader()
    assert isinstance(loader.dataset, TrainingImages)
    assert isinstance(loader.sampler, rk.samplers.ResumableSampler)
    assert loader.sampler.shuffle


def test_it_can_be_entered_anywhere_with_any_number_of_workers(root: Path) -> None:
    whole = sums(folder_data(root, 3), epoch=1)
    assert len(set(whole)) == 11
    assert sums(folder_data(root, 3), epoch=1, start=5) == whole[5:]
    assert sums(folder_data(root, 3, num_workers=2), epoch=1) == whole


class Sums(Classifier):
    """Remembers the sum of each training batch."""

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        self.seen.append(batch[0].sum().item())
        return self(batch[0].mean(dim=1, keepdim=True)[..., :4, :4]).square().mean()

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        pass


def test_a_killed_run_goes_on_with_the_same_views(root: Path, tmp_path: Path) -> None:
    def fit(folder: Path, max_steps: int, **options: Any) -> list[float]:
        module = Sums()
        resume = rk.callbacks.ExactResume("1step", dirpath=folder)
        own = trainer(max_epochs=2, max_steps=max_steps, callbacks=[resume], enable_checkpointing=True)
        own.fit(module, folder_data(root, 3), **options)
        return module.seen

    uninterrupted = fit(tmp_path / "whole", -1)
    before = fit(tmp_path / "killed", 2)
    after = fit(tmp_path / "killed", -1, ckpt_path=tmp_path / "killed" / "resume.ckpt", weights_only=True)
    assert len(uninterrupted) == 6
    assert before + after == uninterrupted


def test_fewer_than_one_is_refused() -> None:
    with pytest.raises(ValueError, match="repeats") as error:
        FolderOptions(repeats=0)
    assert str(error.value) == "FolderOptions: repeats must be at least 1, got 0."
