"""Finding and replacing inputs and targets in every batch layout."""

from collections import OrderedDict, UserDict
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from lightning_regkit._lightning._containers import get, put
from lightning_regkit._lightning._layout import INPUT_KEYS, TARGET_KEYS, Keys, Slot, is_images
from lightning_regkit.errors import BatchLayoutError

X, Y, OTHER = torch.zeros(2, 1, 4, 4), torch.tensor([0, 1]), torch.ones(2)
BOTH = Keys("Mixup")
INPUTS_ONLY = Keys("Cutout", needs_targets=False)


class Named(NamedTuple):
    image: Tensor
    label: Tensor
    path: str = ""


class Unusual(NamedTuple):
    first: Tensor
    second: Tensor


@dataclass
class Data:
    pixel_values: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Frozen:
    x: Tensor
    y: Tensor


LAYOUTS: list[tuple[Any, Slot]] = [
    ([X, Y], Slot((0,), (1,))),
    ((X, Y), Slot((0,), (1,))),
    (Named(X, Y), Slot(("image",), ("label",))),
    (Unusual(X, Y), Slot(("first",), ("second",))),
    (Data(X, Y), Slot(("pixel_values",), ("labels",))),
    (Frozen(X, Y), Slot(("x",), ("y",))),
    ({"index": 3, "target": Y, "inputs": X}, Slot(("inputs",), ("target",))),
    (OrderedDict(images=X, targets=Y), Slot(("images",), ("targets",))),
    (UserDict(input=X, y=Y), Slot(("input",), ("y",))),
]


@pytest.mark.parametrize(("batch", "slot"), LAYOUTS, ids=[type(batch).__name__ for batch, _ in LAYOUTS])
def test_obvious_layouts(batch: Any, slot: Slot) -> None:
    assert BOTH.find(batch) == (slot,)
    assert slot.targets is not None
    assert get(batch, slot.inputs) is X
    assert get(batch, slot.targets) is Y

    new = put(batch, slot.inputs, OTHER)
    assert type(new) is type(batch)
    assert get(new, slot.inputs) is OTHER
    assert get(new, slot.targets) is Y
    assert get(batch, slot.inputs) is X, "the batch given stays as it is"


@pytest.mark.parametrize("inputs", INPUT_KEYS)
@pytest.mark.parametrize("targets", TARGET_KEYS)
def test_every_usual_name(inputs: str, targets: str) -> None:
    assert BOTH.find({inputs: X, targets: Y}) == (Slot((inputs,), (targets,)),)


@pytest.mark.parametrize(
    ("batch", "path"),
    [(X, ()), ([X], (0,)), ((X, Y), (0,)), ({"x": X}, ("x",)), ([X, [Y, Y]], (0,))],
    ids=["tensor", "list of one", "pair", "dict", "targets of any kind"],
)
def test_inputs_alone(batch: Any, path: tuple[str | int, ...]) -> None:
    assert INPUTS_ONLY.find(batch) == (Slot(path, None),)
    assert get(put(batch, path, OTHER), path) is OTHER


LIST = [torch.zeros(1, 4, 4), torch.zeros(1, 6, 5)]
EVALUATION = Keys("MultiCrop", needs_targets=False, may_be_list=True)


def test_a_list_of_images_of_unequal_size() -> None:
    assert EVALUATION.find([LIST, Y]) == (Slot((0,), None),)
    assert EVALUATION.find({"images": tuple(LIST), "id": "a"}) == (Slot(("images",), None),)
    assert Keys("MultiCrop", may_be_list=True).find((LIST, Y)) == (Slot((0,), (1,)),)
    assert Keys("MultiCrop", 1, 0, may_be_list=True).find((Y, LIST)) == (Slot((1,), (0,)),)


@pytest.mark.parametrize("found", [[], [X], [LIST[0], "text"], "text"], ids=["empty", "batch", "text", "no list"])
def test_other_lists_are_no_images(found: Any) -> None:
    assert not is_images(found)
    with pytest.raises(BatchLayoutError, match="MultiCrop: batch must hold a tensor at 'images'"):
        EVALUATION.find({"images": found})


def test_training_batches_are_tensors() -> None:
    with pytest.raises(BatchLayoutError, match="Cutout: batch must hold a tensor at 'images', got list"):
        INPUTS_ONLY.find({"images": LIST})


def test_combined_loaders_give_one_slot_each() -> None:
    batch: dict[str, Any] = {"a": [X, Y], "b": {"image": X, "label": Y}}
    assert BOTH.find(batch) == (Slot(("a", 0), ("a", 1)), Slot(("b", "image"), ("b", "label")))
    new = put(batch, ("b", "image"), OTHER)
    assert new["b"]["image"] is OTHER
    assert batch["b"]["image"] is X
    assert BOTH.find([[X, Y], (X, Y)]) == (Slot((0, 0), (0, 1)), Slot((1, 0), (1, 1)))


@pytest.mark.parametrize(
    ("batch", "keys", "slot"),
    [
        ((X, OTHER, Y), Keys("Mixup", 0, 2), Slot((0,), (2,))),
        ({"pixels": X, "class": Y}, Keys("Mixup", "pixels", "class"), Slot(("pixels",), ("class",))),
        ({"pixels": X, "y": Y}, Keys("Mixup", "pixels"), Slot(("pixels",), ("y",))),
        ({"x": X, "class": Y}, Keys("Mixup", targets_key="class"), Slot(("x",), ("class",))),
        ({"a": [X, Y], "b": [X]}, Keys("Mixup", "a.0", "a.1"), Slot(("a", 0), ("a", 1))),
        ({"pixels": X}, Keys("Cutout", "pixels", needs_targets=False), Slot(("pixels",), None)),
        ({"0": X, "y": Y}, Keys("Mixup", "0", "y"), Slot(("0",), ("y",))),
    ],
)
def test_keys_given(batch: Any, keys: Keys, slot: Slot) -> None:
    assert keys.find(batch) == (slot,)


@pytest.mark.parametrize(
    ("batch", "keys", "text"),
    [
        (
            {"pixels": X},
            BOTH,
            "Mixup: batch must hold inputs and targets, got dict with keys ['pixels']. "
            "Pass inputs_key= and targets_key=.",
        ),
        (
            {"image": X, "x": X, "y": Y},
            BOTH,
            "Mixup: batch must hold one entry each for inputs and targets, got dict with keys ['image', 'x', 'y']. "
            "Pass inputs_key= and targets_key=.",
        ),
        (
            {"image": X},
            BOTH,
            "Mixup: batch must hold inputs and targets, got dict with keys ['image']. "
            "Pass inputs_key= and targets_key=.",
        ),
        (
            {"image": X, "label": Y, "target": Y},
            BOTH,
            "Mixup: batch must hold one entry each for inputs and targets, got dict with keys ['image', 'label', "
            "'target']. Pass inputs_key= and targets_key=.",
        ),
        (
            (X, Y, OTHER),
            BOTH,
            "Mixup: batch must hold inputs and targets, got tuple of ['Tensor', 'Tensor', 'Tensor']. "
            "Pass inputs_key= and targets_key=.",
        ),
        (X, BOTH, "Mixup: batch must hold inputs and targets, got Tensor. Pass inputs_key= and targets_key=."),
        ([], BOTH, "Mixup: batch must hold inputs and targets, got list of []. Pass inputs_key= and targets_key=."),
        (None, INPUTS_ONLY, "Cutout: batch must hold inputs, got NoneType. Pass inputs_key=."),
        (
            {"x": X, "y": [0, 1]},
            BOTH,
            "Mixup: batch must hold a tensor at 'y', got list. Pass inputs_key= and targets_key=.",
        ),
        (
            {"x": X, "y": Y},
            Keys("Mixup", "x", "z.0"),
            "Mixup: batch must hold an entry 'z.0', got dict with keys ['x', 'y']. Pass inputs_key= and targets_key=.",
        ),
        (
            {"a": [X, Y], "b": {"pixels": X}},
            BOTH,
            "Mixup: batch must hold inputs and targets, got dict with keys ['pixels']. "
            "Pass inputs_key= and targets_key=.",
        ),
        (
            Named(X, Y),
            Keys("Mixup", "pixels", "label"),
            "Mixup: batch must hold an entry 'pixels', got Named with keys ['image', 'label', 'path']. "
            "Pass inputs_key= and targets_key=.",
        ),
    ],
)
def test_refusals_list_what_was_found(batch: Any, keys: Keys, text: str) -> None:
    with pytest.raises(BatchLayoutError) as caught:
        keys.find(batch)
    assert str(caught.value) == text
