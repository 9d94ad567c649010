"""Targets that know they are mixed."""

from collections.abc import Callable, Iterable
from inspect import BoundArguments
from typing import Any, Self, final

from torch import Tensor
from typing_extensions import override

from lightning_regkit.mixing._ledger import Ledger, Memory
from lightning_regkit.mixing._parents import Parents, check_parents, dominant_labels
from lightning_regkit.mixing._registry import LOSSES, MixableLoss
from lightning_regkit.mixing._shapes import ONE_HOT, carry, is_carried, is_in_place

__all__ = ["MixedTarget", "mix_if_mixed"]


@final
class MixedTarget(Tensor):
    """Labels of mixed examples: every example has M labels with weights, and looks like its dominant label.

    A registered loss (``cross_entropy``, ``nll_loss``, ``binary_cross_entropy``, ``binary_cross_entropy_with_logits``,
    ``mse_loss``, their modules, and what :func:`register_loss` adds) computes the mixture of its values for the M hard
    labels. Changes of shape, dtype or device and ``one_hot`` apply to all labels and give a mixture again. To the rest
    (metrics, comparison, indexing, ``clone()``) it is the plain tensor of dominant labels, and what comes back is
    plain. Changing the labels of the batch in place is refused, since the mixture would not follow.

    Args:
        labels: Class indices (M, B, ...), any integer dtype, M >= 1; not modified.
        weights: Weight of every label of an example, float32 (M, B), summing to 1 over M. The sum is checked on the CPU
            only: elsewhere the check would wait for the device.
        remixed: Target that this one is a further mixture of: the two share ``is_consumed``.

    Returns:
        A tensor (B, ...) whose data are the dominant labels: the label of the largest total weight, the first on a tie.

    Raises:
        TypeError: ``labels`` is not of an integer dtype, or ``weights`` not float32.
        ValueError: The shapes do not match, or the weights do not sum to 1. When used: a change in place.

    Example:
        >>> import torch
        >>> from torch.nn import functional as F
        >>> target = MixedTarget(torch.tensor([[0, 1], [1, 0]]), torch.tensor([[0.75, 0.25], [0.25, 0.75]]))
        >>> target == 0
        tensor([True, True])
        >>> logits = torch.zeros(2, 1, requires_grad=True)
        >>> loss = F.binary_cross_entropy_with_logits(logits, target.view(-1, 1).type_as(logits))
        >>> round(loss.item(), 4), target.is_consumed
        (0.6931, True)
    """

    _parents: Parents
    _dominant: Tensor
    _ledger: Ledger
    _memory: Memory

    def __new__(cls, labels: Tensor, weights: Tensor, remixed: "MixedTarget | None" = None) -> Self:
        check_parents("MixedTarget", labels, weights)
        ledger = Ledger() if remixed is None else remixed._ledger  # noqa: SLF001  # same class
        return cls._assembled(dominant_labels(labels, weights), Parents(labels, weights), ledger, Memory())

    @classmethod
    def _assembled(cls, dominant: Tensor, parents: Parents, ledger: Ledger, memory: Memory) -> Self:
        self = dominant.as_subclass(cls)
        self._dominant, self._parents, self._ledger, self._memory = dominant, parents, ledger, memory
        return self

    @property
    def labels(self) -> Tensor:
        """Labels of all parents (M, B, ...)."""
        return self._parents.labels

    @property
    def weights(self) -> Tensor:
        """Weight of every parent, float32: (M, B), or (M, B, ...) after a change of shape that moved examples."""
        return self._parents.weights

    @property
    def dominant(self) -> Tensor:
        """The label of the largest total weight (B, ...), a plain tensor."""
        return self._dominant

    @property
    def is_consumed(self) -> bool:
        """Whether a loss that mixes has seen this target together with an input that gets a gradient."""
        return self._ledger.is_consumed

    @override
    def __repr__(self) -> str:  # type: ignore[override]  # torch's private keyword is not for users
        return f"MixedTarget({self._dominant!r}, num_parents={len(self.labels)}, is_consumed={self.is_consumed})"

    @classmethod
    @override
    def __torch_function__(
        cls,
        func: Callable[..., object],
        types: Iterable[type],
        args: tuple[object, ...] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        options = kwargs or {}
        if func in LOSSES and (loss := mix_if_mixed(LOSSES[func], args, options)) is not None:
            return loss
        plain, named = tuple(map(_plain, args)), {name: _plain(value) for name, value in options.items()}
        if args and isinstance(args[0], MixedTarget):
            return args[0]._apply(func, plain, named)  # noqa: SLF001  # same class
        return func(*plain, **named)

    def _apply(self, func: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> object:
        name = func.__name__
        if is_in_place(name):
            self._memory.change(name)
        if self._memory.is_changed or not is_carried(name, args[1:]):
            return func(*args, **options)
        dominant, parents = carry(name, lambda y: func(y, *args[1:], **options), self._dominant, self._parents)
        is_copy = name == ONE_HOT or dominant.dtype != self._dominant.dtype
        return self._assembled(dominant, parents, self._ledger, Memory(is_copy=True) if is_copy else self._memory)

    def _consumed_by(self, loss: MixableLoss, call: BoundArguments) -> Tensor | None:
        return None if self._memory.is_changed else self._ledger.consume(loss, call, self._parents)


def mix_if_mixed(loss: MixableLoss, args: tuple[Any, ...], options: dict[str, Any]) -> Tensor | None:
    """Compute a loss if its target is mixed.

    Args:
        loss: What to compute.
        args: Its arguments by position.
        options: Its arguments by name.

    Returns:
        The mixed loss, or None where the target is not mixed.

    Example:
        >>> mix_if_mixed(next(iter(LOSSES.values())), (None, None), {}) is None
        True
    """
    call = loss.bind(args, options)
    target = call.arguments[loss.target]
    return target._consumed_by(loss, call) if isinstance(target, MixedTarget) else None  # noqa: SLF001  # same class


def _plain(value: object) -> object:
    if isinstance(value, MixedTarget):
        return value.dominant
    if isinstance(value, list | tuple):
        return (list if isinstance(value, list) else tuple)(map(_plain, value))
    return value
