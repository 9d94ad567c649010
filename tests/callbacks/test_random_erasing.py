"""Random erasing in real fits: the rectangles it erases, how often, and what it refuses."""

import math
import re
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from lightning_regkit._durations import Horizon
from lightning_regkit._lightning import Plan
from lightning_regkit.callbacks import RandomErasing
from tests.support import Classifier, Items, LayoutClassifier, images, loader, trainer

SIDE = 16


@pytest.fixture(autouse=True)
def _seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PL_GLOBAL_SEED", "7")


def masks(erasing: RandomErasing, *, count: int = 300, channels: int = 1) -> Tensor:
    """Return where each of ``count`` images (N, C, 16, 16) of ones was erased."""
    data: DataLoader[Any] = DataLoader(Items([torch.ones(count, channels, SIDE, SIDE)]), batch_size=None)
    model = LayoutClassifier()
    trainer(max_epochs=1, callbacks=[erasing]).fit(model, data)
    erased: Tensor = model.seen[0] != 1
    return erased


def test_defaults() -> None:
    erasing = RandomErasing()
    assert (erasing.shape.area, erasing.shape.aspect, erasing.shape.holes) == ((0.02, 0.33), (0.3, 3.3), 1)
    assert (erasing.fill, erasing.probability, erasing.until, erasing.inplace) == ((0.0,), 0.5, None, False)


@pytest.mark.parametrize(
    ("erasing", "text"),
    [
        (RandomErasing(), "50% of images lose one rectangle of 0.02 to 0.33 of its area, filled with 0"),
        (
            RandomErasing((0.1, 0.2), holes=3, probability=1.0, fill=1.0, until="2ep"),
            "every training image loses 3 rectangles of 0.1 to 0.2 of its area, filled with 1, up to step 10",
        ),
    ],
)
def test_it_says_what_it_will_do(erasing: RandomErasing, text: str) -> None:
    assert erasing.explain(Plan(trainer(), [], [Horizon(total_steps=15, epoch_ends=(5, 10, 15))])) == text


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"area": (0.5, 0.1)}, ValueError, "ErasingShape: area must have its ends in order, got (0.5, 0.1)."),
        ({"area": (0.1, 1.1)}, ValueError, "ErasingShape: area must be at most 1, got (0.1, 1.1)."),
        ({"fill": "mean"}, TypeError, "RandomErasing: fill must be a finite number, got 'mean'."),
        (
            {"probability": 0},
            ValueError,
            "RandomErasing: probability must be above 0, got 0. To do nothing, leave RandomErasing out.",
        ),
        (
            {"until": "5"},
            ValueError,
            "RandomErasing: until must be a duration such as '5ep', '500step' or '0.1run', got '5'.",
        ),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        RandomErasing(**arguments)


def test_half_of_the_images_lose_one_rectangle_of_the_right_size() -> None:
    erased = masks(RandomErasing())[:, 0]
    sizes = []
    for image in erased:
        rows, columns = image.any(1), image.any(0)
        assert torch.equal(image, rows[:, None] & columns[None, :]), "a rectangle"
        sizes.append((int(rows.sum()), int(columns.sum())))
    hit = [size for size in sizes if size != (0, 0)]
    assert len(hit) / len(sizes) == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(300))
    shares = [height * width / SIDE**2 for height, width in hit]
    assert min(shares) < 0.06
    assert 0.28 < max(shares) < 0.4, "rounded to whole pixels"
    assert sum(height > width for height, width in hit) == pytest.approx(sum(h < w for h, w in hit), abs=50)


def test_one_fill_for_each_channel_and_several_holes() -> None:
    erased = masks(RandomErasing((0.01, 0.01), (1.0, 1.0), holes=2, fill=(5.0, -7.0), probability=1.0), channels=2)
    assert torch.equal(erased[:, 0], erased[:, 1])
    counts = erased[:, 0].sum((1, 2))
    assert counts.max() == 8
    assert counts.min() >= 4


def test_it_ends_where_it_should_and_labels_stay() -> None:
    model = Classifier()
    trainer(max_epochs=2, callbacks=[RandomErasing(probability=1.0, until="0.5run")]).fit(model, loader())
    inputs, labels = images(10)
    is_whole = [torch.equal(seen, inputs.split(2)[index % 5]) for index, (seen, _) in enumerate(model.seen)]
    assert is_whole == [False] * 5 + [True] * 5
    assert torch.equal(torch.cat([targets for _, targets in model.seen]), labels.repeat(2))


@pytest.mark.parametrize("inplace", [False, True])
def test_only_on_demand_is_the_data_set_overwritten(inplace: bool) -> None:
    inputs, labels = images(4)
    held = inputs.clone()
    data: DataLoader[Any] = DataLoader(Items([[held, labels]]), batch_size=None)
    model = Classifier()
    trainer(max_epochs=1, callbacks=[RandomErasing(inplace=inplace, probability=1.0)]).fit(model, data)
    assert torch.equal(held, inputs) == (not inplace)
    assert (model.seen[0][0] is held) == inplace


def test_inputs_that_are_no_images() -> None:
    data = DataLoader(Items([[torch.zeros(2, 16), torch.zeros(2).long()]]), batch_size=None)
    with pytest.raises(ValueError, match=r"^RandomErasing: inputs must be images \(B, C, H, W\), got \(2, 16\)\.$"):
        trainer(max_epochs=1, callbacks=[RandomErasing()]).fit(Classifier(), data)
