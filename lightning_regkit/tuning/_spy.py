"""What a training step asks of torch: its first cross-entropy, and noise that is drawn by functions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from inspect import signature
from typing import Final, final

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from typing_extensions import override

from lightning_regkit._checks import message
from lightning_regkit.mixing import to_probabilities
from lightning_regkit.tuning._expected_loss import LossName, LossSpec, Reduction

__all__ = ["LossCall", "Spy"]

LOSSES: Final[dict[Callable[..., Tensor], LossName]] = {
    F.cross_entropy: "cross_entropy",
    F.nll_loss: "cross_entropy",
    F.binary_cross_entropy_with_logits: "bce",
}
NOISES: Final = frozenset(
    {F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout, F.feature_alpha_dropout, F.rrelu}
)
#: Share by which a returned loss may differ from a reduction to be taken for it.
RATIO: Final = 1e-3


@final
@dataclass(frozen=True)
class LossCall:
    """One call of a cross-entropy.

    Args:
        name: Which one.
        logits: Its input (N, K), detached; more dimensions are rows too.
        labels: Class indices (N,), or None where targets are shares.
        shares: Probabilities (N, K); None where a label is no class.
        label_smoothing: Its argument.
        mean: The loss as a mean; None where torch refused it.
    """

    name: LossName
    logits: Tensor
    labels: Tensor | None
    shares: Tensor | None
    label_smoothing: float
    mean: float | None = None

    def accuracy(self) -> float | None:
        """Share of rows whose largest output is that of the largest target; by threshold where there is one output."""
        if self.shares is None:
            return None
        if self.logits.shape[1] == 1:
            return ((self.logits > 0) == (self.shares > 0.5)).float().mean().item()  # noqa: PLR2004
        return (self.logits.argmax(1) == self.shares.argmax(1)).float().mean().item()

    def are_probabilities(self) -> bool:
        """Whether the logits are none: all in [0, 1], not equal, and for cross-entropy of sum 1."""
        low, high = self.logits.min().item(), self.logits.max().item()
        inside = 0 <= low < high - 1e-6 and high <= 1
        sums = self.logits.sum(1)
        return inside and (self.name == "bce" or torch.allclose(sums, torch.ones_like(sums), atol=1e-3))

    def spec(self, loss: float) -> LossSpec:
        """Describe the loss, whose reduction shows in the ratio of what was returned to the mean."""
        rows, classes = self.logits.shape
        mean = None if self.shares is None else tuple(self.shares.mean(0).tolist())
        shares = mean if mean is not None and 0 <= min(mean) <= max(mean) <= 1 else None
        known = LossSpec(classes, self.name, label_smoothing=self.label_smoothing, shares=shares)
        return replace(known, reduction=_reduction(self, loss, rows, classes))


def _reduction(call: LossCall, loss: float, rows: int, classes: int) -> Reduction:
    if not call.mean:
        return "mean"
    total = rows * classes if call.name == "bce" else rows
    factors: dict[Reduction, int] = {"sum": total}
    if call.name == "bce" and classes > 1:
        factors["class_sum"] = classes
    for reduction, factor in factors.items():
        if factor > 1 and abs(loss / call.mean / factor - 1) < RATIO:
            return reduction
    return "mean"


@final
class Spy(TorchFunctionMode):
    """Sees what a step calls.

    Args:
        is_silent: Whether functions that draw noise draw none.
    """

    def __init__(self, *, is_silent: bool) -> None:
        super().__init__()
        self.call: LossCall | None = None
        self._is_silent = is_silent

    @override
    def __torch_function__(
        self, func: Callable[..., object], types: Sequence[type], args: tuple[object, ...] = (), kwargs: object = None
    ) -> object:
        given = kwargs if isinstance(kwargs, dict) else {}
        if self._is_silent and func in NOISES:
            bound = signature(func).bind(*args, **given)
            return func(**{**bound.arguments, "training": False})
        if self.call is None and func in LOSSES:
            bound = signature(func).bind(*args, **given)
            self.call = _called(LOSSES[func], bound.arguments)
            if self.call.labels is not None and self.call.shares is None:  # on a GPU torch would end the process
                span = (int(self.call.labels.min()), int(self.call.labels.max()))
                raise IndexError(message("tuning", "labels", f"be in [0, {self.call.logits.shape[1]})", span))
            result = func(*args, **given)
            mean = func(**{**bound.arguments, "reduction": "mean"})
            assert isinstance(mean, Tensor)  # noqa: S101  # for the type checker
            self.call = replace(self.call, mean=mean.item())
            return result
        return func(*args, **given)


def _called(name: LossName, given: dict[str, object]) -> LossCall:
    first, targets = given["input"], given["target"]
    assert isinstance(first, Tensor)  # noqa: S101  # for the type checker
    assert isinstance(targets, Tensor)  # noqa: S101
    smoothing = given.get("label_smoothing", 0.0)
    logits = _rows(first.detach().float())
    if targets.is_floating_point():
        return LossCall(name, logits, None, _rows(targets.detach().float()), float(str(smoothing)))
    is_plain = type(targets) is Tensor
    labels = targets.detach().reshape(-1) if is_plain else None
    if labels is not None:
        is_kept = labels != given.get("ignore_index", -100)
        logits, labels = logits[is_kept], labels[is_kept]
        is_known = labels.numel() > 0 and int(labels.min()) >= 0 and int(labels.max()) < logits.shape[1]
        shares = to_probabilities(labels, logits.shape[1]) if is_known or not labels.numel() else None
    else:
        shares = _rows(to_probabilities(targets.detach(), logits.shape[1]))
    return LossCall(name, logits, labels, shares, float(str(smoothing)))


def _rows(values: Tensor) -> Tensor:
    """Turn (B,), (B, K) or (B, K, ...) into rows (N, K)."""
    if values.dim() == 1:
        return values[:, None]
    return values.movedim(1, -1).reshape(-1, values.shape[1])
