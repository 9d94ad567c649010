"""Keys of a readout: which entries, and how others are named."""

import pytest
import torch

from lightning_regkit.callbacks._readout_keys import readout_keys
from lightning_regkit.errors import BatchLayoutError
from lightning_regkit.marginalize import Readout
from tests.refusals import refusal

BATCH = {"pixels": torch.zeros(2, 3), "classes": torch.zeros(2)}
READOUT = Readout(inputs_key="pixels", targets_key="classes")


def test_targets_are_looked_for_where_they_are_needed() -> None:
    (with_targets,) = readout_keys("Average", READOUT, needs_targets=True).find(BATCH)
    (without,) = readout_keys("Average", READOUT, needs_targets=False).find({"pixels": BATCH["pixels"]})
    assert (with_targets.inputs, with_targets.targets) == (("pixels",), ("classes",))
    assert (without.inputs, without.targets) == (("pixels",), None)


def test_lists_of_images_are_inputs_too() -> None:
    images = [torch.zeros(3, 4, 4), torch.zeros(3, 5, 4)]
    (slot,) = readout_keys("Average", Readout(), needs_targets=True).find((images, torch.zeros(2)))
    assert (slot.inputs, slot.targets) == ((0,), (1,))


@pytest.mark.parametrize(
    ("needs_targets", "condition", "remedy"),
    [
        (True, "inputs and targets", "readout=Readout(inputs_key=) and readout=Readout(targets_key=)"),
        (False, "inputs", "readout=Readout(inputs_key=)"),
    ],
)
def test_a_refusal_says_how_others_are_named(needs_targets: bool, condition: str, remedy: str) -> None:
    text = f"Average: batch must hold {condition}, got dict with keys ['pixels', 'classes']. Pass {remedy}."
    with pytest.raises(BatchLayoutError, match=refusal(text)):
        readout_keys("Average", Readout(), needs_targets=needs_targets).find(BATCH)
