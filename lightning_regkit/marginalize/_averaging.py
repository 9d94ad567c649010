"""What is averaged: the scores themselves, or the distributions they stand for."""

from dataclasses import dataclass
from typing import Final, final

from lightning_regkit._checks import message, one_of

__all__ = ["Averaging"]

ACTIVATIONS: Final = ("none", "sigmoid", "softmax")
SPACES: Final = ("log_probs", "logits", "probs")


@final
@dataclass(frozen=True)
class Averaging:
    """Which mean is taken of the scores of several views, members or masks.

    Args:
        activation: What the user's own code applies to scores to get probabilities: ``"softmax"`` over dimension 1,
            ``"sigmoid"`` element by element, or ``"none"``: the scores are what is wanted (a regression, say).
        space: ``"probs"``, the arithmetic mean of the predictive distributions; ``"logits"``, the mean of raw scores;
            ``"log_probs"``, the geometric mean of the distributions, normalized.

    Raises:
        ValueError: An argument is not one of the three, or ``"log_probs"`` is asked of ``"none"``.

    Example:
        >>> Averaging(activation="sigmoid")
        Averaging(activation='sigmoid', space='probs')
    """

    activation: str = "softmax"
    space: str = "probs"

    def __post_init__(self) -> None:
        one_of("marginalize", "activation", self.activation, ACTIVATIONS)
        one_of("marginalize", "space", self.space, SPACES)
        if self.activation == "none" and self.space == "log_probs":
            condition = "be 'probs' or 'logits' with activation 'none'"
            remedy = "Scores without an activation have one mean, the arithmetic one."
            raise ValueError(message("marginalize", "space", condition, self.space, remedy))

    @property
    def is_of_probs(self) -> bool:
        """Whether scores stand for distributions, and those are averaged arithmetically."""
        return self.space == "probs" and self.activation != "none"
