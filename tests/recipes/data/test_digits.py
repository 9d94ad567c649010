import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from recipes.data import DigitsData
from recipes.data.digits import Split, split_indices

LABELS = load_digits().target


def positions(split: Split) -> list[np.ndarray[Any, Any]]:
    return [split.train, split.val, split.test]


def ready(**options: Any) -> DigitsData:
    data = DigitsData(**options)
    data.setup("fit")
    return data


def images_of(data: DigitsData, name: str) -> torch.Tensor:
    return data.parts[name].tensors[0]


@given(
    train_size=st.integers(10, 800),
    val_size=st.integers(10, 800),
    seed=st.integers(0, 2**32 - 1),
)
def test_split_is_a_stratified_partition_of_the_sizes_asked_for(train_size: int, val_size: int, seed: int) -> None:
    split = split_indices(LABELS, train_size, val_size, seed)

    assert [len(part) for part in positions(split)] == [train_size, val_size, 1797 - train_size - val_size]
    assert sorted(np.concatenate(positions(split))) == list(range(1797))
    shares = np.bincount(LABELS) / 1797
    for part in positions(split):
        assert np.all(np.abs(np.bincount(LABELS[part], minlength=10) - shares * len(part)) < 2)


def test_split_depends_on_the_seed_alone() -> None:
    first, again, other = (split_indices(LABELS, 100, 300, seed) for seed in (0, 0, 1))

    assert all(map(np.array_equal, positions(first), positions(again)))
    assert not any(map(np.array_equal, positions(first), positions(other)))


def test_parts_hold_the_scans_with_their_labels() -> None:
    """Undoing the standardization gives the images of scikit-learn back."""
    data = ready(train_size=100, val_size=300, seed=3)
    originals, labels = load_digits(return_X_y=True)
    split = split_indices(LABELS, 100, 300, 3)
    mean, std = originals[split.train].mean(), originals[split.train].std()

    for name, rows in (("train", split.train), ("val", split.val), ("test", split.test)):
        inputs, targets = data.parts[name].tensors
        assert inputs.shape == (len(rows), 1, 8, 8)
        assert inputs.dtype == torch.float32
        assert targets.dtype == torch.int64
        np.testing.assert_array_equal(targets.numpy(), labels[rows])
        np.testing.assert_allclose(inputs.numpy() * std + mean, originals[rows].reshape(-1, 1, 8, 8), atol=1e-5)


def test_the_training_part_alone_is_standardized_to_0_and_1() -> None:
    data = ready()

    assert images_of(data, "train").mean().item() == pytest.approx(0, abs=1e-6)
    assert images_of(data, "train").std(correction=0).item() == pytest.approx(1, abs=1e-6)
    assert abs(images_of(data, "test").mean().item()) > 1e-4


def test_training_batches_are_shuffled_and_evaluation_batches_are_not() -> None:
    data = ready(train_size=60, batch_size=25)
    epochs = [torch.cat([labels for _, labels in data.train_dataloader()]) for _ in range(2)]

    assert [len(labels) for _, labels in data.train_dataloader()] == [25, 25, 10]
    assert not torch.equal(*epochs)
    assert torch.equal(*(epoch.sort().values for epoch in epochs))
    for name, loader in (
        ("val", data.val_dataloader()),
        ("test", data.test_dataloader()),
        ("test", data.predict_dataloader()),
    ):
        assert torch.equal(torch.cat([images for images, _ in loader]), images_of(data, name))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"train_size": 9}, "DigitsData: train_size must be at least 10, got 9."),
        ({"val_size": 9}, "DigitsData: val_size must be at least 10, got 9."),
        ({"batch_size": 0}, "DigitsData: batch_size must be at least 1, got 0."),
        ({"seed": -1}, "DigitsData: seed must be at least 0, got -1."),
        ({"num_workers": -1}, "DigitsData: num_workers must be at least 0, got -1."),
        (
            {"train_size": 1500, "val_size": 288},
            "DigitsData: train_size + val_size must leave 10 of 1797 images for the test, "
            "got 1500 + 288, which leaves 9. Lower one of them.",
        ),
    ],
)
def test_refusals(options: dict[str, int], text: str) -> None:
    with pytest.raises(ValueError, match="must") as error:
        DigitsData(**options)

    assert str(error.value) == text


def test_the_largest_split_still_tests_every_class() -> None:
    data = ready(train_size=1500, val_size=287)

    assert len(data.parts["test"]) == 10


@pytest.mark.parametrize("name", ["train", "val", "test", "predict"])
def test_advice_to_load_in_more_processes_is_silenced(name: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        DigitsData().setup("fit")
        warnings.warn(f"The '{name}_dataloader' does not have many workers which may be ...", UserWarning, stacklevel=1)
        warnings.warn("Another", UserWarning, stacklevel=1)

    assert [str(warning.message) for warning in caught] == ["Another"]
