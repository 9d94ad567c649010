"""The Kronecker factors of a layer's Fisher block, from what the layer saw in training."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from lightning_regkit._checks import message

__all__ = ["Factors", "Moments", "blend", "factors", "moments", "pool"]


@final
@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over examples and positions that the factors are ratios of, so that they add up over batches and ranks.

    Args:
        inputs: Sum of a aᵀ, (D, D).
        gradients: Sum of (B g) (B g)ᵀ with g the gradient of the batch's loss by the output at one position, (O, O).
        counts: Number of examples, and of examples times positions, (2,).

    Example:
        >>> ones = Moments(torch.ones(2, 2), torch.ones(1, 1), torch.tensor([3.0, 3.0]))
        >>> (ones + ones).counts
        tensor([6., 6.])
    """

    inputs: Tensor
    gradients: Tensor
    counts: Tensor

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(self.inputs + other.inputs, self.gradients + other.gradients, self.counts + other.counts)


@final
@dataclass(frozen=True, eq=False)
class Factors:
    """The factors of one layer's Fisher block F = G ⊗ A.

    Args:
        A: Second moment of the inputs, summed over positions, (D, D), symmetric and positive semi-definite.
        G: Second moment of the output gradients, averaged over positions, (O, O), likewise.

    Example:
        >>> Factors(A=torch.eye(3), G=torch.eye(2)).A.shape
        torch.Size([3, 3])
    """

    A: Tensor
    G: Tensor


def moments(inputs: Tensor, gradients: Tensor) -> Moments:
    """Sum the outer products of one batch.

    The loss is a mean over the batch's B examples, so that B times its gradient is the gradient of an example's own.

    Args:
        inputs: Rows a (B, T, D), see ``activations``; not modified.
        gradients: Rows g (B, T, O) of the batch's loss, see ``output_gradients``; not modified.

    Returns:
        Sums, of which those of two halves of a batch, each with its own loss, add up to those of the whole.

    Raises:
        ValueError: Batch sizes or numbers of positions differ.

    Example:
        >>> moments(torch.tensor([[[2.0]], [[1.0]]]), torch.tensor([[[0.5]], [[1.0]]]))
        Moments(inputs=tensor([[5.]]), gradients=tensor([[5.]]), counts=tensor([2., 2.]))
    """
    if inputs.shape[:2] != gradients.shape[:2]:
        condition = f"be of as many examples and positions as inputs, {tuple(inputs.shape[:2])}"
        raise ValueError(message("optim.kfac.moments", "gradients", condition, tuple(gradients.shape[:2])))
    examples, positions = inputs.shape[:2]
    a, g = inputs.flatten(0, 1), gradients.flatten(0, 1) * examples
    return Moments(a.T @ a, g.T @ g, g.new_tensor([examples, examples * positions]))


def factors(sums: Moments, *, loss_scale: float = 1.0) -> Factors:
    """Turn sums into A = E[sum_t a_t a_tᵀ] and G = E[mean_t g_t g_tᵀ], the expectation over examples.

    Args:
        sums: Of at least one example; not modified.
        loss_scale: What the mean loss had been multiplied by before its gradient was taken, > 0.

    Returns:
        Symmetric positive semi-definite factors; for one example and one position their product is its Fisher block.

    Example:
        >>> both = factors(moments(torch.tensor([[[2.0]]]), torch.tensor([[[6.0]]])), loss_scale=2.0)
        >>> both.A.item(), both.G.item()
        (4.0, 9.0)

    Reference:
        Martens and Grosse 2015, arXiv 1503.05671, equation 1 and section 3; Grosse and Martens 2016, arXiv 1602.01407,
        theorem 1: sum over positions in A, mean in G.

    Differs from the paper:
        Gradients are those of the targets in the data (the empirical Fisher), not of targets drawn from the model.
    """
    return Factors(sums.inputs / sums.counts[0], sums.gradients / sums.counts[1] / loss_scale**2)


def blend(old: Factors | None, new: Factors, *, updates: int, decay: float) -> Factors:
    """Move the running average: e * old + (1 - e) * new, with e = min(1 - 1 / updates, decay).

    Args:
        old: The average of ``updates`` - 1 factors; None where there is none yet.
        new: The newest factors.
        updates: How many there are with the newest, >= 1.
        decay: Weight of the past, in [0, 1).

    Returns:
        The mean of all while 1 - 1 / updates < decay, then the exponential average; of equal factors always the same.

    Example:
        >>> one, two = Factors(A=torch.eye(1), G=torch.eye(1)), Factors(A=3 * torch.eye(1), G=torch.eye(1))
        >>> blend(one, two, updates=2, decay=0.95).A
        tensor([[2.]])

    Reference:
        Martens and Grosse 2015, section 5.
    """
    if old is None:
        return new
    e = min(1 - 1 / updates, decay)
    return Factors(e * old.A + (1 - e) * new.A, e * old.G + (1 - e) * new.G)


def pool(sums: Mapping[str, Moments], reduce: Callable[[Tensor], Tensor]) -> dict[str, Moments]:
    """Return the moments of all ranks: one call of ``reduce``, the mean over ranks of one flat tensor.

    Sums and counts shrink alike, so the factors are those of all ranks' examples, however many each had.
    """
    parts = [part for each in sums.values() for part in (each.inputs, each.gradients, each.counts)]
    flat = reduce(torch.cat([part.flatten() for part in parts])).split([part.numel() for part in parts])
    whole = iter([piece.reshape(part.shape) for piece, part in zip(flat, parts, strict=True)])
    return {name: Moments(*three) for name, three in zip(sums, zip(whole, whole, whole, strict=True), strict=True)}
