"""Functions that only move or convert labels, applied to all labels of a mixture alike."""

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

from lightning_regkit.mixing._parents import Parents, spread

__all__ = ["ONE_HOT", "carry", "is_carried", "is_in_place"]

# fmt: off
CONVERSIONS: Final = frozenset({
    "bfloat16", "bool", "byte", "char", "cpu", "cuda", "detach", "double", "float", "half", "int", "long", "short",
    "to", "type", "type_as",
})
MOVES: Final = frozenset({
    "contiguous", "expand", "expand_as", "flatten", "moveaxis", "movedim", "permute", "ravel", "repeat", "reshape",
    "reshape_as", "squeeze", "swapaxes", "swapdims", "transpose", "unflatten", "unsqueeze", "view", "view_as",
})
IN_PLACE_OPERATORS: Final = frozenset({
    "__iadd__", "__iand__", "__ifloordiv__", "__ilshift__", "__imod__", "__imul__", "__ior__", "__ipow__",
    "__irshift__", "__isub__", "__itruediv__", "__ixor__", "__set__", "__setitem__",
})
# fmt: on
ONE_HOT: Final = "one_hot"
INDEXING: Final = "__getitem__"
PER_EXAMPLE_NDIM: Final = 2


def is_in_place(name: str) -> bool:
    """Whether a function of torch changes its first argument: it ends in one underscore, assigns, or is as ``+=``.

    Args:
        name: Name of the function.

    Returns:
        True for ``add_``, ``__iadd__``, ``__setitem__``; False for ``add``, ``__add__``.

    Example:
        >>> is_in_place("add_"), is_in_place("__iadd__"), is_in_place("__add__")
        (True, True, False)
    """
    return name in IN_PLACE_OPERATORS or (name.endswith("_") and not name.endswith("__"))


def is_carried(name: str, args: tuple[object, ...]) -> bool:
    """Whether a function of torch gives every label a place, a dtype or a device, and nothing else.

    Args:
        name: Name of the function.
        args: Its arguments after the labels.

    Returns:
        True for changes of shape, dtype and device, one-hot coding, and indexing that takes all (``y[:, None]``).

    Example:
        >>> is_carried("view", (-1, 1)), is_carried("view", (torch.int32,)), is_carried("__getitem__", ((..., None),))
        (True, False, True)
    """
    if name == INDEXING:
        index = args[0] if isinstance(args[0], tuple) else (args[0],)
        return all(
            part is None or part is Ellipsis or (isinstance(part, slice) and part == slice(None)) for part in index
        )
    if name == "type" and not args:  # asks for the name of the dtype
        return False
    if name == "view" and any(isinstance(value, torch.dtype) for value in args):  # reads the same bits as other numbers
        return False
    return name == ONE_HOT or name in CONVERSIONS or name in MOVES


def carry(
    name: str, function: Callable[[Tensor], Tensor], dominant: Tensor, parents: Parents
) -> tuple[Tensor, Parents]:
    """Apply a function to the dominant label and to all labels of a mixture.

    Args:
        name: Name of a function for which :func:`is_carried` is true.
        function: The function with its other arguments; takes labels (B, ...).
        dominant: Dominant labels (B, ...).
        parents: The labels (M, B, ...) and their weights.

    Returns:
        The new dominant labels and parents, with weights (M, B) where dimension 0 still counts the same examples, else
        one for every element.

    Example:
        >>> parents = Parents(torch.tensor([[3, 4], [4, 3]]), torch.tensor([[0.75, 0.5], [0.25, 0.5]]))
        >>> dominant, carried = carry("view", lambda y: y.view(-1, 1), torch.tensor([3, 4]), parents)
        >>> dominant.shape, carried.labels.shape, carried.weights.shape
        (torch.Size([2, 1]), torch.Size([2, 2, 1]), torch.Size([2, 2]))
    """
    labels, weights = parents.labels, parents.weights
    if name == ONE_HOT:  # all at once: the number of classes may follow from the largest label
        coded = function(torch.cat([dominant[None], labels]))
        return coded[0], Parents(coded[1:], weights)
    moved = torch.stack([function(parent.contiguous()) for parent in labels])
    if name not in CONVERSIONS and not _keeps_examples(function, parents):
        spelled_out = spread(weights, labels).expand(labels.shape).contiguous()
        weights = torch.stack([function(parent) for parent in spelled_out])
    return function(dominant), Parents(moved, weights.to(moved.device))


def _keeps_examples(function: Callable[[Tensor], Tensor], parents: Parents) -> bool:
    probe = torch.empty(parents.labels.shape[1:], device="meta")
    moved = function(probe)
    # In a contiguous tensor the stride tells which dimension this is, where it matters.
    first, moved_first = ((*tensor.shape[:1], *tensor.stride()[:1]) for tensor in (probe, moved))
    return parents.weights.ndim == PER_EXAMPLE_NDIM and first == moved_first
