"""Targets that know they are mixed."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from inspect import signature
from typing import Any, Final, Self, final

import torch
from torch import Tensor
from torch.nn import functional as F
from typing_extensions import override

from lightning_regkit._checks import message
from lightning_regkit.mixing._losses import CrossEntropyOptions, mixed_cross_entropy
from lightning_regkit.mixing._parents import check_parents, dominant_labels

__all__ = ["MixedTarget"]

CROSS_ENTROPY: Final = signature(F.cross_entropy)


@dataclass
class _Ledger:
    is_consumed: bool = False


@final
class MixedTarget(Tensor):
    """Integer labels of mixed examples: every example has M labels with weights, and looks like its dominant label.

    ``torch.nn.functional.cross_entropy`` (so ``nn.CrossEntropyLoss`` too) computes the mixture of the M hard-label
    losses, see :func:`mixed_cross_entropy`. To everything else (metrics, comparison, indexing) it is the plain tensor
    of dominant labels, and what comes back is a plain tensor: copies, slices and moves to another device or dtype are
    no longer mixed. Changing it in place is refused, since the mixture would not follow.

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
        >>> target = MixedTarget(torch.tensor([[0, 1], [1, 0]]), torch.tensor([[0.75, 0.25], [0.25, 0.75]]))
        >>> target == 0
        tensor([True, True])
        >>> logits = torch.zeros(2, 2, requires_grad=True)
        >>> round(F.cross_entropy(logits, target).item(), 4), target.is_consumed
        (0.6931, True)
    """

    _labels: Tensor
    _weights: Tensor
    _dominant: Tensor
    _ledger: _Ledger

    def __new__(cls, labels: Tensor, weights: Tensor, remixed: "MixedTarget | None" = None) -> Self:
        check_parents("MixedTarget", labels, weights)
        dominant = dominant_labels(labels, weights)
        self = dominant.as_subclass(cls)
        self._labels, self._weights, self._dominant = labels, weights, dominant
        self._ledger = _Ledger() if remixed is None else remixed._ledger  # noqa: SLF001  # same class
        return self

    @property
    def labels(self) -> Tensor:
        """Class indices of all parents (M, B, ...)."""
        return self._labels

    @property
    def weights(self) -> Tensor:
        """Weight of every parent, float32 (M, B)."""
        return self._weights

    @property
    def dominant(self) -> Tensor:
        """The label of the largest total weight (B, ...), a plain tensor."""
        return self._dominant

    @property
    def is_consumed(self) -> bool:
        """Whether a loss that mixes has seen this target together with logits that get a gradient."""
        return self._ledger.is_consumed

    def cross_entropy(self, logits: Tensor, options: CrossEntropyOptions | None = None) -> Tensor:
        """Return :func:`mixed_cross_entropy` of the mixture, and remember that it was consumed.

        Args:
            logits: Scores (B, K, ...).
            options: Class weights, ignored index, reduction, smoothing; None for torch's defaults.
        """
        loss = mixed_cross_entropy(logits, self._labels, self._weights, options)
        self._ledger.is_consumed |= logits.requires_grad and torch.is_grad_enabled()
        return loss

    @override
    def __repr__(self) -> str:  # type: ignore[override]  # torch's private keyword is not for users
        return f"MixedTarget({self._dominant!r}, num_parents={len(self._labels)}, is_consumed={self.is_consumed})"

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
        if func is F.cross_entropy:
            call = CROSS_ENTROPY.bind(*args, **options).arguments
            target = call.pop("target")
            if isinstance(target, MixedTarget):
                return target.cross_entropy(call.pop("input"), _options(call))
        if args and isinstance(args[0], MixedTarget) and _is_in_place(func.__name__):
            remedy = "Change the labels in the data set, or take targets.clone(): dominant labels, no longer mixed."
            raise ValueError(message("MixedTarget", "labels", "not be changed in place", func.__name__, remedy))
        return func(*map(_plain, args), **{name: _plain(value) for name, value in options.items()})


def _options(call: dict[str, Any]) -> CrossEntropyOptions:
    legacy = {name: call.pop(name, None) for name in ("size_average", "reduce")}
    if legacy != dict.fromkeys(legacy):
        raise ValueError(message("cross_entropy", "size_average and reduce", "be None", legacy, "Pass reduction=."))
    return CrossEntropyOptions(**call)


def _is_in_place(name: str) -> bool:
    return name == "__setitem__" or (name.endswith("_") and not name.endswith("__"))


def _plain(value: object) -> object:
    if isinstance(value, MixedTarget):
        return value.dominant
    if isinstance(value, list | tuple):
        return (list if isinstance(value, list) else tuple)(map(_plain, value))
    return value
