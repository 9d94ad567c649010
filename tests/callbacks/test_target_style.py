"""What labels are made, which settings mean nothing, and that smoothing twice is said."""

import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lightning_regkit._lightning import Example
from lightning_regkit.callbacks._target_style import TargetStyle
from lightning_regkit.mixing import MixedTarget
from tests.support import Classifier

INPUTS = torch.zeros(2, 1, 4, 4)


def prepared(style: TargetStyle, targets: Tensor | None) -> Example:
    return style.prepare(Example(INPUTS, targets))


class Smooths(Classifier):
    def __init__(self, smoothing: float) -> None:
        super().__init__()
        self.loss = nn.CrossEntropyLoss(label_smoothing=smoothing)


def test_labels_stay_labels() -> None:
    example = Example(INPUTS, torch.tensor([2, 0]))
    assert TargetStyle("Mixup").prepare(example) is example


def test_labels_become_probabilities() -> None:
    found = prepared(TargetStyle("Mixup", "probabilities", 3), torch.tensor([2, 0]))
    assert found.inputs is INPUTS
    assert type(found.targets) is Tensor
    torch.testing.assert_close(found.targets, torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]))


def test_labels_become_smooth_probabilities() -> None:
    targets = prepared(TargetStyle("Mixup", "probabilities", 4, 0.2), torch.tensor([3])).targets
    assert targets is not None
    torch.testing.assert_close(targets, torch.tensor([[0.05, 0.05, 0.05, 0.85]]))


@pytest.mark.parametrize("targets", [torch.tensor([[0.9, 0.1, 0.0]]), torch.tensor([1.5]), None], ids=str)
def test_floats_and_no_targets_stay_as_they_are(targets: Tensor | None) -> None:
    assert prepared(TargetStyle("Mixup", "probabilities", 3, 0.2), targets).targets is targets


def test_labels_that_another_callback_mixed_are_refused() -> None:
    labels = MixedTarget(torch.tensor([[0, 1], [2, 1]]), torch.tensor([[0.75, 0.6], [0.25, 0.4]]))
    text = (
        "CutMix: targets must be 'labels' behind a callback that mixes labels, got 'probabilities'. "
        "Pass the same to both."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        prepared(TargetStyle("CutMix", "probabilities", 3), labels)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (("soft",), ValueError, "targets must be one of labels, probabilities, got 'soft'."),
        (
            ("probabilities",),
            ValueError,
            "num_classes must be given with targets='probabilities', got None. "
            "Pass the number of classes that the loss expects.",
        ),
        (("probabilities", 0), ValueError, "num_classes must be a positive integer, got 0."),
        (("probabilities", 2.0), TypeError, "num_classes must be a positive integer, got 2.0."),
        (("probabilities", 2, 1.5), ValueError, "label_smoothing must be a number in [0, 1], got 1.5."),
        (("probabilities", 2, "a"), TypeError, "label_smoothing must be a number in [0, 1], got 'a'."),
        (
            ("labels", 10),
            ValueError,
            "num_classes must be left out with targets='labels', got 10. Labels need no number of classes.",
        ),
        (
            ("labels", None, 0.1),
            ValueError,
            "label_smoothing must be 0 with targets='labels', got 0.1. "
            "Let the loss smooth: nn.CrossEntropyLoss(label_smoothing=...).",
        ),
    ],
)
def test_bad_arguments(arguments: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(f'Mixup: {text}')}$"):
        TargetStyle("Mixup", *arguments)


def test_two_owners_may_have_equal_styles() -> None:
    assert TargetStyle("Mixup", "probabilities", 3) == TargetStyle("CutMix", "probabilities", 3)
    assert TargetStyle("Mixup", "probabilities", 3) != TargetStyle("Mixup", "probabilities", 4)


def test_smoothing_twice_is_warned_of() -> None:
    text = "Mixup: label_smoothing must be 0 where the loss smooths too, got 0.1. Together they smooth by 0.19."
    with pytest.warns(UserWarning, match=f"^{re.escape(text)}$"):
        TargetStyle("Mixup", "probabilities", 3, 0.1).announce(Smooths(0.1))


@pytest.mark.parametrize(
    ("style", "smoothing"),
    [
        (TargetStyle("Mixup"), 0.1),
        (TargetStyle("Mixup", "probabilities", 3), 0.1),
        (TargetStyle("Mixup", "probabilities", 3, 0.1), 0.0),
        (TargetStyle("Mixup"), 0.0),
    ],
)
def test_smoothing_once_is_fine(style: TargetStyle, smoothing: float) -> None:
    style.announce(Smooths(smoothing))
    style.announce(Classifier())
