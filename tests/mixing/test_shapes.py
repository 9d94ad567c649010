from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from lightning_regkit.mixing._parents import Parents, dominant_labels, spread
from lightning_regkit.mixing._shapes import carry, is_carried, is_in_place

WHOLE = slice(None)


def parents_of(*shape: int, num_parents: int = 2, seed: int = 0) -> tuple[Tensor, Parents]:
    """Dominant labels (B, ...) and their parents; no two weights are equal."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(5, (num_parents, *shape), generator=generator)
    weights = torch.rand(num_parents, shape[0], generator=generator) + 0.1
    weights = weights / weights.sum(0)
    return dominant_labels(labels, weights), Parents(labels, weights)


@pytest.mark.parametrize("name", ["add_", "squeeze_", "__iadd__", "__ixor__", "__setitem__", "__set__"])
def test_functions_in_place(name: str) -> None:
    assert is_in_place(name)


@pytest.mark.parametrize("name", ["add", "__add__", "__int__", "__invert__", "__getitem__", "__get__", "__index__"])
def test_functions_that_change_nothing(name: str) -> None:
    assert not is_in_place(name)


CARRIED: list[tuple[str, tuple[Any, ...]]] = [
    ("view", (-1, 1)),
    ("type", (torch.float,)),
    ("one_hot", (5,)),
    ("__getitem__", (None,)),
    ("__getitem__", (Ellipsis,)),
    ("__getitem__", ((WHOLE, None),)),
    ("__getitem__", ((Ellipsis, None),)),
]
NOT_CARRIED: list[tuple[str, tuple[Any, ...]]] = [
    ("view", (torch.int32,)),
    ("type", ()),
    ("clone", ()),
    ("add", (1,)),
    ("__getitem__", (0,)),
    ("__getitem__", (slice(1, None),)),
    ("__getitem__", ((WHOLE, 0),)),
    ("__getitem__", (torch.tensor([True, False]),)),
    ("__getitem__", ((WHOLE, torch.tensor([0])),)),
]


@pytest.mark.parametrize(("name", "args"), CARRIED)
def test_what_is_carried(name: str, args: tuple[Any, ...]) -> None:
    assert is_carried(name, args)


@pytest.mark.parametrize(("name", "args"), NOT_CARRIED)
def test_what_is_not_carried(name: str, args: tuple[Any, ...]) -> None:
    assert not is_carried(name, args)


KEEP_EXAMPLES: dict[str, Callable[[Tensor], Tensor]] = {
    "view": lambda y: y.view(4, -1),
    "reshape": lambda y: y.reshape(4, 3, 2),
    "flatten": lambda y: y.flatten(1),
    "unsqueeze": lambda y: y.unsqueeze(1),
    "squeeze": lambda y: y.unsqueeze(2).squeeze(2),
    "movedim": lambda y: y.movedim(-1, 1),
    "permute": lambda y: y.permute(0, 2, 1),
    "transpose": lambda y: y.transpose(1, 2),
    "expand": lambda y: y.unsqueeze(1).expand(-1, 5, -1, -1),
    "__getitem__": lambda y: y[:, None],
    "contiguous": lambda y: y.contiguous(),
}


@pytest.mark.parametrize(("name", "function"), KEEP_EXAMPLES.items(), ids=KEEP_EXAMPLES)
def test_weights_stay_where_dimension_zero_does(name: str, function: Callable[[Tensor], Tensor]) -> None:
    dominant, parents = parents_of(4, 2, 3)
    moved, carried = carry(name, function, dominant, parents)
    assert carried.weights is parents.weights
    assert torch.equal(moved, function(dominant))
    assert torch.equal(carried.labels, torch.stack([function(labels) for labels in parents.labels]))


MOVE_EXAMPLES: dict[str, Callable[[Tensor], Tensor]] = {
    "view": lambda y: y.view(-1),
    "reshape": lambda y: y.reshape(2, -1),
    "flatten": lambda y: y.flatten(),
    "unsqueeze": lambda y: y.unsqueeze(0),
    "movedim": lambda y: y.movedim(0, -1),
    "transpose": lambda y: y.transpose(0, 1),  # a square: sizes alone would not tell
    "repeat": lambda y: y.repeat(2, 1),
    "expand": lambda y: y.expand(4, 4, 4),
}


@pytest.mark.parametrize(("name", "function"), MOVE_EXAMPLES.items(), ids=MOVE_EXAMPLES)
def test_weights_move_with_the_labels(name: str, function: Callable[[Tensor], Tensor]) -> None:
    dominant, parents = parents_of(4, 4)
    moved, carried = carry(name, function, dominant, parents)
    spelled_out = spread(parents.weights, parents.labels).expand_as(parents.labels).contiguous()
    assert carried.labels.shape == carried.weights.shape
    assert torch.equal(carried.weights, torch.stack([function(weights) for weights in spelled_out]))
    assert torch.equal(carried.labels, torch.stack([function(labels) for labels in parents.labels]))
    assert torch.equal(moved, function(dominant))


@given(st.integers(1, 3), st.lists(st.integers(1, 3), min_size=1, max_size=3), st.data())
def test_every_element_keeps_its_labels_and_weights(num_parents: int, shape: list[int], data: st.DataObject) -> None:
    """Any chain of moves, against the same chain on weights spelled out for each element."""
    dominant, parents = parents_of(*shape, num_parents=num_parents)
    weights = spread(parents.weights, parents.labels).expand_as(parents.labels)
    labels = parents.labels
    for _ in range(3):
        name, function = data.draw(moves(dominant.ndim))
        dominant, parents = carry(name, function, dominant, parents)
        labels = torch.stack([function(parent) for parent in labels])
        weights = torch.stack([function(parent) for parent in weights])
        assert torch.equal(parents.labels, labels)
        assert torch.equal(spread(parents.weights, labels).expand_as(labels), weights)
        assert dominant.shape == labels.shape[1:]


@st.composite
def moves(draw: st.DrawFn, ndim: int) -> tuple[str, Callable[[Tensor], Tensor]]:
    dims = st.integers(0, max(ndim - 1, 0))
    first, second = draw(dims), draw(dims)
    choices: list[tuple[str, Callable[[Tensor], Tensor]]] = [
        ("reshape", lambda y: y.reshape(-1)),
        ("unsqueeze", lambda y: y.unsqueeze(first)),
        ("squeeze", lambda y: y.squeeze()),
    ]
    if ndim:
        choices += [
            ("transpose", lambda y: y.transpose(first, second)),
            ("reshape", lambda y: y.reshape(y.shape[-1], -1)),
            ("flatten", lambda y: y.flatten(1) if y.ndim > 1 else y),
            ("repeat", lambda y: y.repeat(*(2 if dim == first else 1 for dim in range(ndim)))),
        ]
    return draw(st.sampled_from(choices))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.uint8, torch.bool])
def test_conversions(dtype: torch.dtype) -> None:
    dominant, parents = parents_of(4, 2)
    moved, carried = carry("to", lambda y: y.to(dtype), dominant, parents)
    assert moved.dtype == carried.labels.dtype == dtype
    assert torch.equal(carried.labels, parents.labels.to(dtype))
    assert carried.weights is parents.weights


def test_weights_follow_to_another_device() -> None:
    dominant, parents = parents_of(4)
    moved, carried = carry("to", lambda y: y.to("meta"), dominant, parents)
    assert {moved.device.type, carried.labels.device.type, carried.weights.device.type} == {"meta"}


@pytest.mark.parametrize("num_classes", [-1, 7])
def test_one_hot_of_labels_that_are_never_dominant(num_classes: int) -> None:
    parents = Parents(torch.tensor([[0, 1], [5, 0]]), torch.tensor([[0.75, 0.75], [0.25, 0.25]]))
    moved, carried = carry("one_hot", lambda y: F.one_hot(y, num_classes), torch.tensor([0, 1]), parents)
    width = 6 if num_classes == -1 else 7
    assert torch.equal(moved, F.one_hot(torch.tensor([0, 1]), width))
    assert torch.equal(carried.labels, F.one_hot(parents.labels, width))
    assert carried.weights is parents.weights


def test_arguments_stay_as_they_are() -> None:
    dominant, parents = parents_of(4, 4)
    before = [value.clone() for value in (dominant, parents.labels, parents.weights)]
    carry("transpose", lambda y: y.transpose(0, 1), dominant, parents)
    assert all(map(torch.equal, before, (dominant, parents.labels, parents.weights)))


def test_labels_need_not_be_contiguous() -> None:
    _, parents = parents_of(3, 2)
    strided = Parents(parents.labels.transpose(1, 2), parents.weights[:, :2])
    dominant = dominant_labels(strided.labels, strided.weights)
    moved, carried = carry("view", lambda y: y.view(-1), dominant, strided)
    assert torch.equal(moved, dominant.flatten())
    assert torch.equal(carried.labels, strided.labels.flatten(1))
