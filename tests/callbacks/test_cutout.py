"""Cutout in real fits: the squares it erases, what it leaves alone, and what it refuses."""

import math
import re
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from lightning_regkit._durations import Horizon
from lightning_regkit._lightning import Plan
from lightning_regkit.callbacks import Cutout, Mixup
from lightning_regkit.mixing import MixedTarget
from tests.support import Classifier, Items, LayoutClassifier, Validated, images, loader, trainer


@pytest.fixture(autouse=True)
def _seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PL_GLOBAL_SEED", "7")


def erased_of(mask: Tensor) -> list[int]:
    """Return the number of erased pixels of every image (B, 1, H, W), each checked to be one rectangle."""
    for image in mask[:, 0]:
        rows, columns = image.any(1), image.any(0)
        assert torch.equal(image, rows[:, None] & columns[None, :])
        for line in (rows, columns):
            first, last = line.nonzero()[[0, -1], 0].tolist()
            assert line[first : last + 1].all()
    return mask.sum((1, 2, 3)).tolist()


def test_defaults() -> None:
    cutout = Cutout()
    assert (cutout.length_frac, cutout.border, cutout.holes, cutout.fill) == (0.5, "clip", 1, (0.0,))
    assert (cutout.probability, cutout.until, cutout.inplace) == (1.0, None, False)


@pytest.mark.parametrize(
    ("cutout", "text"),
    [
        (Cutout(), "every training image loses one square of 0.5 times the shorter side, filled with 0"),
        (
            Cutout(0.25, holes=2, fill=(0.1, 0.2), probability=0.5, until="0.9run"),
            "50% of images lose 2 squares of 0.25 times the shorter side, filled with 0.1 0.2, up to step 9",
        ),
    ],
)
def test_it_says_what_it_will_do(cutout: Cutout, text: str) -> None:
    assert cutout.explain(Plan(trainer(), [], [Horizon(total_steps=10)])) == text


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"length_frac": "half"}, TypeError, "length_frac must be a number in [0, 1], got 'half'."),
        ({"length_frac": 1.5}, ValueError, "length_frac must be a number in [0, 1], got 1.5."),
        ({"length_frac": -0.5}, ValueError, "length_frac must be a number in [0, 1], got -0.5."),
        ({"length_frac": 0.0}, ValueError, "length_frac must be above 0, got 0.0. To erase nothing, leave cutout out."),
        ({"fill": "mean"}, TypeError, "fill must be a finite number, got 'mean'."),
        ({"fill": None}, TypeError, "fill must be a finite number, got None."),
        ({"fill": math.nan}, ValueError, "fill must be a finite number, got nan."),
        ({"fill": (0.0, "a")}, TypeError, "fill must be a finite number, got 'a'."),
        ({"border": "cut"}, ValueError, "border must be one of clip, inside, got 'cut'."),
        ({"holes": 0}, ValueError, "holes must be a positive integer, got 0."),
        ({"probability": 0.0}, ValueError, "probability must be above 0, got 0.0. To do nothing, leave Cutout out."),
        ({"until": "soon"}, ValueError, "until must be a duration such as '5ep', '500step' or '0.1run', got 'soon'."),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(f'Cutout: {text}')}$"):
        Cutout(**arguments)


def test_every_training_image_loses_one_clipped_square_and_no_label() -> None:
    model = Classifier()
    trainer(max_epochs=40, callbacks=[Cutout()]).fit(model, loader())  # 4 x 4 images, squares of 2 x 2
    inputs, labels = images(10)
    sizes = []
    for index, (seen, targets) in enumerate(model.seen):
        here = slice(index % 5 * 2, index % 5 * 2 + 2)
        mask = seen != inputs[here]
        assert (seen[mask] == 0).all()
        assert torch.equal(targets, labels[here])
        sizes += erased_of(mask)
    assert set(sizes) == {1, 2, 4}
    # Centers 1, 2, 3 keep both rows, center 0 one of them: (7 / 4)² pixels on average; 4 sigma of 400 images.
    assert math.fsum(sizes) / len(sizes) == pytest.approx((7 / 4) ** 2, abs=0.2)


def test_the_whole_side_and_the_fill() -> None:
    model = Classifier()
    trainer(max_epochs=1, callbacks=[Cutout(1.0, fill=-3.5)]).fit(model, loader())
    inputs = images(10)[0]
    for index, (seen, _) in enumerate(model.seen):
        mask = seen != inputs[index * 2 : index * 2 + 2]
        assert (seen[mask] == -3.5).all()
        assert min(erased_of(mask)) >= 4, "half of each side at least"


def losses(cutout: Cutout, epochs: int = 40) -> list[int]:
    """Return how many pixels every image lost, in order."""
    model = Classifier()
    trainer(max_epochs=epochs, callbacks=[cutout]).fit(model, loader())
    inputs = images(10)[0].split(2)
    masks = [seen != inputs[index % 5] for index, (seen, _) in enumerate(model.seen)]
    return [int(image.sum()) for mask in masks for image in mask]


def test_squares_inside_are_whole() -> None:
    assert set(losses(Cutout(border="inside"))) == {4}


def test_holes_may_overlap() -> None:
    found = set(losses(Cutout(border="inside", holes=2)))
    assert found == {4, 6, 7, 8}, "equal, side by side, at a corner, apart"


def test_probability_is_that_of_an_image() -> None:
    found = [lost > 0 for lost in losses(Cutout(probability=0.3))]
    assert sum(found) / len(found) == pytest.approx(0.3, abs=4 * math.sqrt(0.3 * 0.7 / 400))
    pairs = list(zip(found[::2], found[1::2], strict=True))
    assert sum(one != other for one, other in pairs) > 40, "images of one batch differ"


def test_it_ends_where_it_should() -> None:
    lost = losses(Cutout(until="1.4ep"), epochs=2)
    assert min(lost[:14]) > 0
    assert lost[14:] == [0] * 6


def test_one_fill_for_each_channel() -> None:
    inputs, labels = images(4)
    data: DataLoader[Any] = DataLoader(Items([[inputs.reshape(2, 2, 4, 4), labels[:2]]]), batch_size=None)
    model = LayoutClassifier()
    trainer(max_epochs=1, callbacks=[Cutout(1.0, fill=(5.0, -7.0))]).fit(model, data)
    seen = model.seen[0][0]
    assert torch.equal(seen[:, 0] == 5, seen[:, 1] == -7)
    assert (seen == 5).any()


@pytest.mark.parametrize("inplace", [False, True])
def test_only_on_demand_is_the_data_set_overwritten(inplace: bool) -> None:
    inputs, labels = images(4)
    held = inputs.clone()
    data: DataLoader[Any] = DataLoader(Items([[held, labels]]), batch_size=None)
    model = Classifier()
    trainer(max_epochs=1, callbacks=[Cutout(inplace=inplace)]).fit(model, data)
    assert torch.equal(held, inputs) == (not inplace)
    assert (model.seen[0][0] is held) == inplace


def test_validation_stays_clean() -> None:
    class Recorder(Validated):
        def validation_step(self, batch: Any, batch_idx: int) -> None:
            self.outputs.append(batch[0])

    model = Recorder()
    trainer(max_epochs=1, num_sanity_val_steps=0, callbacks=[Cutout()]).fit(model, loader(), loader())
    assert torch.equal(torch.cat(model.outputs), images(10)[0])


@pytest.mark.parametrize(("key", "name"), [(None, "image"), ("picture", "picture")])
def test_a_batch_of_images_only(key: str | None, name: str) -> None:
    inputs = images(4)[0]
    model = LayoutClassifier()
    data = DataLoader(Items([{name: inputs, "path": "a.png"}]), batch_size=None)
    trainer(max_epochs=1, callbacks=[Cutout(inputs_key=key)]).fit(model, data)
    assert min(erased_of(model.seen[0][name] != inputs)) >= 1
    assert model.seen[0]["path"] == "a.png"


@pytest.mark.parametrize("mixup_first", [True, False])
def test_stacks_with_mixup(mixup_first: bool) -> None:
    model = Classifier()
    callbacks = [Mixup(1.0), Cutout(fill=9.0)] if mixup_first else [Cutout(fill=9.0), Mixup(1.0)]
    trainer(max_epochs=1, callbacks=callbacks).fit(model, loader(10, 5))
    assert all(isinstance(targets, MixedTarget) and targets.is_consumed for _, targets in model.seen)
    # Erased last, every image has pixels of the fill itself; mixed last, hardly any pixel keeps it.
    counts = [int((image == 9).sum()) for inputs, _ in model.seen for image in inputs]
    assert set(counts) <= {1, 2, 4} if mixup_first else 0 in counts
    assert all(image.max() > 2.5 for inputs, _ in model.seen for image in inputs)


def test_inputs_that_are_no_images() -> None:
    data = DataLoader(Items([[torch.zeros(2, 16), torch.zeros(2).long()]]), batch_size=None)
    with pytest.raises(ValueError, match=r"^Cutout: inputs must be images \(B, C, H, W\), got \(2, 16\)\.$"):
        trainer(max_epochs=1, callbacks=[Cutout()]).fit(Classifier(), data)
