"""Step 1 end to end: with penalty and mixing, what it writes, and what it refuses."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from lightning_regkit.callbacks import Cutout, Mixup, WeightPenalty
from lightning_regkit.tuning import LossSpec, Setup, initial_loss
from tests.support import Classifier, LayoutClassifier, loader
from tests.tuning.support import CPU, Digits, Net


def test_the_penalty_raises_both_by_exactly_itself() -> None:
    module, data, penalty = Net(), Digits(), WeightPenalty(l1=0.01, l2=0.02)
    plain = initial_loss(module, data, setup=CPU)
    raised = initial_loss(module, data, setup=Setup(callbacks=[penalty], trainer=CPU.trainer))
    value = penalty.penalty(module).item()
    assert value > 1
    assert raised.loss == plain.loss + value
    assert plain.expected is not None
    assert raised.expected == plain.expected + value
    assert raised.verdict.is_healthy


@pytest.mark.parametrize("noise", [Mixup(alpha=1.0), Cutout(length_frac=0.5)])
def test_mixing_takes_part_and_changes_nothing_expected(noise: Any) -> None:
    module, data = Classifier(), loader(60, 20)
    plain = initial_loss(module, data, setup=CPU)
    mixed = initial_loss(module, data, setup=Setup(callbacks=[noise], trainer=CPU.trainer))
    assert mixed.loss != plain.loss
    assert mixed.expected == pytest.approx(plain.expected, abs=0.05)
    assert mixed.verdict.is_healthy


def test_files(tmp_path: Path) -> None:
    result = initial_loss(Net(), Digits(), setup=Setup(folder=tmp_path, trainer=CPU.trainer))
    written = json.loads((tmp_path / "1_initial_loss.json").read_text())
    assert written["loss"] == result.loss
    assert written["verdict"] == {"cause": "healthy", "sentence": result.verdict.sentence}


def test_a_loss_that_is_not_seen_can_be_told() -> None:
    assert initial_loss(LayoutClassifier(), loader(), setup=CPU).verdict.cause == "unknown loss"
    told = initial_loss(LayoutClassifier(), loader(), loss=LossSpec(3), setup=CPU)
    assert told.expected == pytest.approx(math.log(3))


def test_errors_of_the_user_fly() -> None:
    class Broken(Classifier):
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            raise IndexError("mine")

    with pytest.raises(IndexError, match="mine"):
        initial_loss(Broken(), loader(), setup=CPU)
    with pytest.raises(ValueError, match=r"^tuning\.initial_loss: num_batches must be a positive integer, got 0\.$"):
        initial_loss(Classifier(), loader(), num_batches=0)


def test_no_step_is_taken() -> None:
    module, data = Net(), Digits()
    torch.manual_seed(0)
    one, many = (
        initial_loss(module, data, num_batches=1, setup=CPU),
        initial_loss(module, data, num_batches=40, setup=CPU),
    )
    assert abs(one.loss - many.loss) < 0.2
    assert many.seen.num_images == 250  # of the ten calls that are kept
