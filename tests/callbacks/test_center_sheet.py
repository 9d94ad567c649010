import re
from typing import Any

import pytest
import torch

from lightning_regkit.callbacks._center_sheet import Sheets
from lightning_regkit.errors import BatchLayoutError
from lightning_regkit.mixing import MixedTarget
from lightning_regkit.monitoring import image_sheet
from tests.support import images

INPUTS, LABELS = images(5)
WEIGHTS = torch.tensor([[0.75, 0.5, 1.0, 0.5, 0.5], [0.25, 0.5, 0.0, 0.5, 0.5]])
MIXED = MixedTarget(torch.stack([LABELS, LABELS + 3]), WEIGHTS)


@pytest.mark.parametrize(
    "batch", [(INPUTS, LABELS), {"image": INPUTS, "label": LABELS, "weight": WEIGHTS}], ids=["pair", "dictionary"]
)
def test_the_first_images_and_their_labels(batch: Any) -> None:
    ((sheet, caption),) = Sheets(4).make(batch)
    assert torch.equal(sheet, image_sheet(INPUTS[:4]))
    assert caption == "1: 0\n2: 1\n3: 2\n4: 0"


def test_mixed_labels_with_their_weights() -> None:
    ((sheet, caption),) = Sheets(3).make([INPUTS, MIXED])
    assert torch.equal(sheet, image_sheet(INPUTS[:3]))
    assert caption == "1: 0 (0.75) + 3 (0.25)\n2: 1 (0.50) + 4 (0.50)\n3: 2"


def test_probabilities() -> None:
    ((_, caption),) = Sheets(2).make([INPUTS, torch.tensor([[0.25, 0.75, 0.0]]).expand(5, 3)])
    assert caption == "1: 1 (0.75) + 0 (0.25)\n2: 1 (0.75) + 0 (0.25)"


@pytest.mark.parametrize(
    "targets",
    [torch.zeros(5, 4, 4).long(), MixedTarget(torch.zeros(2, 5, 4).long(), torch.full((2, 5), 0.5)), torch.tensor(1)],
    ids=["maps", "mixed maps", "one for all"],
)
def test_targets_that_are_no_labels_are_not_written_down(targets: Any) -> None:
    assert [caption for _, caption in Sheets(2).make([INPUTS, targets])] == [""]


def test_images_without_targets() -> None:
    for batch in (INPUTS, {"x": INPUTS}):
        ((sheet, caption),) = Sheets(2).make(batch)
        assert torch.equal(sheet, image_sheet(INPUTS[:2]))
        assert caption == ""


@pytest.mark.parametrize(
    "batch", [[torch.zeros(5, 7), LABELS], {"tokens": torch.zeros(5, 7)}, [torch.zeros(0, 1, 4, 4), LABELS[:0]], "text"]
)
def test_what_holds_no_images_makes_no_sheet(batch: Any) -> None:
    assert Sheets(2).make(batch) == []


def test_keys_say_where_images_and_targets_are() -> None:
    batch = {"left": INPUTS, "right": INPUTS.flip(0), "answer": LABELS}
    ((sheet, caption),) = Sheets(2, "right", "answer").make(batch)
    assert torch.equal(sheet, image_sheet(INPUTS.flip(0)[:2]))
    assert caption == "1: 0\n2: 1"
    ((sheet, caption),) = Sheets(2, inputs_key="right").make(batch)
    assert caption == ""


@pytest.mark.parametrize(
    ("sheets", "text"),
    [
        (Sheets(2, "pixels"), "batch must hold an entry 'pixels', got dict with keys ['x', 'y']. Pass inputs_key=."),
        (
            Sheets(2, None, "answer"),
            "batch must hold inputs and targets, got dict with keys ['x', 'y']. Pass inputs_key= and targets_key=.",
        ),
    ],
)
def test_keys_that_name_nothing_are_refused(sheets: Sheets, text: str) -> None:
    with pytest.raises(BatchLayoutError, match=f"^{re.escape(f'CommandCenter: {text}')}$"):
        sheets.make({"x": INPUTS, "y": LABELS})
