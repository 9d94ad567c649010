"""How much of each residual block is dropped."""

from lightning_regkit._checks import fraction, positive_int

__all__ = ["linear_rates"]


def linear_rates(rate: float, num_blocks: int) -> tuple[float, ...]:
    """Return the drop rates of the residual blocks: rate * l / L for l = 1 ... L.

    Args:
        rate: Of the last block, in [0, 1].
        num_blocks: L, >= 1, from the input to the output.

    Returns:
        One for each block; one minus these are the survival probabilities of the paper.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range.

    Example:
        >>> linear_rates(0.5, 4)
        (0.125, 0.25, 0.375, 0.5)

    Reference:
        Huang et al., "Deep Networks with Stochastic Depth", ECCV 2016, equation 4.
    """
    fraction("linear_rates", "rate", rate)
    positive_int("linear_rates", "num_blocks", num_blocks)
    return tuple(rate * block / num_blocks for block in range(1, num_blocks + 1))
