"""Noise is a function of (seed, epoch, index): whatever the workers, the ranks, and where a run was interrupted."""

import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from lightning_regkit.augment import (
    Keyed,
    Lighting,
    apply_transform,
    creative,
    from_timm,
    from_torchvision,
    resnet_train,
)
from lightning_regkit.augment._albumentations import albumentations as A
from lightning_regkit.callbacks import ExactResume
from lightning_regkit.samplers import ResumableSampler
from tests.augment.support import Array, picture, rng
from tests.samplers.support import process
from tests.support import Classifier, Items, trainer

NUM_EXAMPLES = 10


def policy() -> Any:
    """Draws from every generator there is: albumentations' two, and the process-wide three."""
    return A.Compose(
        [
            resnet_train(8, resize_px=(8, 12)),
            creative(),
            Lighting(alpha_std=1.0),
            from_torchvision(v2.RandAugment()),
            from_timm("rand-m5-mstd1"),
        ]
    )


def labeled(count: int = NUM_EXAMPLES) -> Items:
    return Items([(picture((20, 24, 3), seed=index), index) for index in range(count)])


@pytest.fixture(autouse=True)
def no_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PL_GLOBAL_SEED", raising=False)


def loader_of(dataset: Keyed, sampler: Any = None, **options: Any) -> DataLoader[Any]:
    return DataLoader(dataset, batch_size=3, sampler=sampler or ResumableSampler(dataset, keyed=True), **options)


def epoch_of(loader: DataLoader[Any], epoch: int) -> dict[int, bytes]:
    """Label -> pixels, of one epoch."""
    sampler: Any = loader.sampler
    sampler.set_epoch(epoch)
    return {
        int(label): image.numpy().tobytes()
        for images, labels in loader
        for image, label in zip(images, labels, strict=True)
    }


@pytest.mark.parametrize(
    "options",
    [{}, {"num_workers": 1}, {"num_workers": 2}, {"num_workers": 2, "persistent_workers": True}],
    ids=["0", "1", "2", "2, persistent"],
)
def test_the_same_whatever_the_workers(options: dict[str, Any]) -> None:
    dataset = Keyed(labeled(), policy(), seed=5)
    loader = loader_of(dataset, **options)
    alone = Keyed(labeled(), policy(), seed=5)
    epochs = [epoch_of(loader, epoch) for epoch in (0, 1, 0)]
    for seen, epoch in zip(epochs, (0, 1, 0), strict=True):
        assert seen == {index: alone[epoch, index][0].tobytes() for index in range(NUM_EXAMPLES)}
    assert epochs[0] != epochs[1]
    assert len(set(epochs[0].values())) == NUM_EXAMPLES


@pytest.mark.slow
def test_spawned_workers_too() -> None:
    dataset = Keyed(labeled(), policy(), seed=5)
    spawned = loader_of(dataset, num_workers=1, multiprocessing_context="spawn")
    assert epoch_of(spawned, 1) == {index: dataset[1, index][0].tobytes() for index in range(NUM_EXAMPLES)}


def test_whatever_was_asked_for_before() -> None:
    dataset, fresh = Keyed(labeled(), policy(), seed=5), Keyed(labeled(), policy(), seed=5)
    for key in ((0, 3), (1, 3), (7, 0)):
        dataset[key]
    np.testing.assert_array_equal(dataset[2, 4][0], fresh[2, 4][0])
    copy = pickle.loads(pickle.dumps(dataset))
    np.testing.assert_array_equal(copy[2, 4][0], fresh[2, 4][0])


def test_two_ranks_see_together_what_one_process_sees() -> None:
    dataset = Keyed(labeled(), policy(), seed=5)
    alone, together = epoch_of(loader_of(dataset), 3), {}
    for rank in range(2):
        with process(rank, 2):
            share = epoch_of(loader_of(dataset), 3)
            assert len(share) == NUM_EXAMPLES // 2
            together.update(share)
    assert together == alone


@settings(max_examples=25)
@given(st.integers(0, 2**70), st.integers(0, 2**63), st.integers(0, 9), st.integers(0, 3))
def test_seed_epoch_index_and_occurrence_all_matter(seed: int, epoch: int, index: int, occurrence: int) -> None:
    images = Items([np.full((1, 1, 3), 0.5, dtype=np.float32)] * 11)

    def noise(seed: int, epoch: int, index: int, occurrence: int) -> bytes:
        dataset = Keyed(images, Lighting(), seed=seed, occurrence=occurrence)
        pixels: bytes = dataset[epoch, index].tobytes()
        return pixels

    here = noise(seed, epoch, index, occurrence)
    assert here == noise(seed, epoch, index, occurrence)
    others = {
        noise(seed + 1, epoch, index, occurrence),
        noise(seed, epoch + 1, index, occurrence),
        noise(seed, epoch, index + 1, occurrence),
        noise(seed, epoch, index, occurrence + 1),
    }
    assert len(others | {here}) == 5


def test_the_seed_is_lightning_s_when_a_sample_is_asked_for() -> None:
    dataset = Keyed(labeled(), policy())
    np.testing.assert_array_equal(dataset[1, 2][0], Keyed(labeled(), policy(), seed=0)[1, 2][0])
    pl.seed_everything(11, verbose=False)
    np.testing.assert_array_equal(dataset[1, 2][0], Keyed(labeled(), policy(), seed=11)[1, 2][0])


def test_the_process_wide_generators_are_left_alone() -> None:
    dataset = Keyed(labeled(), policy(), seed=0)
    torch.manual_seed(0)
    expected = torch.rand(3).tolist()
    torch.manual_seed(0)
    dataset[0, 0]
    assert torch.rand(3).tolist() == expected


class Net(Classifier):
    """Learns from augmented bytes (B, H, W, C)."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(8 * 8 * 3, 3))

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        images, labels = batch
        self.seen.append((labels.tolist(), images.numpy().tobytes()))
        return nn.functional.cross_entropy(self(images.float() / 255), labels % 3)


class Saves(pl.Callback):
    """Leaves a checkpoint after every batch."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        trainer.save_checkpoint(self.folder / f"{trainer.global_step}.ckpt")


def fit(folder: Path, ckpt_path: Path | None = None, **options: Any) -> tuple[Net, list[Any]]:
    """The network after three epochs of four batches, and the batches it saw."""
    torch.manual_seed(0)
    net = Net()
    callbacks: list[pl.Callback] = [] if ckpt_path else [Saves(folder)]
    callbacks.append(ExactResume(every=None, dirpath=folder / "resume"))
    run = trainer(max_epochs=3, callbacks=callbacks, enable_checkpointing=True)
    run.fit(net, loader_of(Keyed(labeled(), policy()), **options), ckpt_path=ckpt_path, weights_only=True)
    return net, net.seen


@pytest.mark.parametrize(
    "options",
    [{}, {"num_workers": 2, "persistent_workers": True}, {"num_workers": 2}],
    ids=["0 workers", "2 persistent workers", "2 workers"],
)
def test_a_run_resumed_anywhere_sees_the_same_pixels(options: dict[str, Any], tmp_path: Path) -> None:
    whole, seen = fit(tmp_path)
    assert len(seen) == 12
    for step in (2, 4, 7):
        resumed, rest = fit(tmp_path, tmp_path / f"{step}.ckpt", **options)
        assert rest == seen[step:]
        assert all(torch.equal(one, other) for one, other in zip(whole.parameters(), resumed.parameters(), strict=True))


def test_samples_keep_their_form() -> None:
    image, mask = picture((9, 9, 3)), picture((9, 9))
    items: list[Any] = [image, (image,), (image, 7, "name"), [image, 7], {"image": image, "mask": mask, "label": 7}]
    dataset = Keyed(Items(items), A.Compose([A.RandomCrop(4, 4)]), seed=1)
    bare, single, triple, pair, named = (dataset[0, index] for index in range(5))
    assert bare.shape == (4, 4, 3)
    assert (type(single), len(single)) == (tuple, 1)
    assert triple[1:] == (7, "name")
    assert pair[1:] == (7,)
    assert named["label"] == 7
    places = np.lib.stride_tricks.sliding_window_view(mask, (4, 4)).reshape(-1, 4, 4)
    place = next(k for k, window in enumerate(places) if np.array_equal(window, named["mask"]))
    top, left = divmod(place, 6)
    np.testing.assert_array_equal(named["image"], image[top : top + 4, left : left + 4])
    assert items[4]["image"] is image


def test_pil_images_are_taken() -> None:
    image = picture((9, 9, 3))
    arrays = Keyed(Items([image]), A.RandomCrop(4, 4), seed=1)
    pictures = Keyed(Items([Image.fromarray(image)]), A.RandomCrop(4, 4), seed=1)
    np.testing.assert_array_equal(pictures[0, 0], arrays[0, 0])


def test_all_randomness_of_a_transform_comes_from_the_generator() -> None:
    transform, image = policy(), picture((20, 24, 3))

    def results() -> Iterator[Array]:
        generator = rng(4)
        for _ in range(2):
            yield apply_transform(transform, {"image": image}, generator=generator)["image"]

    (one, two), (one_again, two_again) = results(), results()
    np.testing.assert_array_equal(one, one_again)
    np.testing.assert_array_equal(two, two_again)
    assert not np.array_equal(one, two)


@pytest.mark.parametrize("index", [3, (1, 2, 3), "01"], ids=str)
def test_an_index_without_epoch_is_refused(index: Any) -> None:
    expected = (
        r"^Keyed: index must be \(epoch, index\), got .*\. Pass DataLoader\(\.\.\., "
        r"sampler=ResumableSampler\(dataset, keyed=True\)\)\.$"
    )
    with pytest.raises(TypeError, match=expected):
        Keyed(labeled(), policy())[index]


def test_what_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = r"^Keyed: transform must be of albumentations, got RandAugment\(.*Wrap others with augment\."
    with pytest.raises(TypeError, match=expected):
        Keyed(labeled(), v2.RandAugment())
    with pytest.raises(ValueError, match=r"^Keyed: seed must be an integer of at least 0, got -1\.$"):
        Keyed(labeled(), policy(), seed=-1)
    with pytest.raises(TypeError, match=r"^Keyed: occurrence must be an integer of at least 0, got 0\.5\.$"):
        Keyed(labeled(), policy(), occurrence=0.5)
    with pytest.raises(TypeError, match=r"^Keyed: image must be an array \(H, W, C\) or a PIL image, got 'Tensor'\."):
        Keyed(Items([(torch.zeros(3, 4, 4), 0)]), policy())[0, 0]
    with pytest.raises(TypeError, match=r"^Keyed: image must be an array \(H, W, C\) or a PIL image, got 'NoneType'\."):
        Keyed(Items([{"pixels": picture((4, 4))}]), policy())[0, 0]
    monkeypatch.setitem(os.environ, "PL_GLOBAL_SEED", "-1")
    with pytest.raises(ValueError, match=r"^Keyed: PL_GLOBAL_SEED must be an integer of at least 0, got '-1'\.$"):
        Keyed(labeled(), policy())[0, 0]


def test_it_is_as_long_as_its_data() -> None:
    assert len(Keyed(labeled(7), policy())) == 7
