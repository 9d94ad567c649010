"""Images that grow, in real fits: their size in each step, what stays as it is, resuming, and refusals."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader

from lightning_regkit._durations import Horizon
from lightning_regkit._lightning import Plan
from lightning_regkit.callbacks import CutMix, Cutout, ProgressiveSize
from lightning_regkit.errors import BatchLayoutError, UnknownTotalError
from lightning_regkit.mixing import resize_inputs
from tests.support import NUM_CLASSES, Classifier, Items, LayoutClassifier, trainer

SIDE = 16
BATCHES = 5


class AnySize(Classifier):
    """A classifier of images of any size; remembers those that it validates on."""

    def __init__(self) -> None:
        super().__init__()
        convolution = nn.Conv2d(1, 4, 3, padding=1)
        self.net = nn.Sequential(convolution, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, NUM_CLASSES))
        self.validated: list[Tensor] = []

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.validated.append(batch[0])

    @property
    def sides(self) -> list[int]:
        return [inputs.shape[-1] for inputs, _ in self.seen]


def batches(count: int = BATCHES) -> list[list[Tensor]]:
    generator = torch.Generator().manual_seed(0)
    return [[torch.randn(2, 1, SIDE, SIDE, generator=generator), torch.tensor([0, 1])] for _ in range(count)]


def data(items: list[Any] | None = None) -> DataLoader[Any]:
    return DataLoader(Items(batches() if items is None else items), batch_size=None)


def fit(growing: Any, *others: Any, epochs: int = 2, **options: Any) -> AnySize:
    model = AnySize()
    trainer(max_epochs=epochs, callbacks=[growing, *others], **options).fit(model, data(), data(batches(1)))
    return model


def test_defaults() -> None:
    growing = ProgressiveSize()
    assert (growing.initial_frac, growing.start, growing.until, growing.multiple_px) == (0.5, 0, "0.8run", 4)


@pytest.mark.parametrize(
    ("growing", "text"),
    [
        (
            ProgressiveSize(),
            "sides of training images grow from 0.5 of the whole at step 0 to the whole at step 8, in multiples of 4 "
            "px",
        ),
        (
            ProgressiveSize(0.75, start="0.5ep", until=7, multiple_px=32),
            "sides of training images grow from 0.75 of the whole at step 3 to the whole at step 7, in multiples of 32 "
            "px",
        ),
    ],
)
def test_it_says_what_it_will_do(growing: ProgressiveSize, text: str) -> None:
    assert growing.explain(Plan(trainer(), [], [Horizon(total_steps=10, epoch_ends=(5, 10))])) == text


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"initial_frac": "half"}, TypeError, "initial_frac must be a number in [0, 1], got 'half'."),
        (
            {"initial_frac": 1},
            ValueError,
            "initial_frac must be between 0 and 1, got 1. To begin with whole images, leave it out.",
        ),
        ({"start": "5"}, ValueError, "start must be a duration such as '5ep', '500step' or '0.1run', got '5'."),
        ({"until": None}, TypeError, "until must be a duration such as '5ep', '500step' or '0.1run', got None."),
        ({"multiple_px": 0}, ValueError, "multiple_px must be a positive integer, got 0."),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(f'ProgressiveSize: {text}')}$"):
        ProgressiveSize(**arguments)


def test_images_grow_step_by_step_and_validation_sees_whole_ones() -> None:
    """From 1/2 of 16 pixels to all of them in 8 of 10 steps: a pixel a step, in multiples of 2."""
    model = fit(ProgressiveSize(multiple_px=2))
    assert model.sides == [8, 10, 10, 12, 12, 14, 14, 16, 16, 16]
    for (inputs, targets), (whole, labels) in zip(model.seen, batches() * 2, strict=True):
        torch.testing.assert_close(inputs, resize_inputs(whole, tuple(inputs.shape[2:])))
        assert torch.equal(targets, labels)
    assert [inputs.shape[-1] for inputs in model.validated] == [SIDE] * len(model.validated)
    assert len(model.validated) >= 2


def test_they_begin_to_grow_where_they_should() -> None:
    assert fit(ProgressiveSize(0.25, start="1ep", until="9step", multiple_px=1)).sides == [4] * 6 + [7, 10, 13, 16]


def test_a_window_of_accumulation_has_one_size() -> None:
    growing = ProgressiveSize(multiple_px=1, until="1run")
    assert fit(growing, accumulate_grad_batches=2).sides == [8, 8, 9, 9, 11, 12, 12, 13, 13, 15]


def test_the_loaders_own_images_stay() -> None:
    items = batches()
    model = AnySize()
    trainer(max_epochs=1, callbacks=[ProgressiveSize()]).fit(model, data(items), data(batches(1)))
    assert all(torch.equal(one[0], other[0]) for one, other in zip(items, batches(), strict=True))


def test_what_comes_after_it_works_on_what_it_made() -> None:
    model = fit(ProgressiveSize(multiple_px=2), Cutout(1.0, fill=9.0), CutMix())
    erased = [inputs.eq(9).any().item() for inputs, _ in model.seen]
    assert erased == [True] * 10
    assert model.sides[:3] == [8, 10, 10]


def test_a_run_that_goes_on_has_the_sizes_and_the_weights_of_a_whole_one(tmp_path: Path) -> None:
    def keep(name: str) -> ModelCheckpoint:
        return ModelCheckpoint(tmp_path / name, filename="{epoch}", save_top_k=-1)

    whole = fit(ProgressiveSize(multiple_px=2), keep("whole"), enable_checkpointing=True)
    rest, saved = AnySize(), tmp_path / "whole" / "epoch=0.ckpt"
    own = trainer(max_epochs=2, callbacks=[ProgressiveSize(multiple_px=2), keep("rest")], enable_checkpointing=True)
    own.fit(rest, data(), data(batches(1)), ckpt_path=saved, weights_only=True)
    assert rest.sides == whole.sides[BATCHES:]
    pairs = zip(rest.state_dict().values(), whole.state_dict().values(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_two_of_them_do_not_disturb_each_other() -> None:
    """One halves in the first epoch, the other quarters what it gets."""
    first = ProgressiveSize(until="1ep", start="1ep", multiple_px=1)
    second = ProgressiveSize(0.25, until=1, start=1, multiple_px=1)
    assert fit(first, second).sides == [2] + [8] * 4 + [16] * 5


def test_images_under_another_name() -> None:
    picture = batches(1)[0][0]
    model = LayoutClassifier()
    growing = ProgressiveSize(until="1run", inputs_key="picture")
    trainer(max_epochs=1, callbacks=[growing]).fit(model, data([{"picture": picture, "path": "a.png"}]))
    assert model.seen[0]["picture"].shape == (2, 1, 8, 8)


def test_the_end_before_the_start_is_refused_before_the_first_step() -> None:
    text = "ProgressiveSize: until must be at start, step 5, or later, got '4step'."
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        fit(ProgressiveSize(start="1ep", until="4step"))


def test_a_share_of_a_run_without_end_is_refused() -> None:
    with pytest.raises(UnknownTotalError, match=r"^ProgressiveSize: until must be in steps where the length of the "):
        trainer(max_epochs=-1, max_time="00:00:01:00", callbacks=[ProgressiveSize()]).fit(AnySize(), data(), data())


@pytest.mark.parametrize(
    ("batch", "error", "text"),
    [
        ([torch.zeros(2, 16), torch.zeros(2).long()], ValueError, "inputs must be images (B, C, H, W), got (2, 16)."),
        (
            {"pixels": torch.zeros(2, 1, 4, 4)},
            BatchLayoutError,
            "batch must hold inputs, got dict with keys ['pixels']",
        ),
    ],
)
def test_batches_without_images_are_refused(batch: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(f'ProgressiveSize: {text}')}"):
        trainer(max_epochs=1, callbacks=[ProgressiveSize()]).fit(LayoutClassifier(), data([batch]))


def test_small_images_train() -> None:
    """Half of the sides are enough to learn one bright half from the other, and whole ones are classified then."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(64) % 2
    bright = torch.randn(64, 1, SIDE, SIDE, generator=generator) + 2 * labels[:, None, None, None]
    model = AnySize()
    items = [list(pair) for pair in zip(bright.split(8), labels.split(8), strict=True)]
    trainer(max_epochs=20, callbacks=[ProgressiveSize(until="1run")]).fit(model, data(items), data(items))
    assert functional.cross_entropy(model(bright), labels) < 0.3
