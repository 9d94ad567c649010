"""CutMix in real fits: boxes of other images, labels mixed by the areas that are really left, and what it refuses."""

import logging
import re
from typing import Any

import pytest
import torch
from torch.nn import functional
from torch.utils.data import DataLoader

from lightning_regkit._durations import Horizon
from lightning_regkit._lightning import Plan
from lightning_regkit._random import StreamKey, generator
from lightning_regkit.callbacks import CutMix
from lightning_regkit.mixing import MixedTarget, draw_cutmix
from lightning_regkit.schedules import Constant, Scaled
from tests.callbacks.mixed import BATCH_SIZE, fit
from tests.support import SIDE_PX, Classifier, Items, images, trainer

SEED = 7
REMEDY = "The paper uses 1.0; to mix nothing, leave CutMix out."


@pytest.fixture(autouse=True)
def _seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PL_GLOBAL_SEED", str(SEED))


def test_defaults() -> None:
    cutmix = CutMix()
    options = cutmix.options
    assert (cutmix.alpha, options.per, options.probability, options.until) == (1.0, "batch", 1.0, None)
    assert (options.style.targets, options.inplace) == ("labels", False)


def test_it_says_what_it_will_do() -> None:
    plan = Plan(trainer(), [], [Horizon(total_steps=10)])
    text = "every training image has a box of another pasted in, lam ~ Beta(1, 1), with probability 0.5, up to step 9"
    assert CutMix(probability=0.5, until="0.9run").explain(plan) == text


@pytest.mark.parametrize(
    ("alpha", "error", "condition"),
    [
        ("high", TypeError, "be a positive number"),
        (0, ValueError, "be a positive number"),
        (0.001, ValueError, "be at least 0.01"),
    ],
)
def test_bad_alpha(alpha: Any, error: type[Exception], condition: str) -> None:
    text = f"CutMix: alpha must {condition}, got {alpha!r}. {REMEDY}"
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        CutMix(alpha)


@pytest.mark.parametrize("per", ["batch", "sample"])
def test_the_step_gets_pasted_images_and_both_labels(per: Any) -> None:
    inputs, labels = images(BATCH_SIZE)
    for index, (seen, targets) in enumerate(fit(CutMix(per=per), batches=4, max_epochs=2).seen):
        key = StreamKey(seed=SEED, rank=0, epoch=index // 4, batch_idx=index % 4, purpose="CutMix")
        draw = draw_cutmix(BATCH_SIZE, size_px=(SIDE_PX, SIDE_PX), alpha=1.0, generator=generator(key), per=per)
        expected = inputs.clone()
        for row, (box, partner) in enumerate(zip(draw.boxes.tolist(), draw.partner.tolist(), strict=True)):
            top, left, height, width = box
            here = (slice(None), slice(top, top + height), slice(left, left + width))
            expected[row][here] = inputs[partner][here]
        assert torch.equal(seen, expected)
        assert isinstance(targets, MixedTarget)
        assert torch.equal(targets.labels, torch.stack([labels, labels[torch.from_numpy(draw.partner)]]))
        left_over = 1 - draw.boxes[:, 2:].prod(1) / SIDE_PX**2
        torch.testing.assert_close(targets.weights[0], torch.from_numpy(left_over).float())
        torch.testing.assert_close(targets.weights.sum(0), torch.ones(BATCH_SIZE))


def test_weights_count_the_pixels_that_are_left() -> None:
    """Read from the pixels alone: images of one value each, so that every pixel tells whose it is."""
    inputs = torch.arange(float(BATCH_SIZE)).reshape(-1, 1, 1, 1).expand(-1, 1, 8, 8).clone()
    labels = torch.arange(BATCH_SIZE)
    data: DataLoader[Any] = DataLoader(Items([[inputs, labels]] * 20), batch_size=None)

    class Wide(Classifier):
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            self.seen.append(batch)
            return functional.cross_entropy(self.net(batch[0][..., :4, :4]).repeat(1, 2), batch[1])

    model = Wide()
    trainer(max_epochs=1, callbacks=[CutMix()]).fit(model, data)
    for seen, targets in model.seen:
        for row in range(BATCH_SIZE):
            (own, other), (lam, rest) = targets.labels[:, row].tolist(), targets.weights[:, row].tolist()
            assert own == row
            shares = {value: (seen[row] == value).float().mean().item() for value in (own, other)}
            expected = 1.0 if own == other else lam
            assert shares[own] == pytest.approx(expected)
            assert own == other or shares[other] == pytest.approx(rest)


@pytest.mark.parametrize(
    ("alpha", "is_said"), [(0.2, True), (0.49, True), (0.5, False), (1.0, False), (Scaled(Constant(), 0.2), False)]
)
def test_an_alpha_copied_from_mixup_is_said_once(alpha: Any, is_said: bool, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        fit(CutMix(alpha), max_epochs=2)
    said = [record.message for record in caplog.records if record.message.startswith("CutMix")]
    text = f"CutMix: alpha={alpha} pastes almost nothing or almost all; cutmix usually wants 1.0."
    assert said == ([text] if is_said else [])


def test_float_targets_are_mixed_linearly() -> None:
    class Regressor(Classifier):
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            self.seen.append(batch)
            return functional.mse_loss(self(batch[0]), batch[1])

    values = torch.arange(15.0).reshape(BATCH_SIZE, 3)
    data: DataLoader[Any] = DataLoader(Items([[images(BATCH_SIZE)[0], values]]), batch_size=None)
    model = Regressor()
    trainer(max_epochs=1, callbacks=[CutMix()]).fit(model, data)
    labeled = fit(CutMix(), batches=1).seen[0][1]
    lam = labeled.weights[0][:, None]
    partner = torch.from_numpy(
        draw_cutmix(
            BATCH_SIZE,
            size_px=(SIDE_PX, SIDE_PX),
            alpha=1.0,
            generator=generator(StreamKey(seed=SEED, rank=0, epoch=0, batch_idx=0, purpose="CutMix")),
        ).partner
    )
    torch.testing.assert_close(model.seen[0][1], lam * values + (1 - lam) * values[partner])


@pytest.mark.parametrize(
    ("inputs", "targets", "text"),
    [
        (torch.zeros(2, 16), torch.zeros(2).long(), "inputs must be images (B, C, H, W), got (2, 16)."),
        (
            torch.zeros(2, 1, 4, 4),
            torch.zeros(2, 4, 4).long(),
            "targets must be of shape (B,) or (B, K), got (2, 4, 4). Mixup mixes maps of labels, pixel by pixel.",
        ),
    ],
)
def test_what_has_no_boxes(inputs: Any, targets: Any, text: str) -> None:
    data: DataLoader[Any] = DataLoader(Items([[inputs, targets]]), batch_size=None)
    with pytest.raises(ValueError, match=f"^{re.escape(f'CutMix: {text}')}$"):
        trainer(max_epochs=1, callbacks=[CutMix()]).fit(Classifier(), data)
