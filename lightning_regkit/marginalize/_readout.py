"""Where a module's predictions are, and what they are."""

from dataclasses import dataclass
from typing import final

from lightning_regkit.marginalize._averaging import Averaging

__all__ = ["Readout"]


@final
@dataclass(frozen=True)
class Readout:
    """How predictions are read from the user's module: names where they are unusual, and what scores stand for.

    Args:
        inputs_key: Name, position or dotted path of the inputs in an evaluation batch.
        targets_key: The same for the targets, from which a curve is made.
        predictor: Dotted name of the submodule that maps inputs to scores.
        logits_key: Where the scores are, if the predictor returns a mapping.
        activation: What the module's own code applies to scores to get probabilities: ``"softmax"`` over dimension 1,
            ``"sigmoid"`` element by element, or ``"none"``: the scores are what is wanted (a regression, say).
        space: ``"probs"``, the mean of the predictive distributions; ``"logits"``, the mean of raw scores;
            ``"log_probs"``, the geometric mean of the distributions, normalized.

    Returns:
        An immutable, hashable value.

    Raises:
        ValueError: ``activation`` and ``space`` are no :class:`Averaging`.

    Example:
        >>> Readout(inputs_key="pixels", activation="sigmoid").averaging
        Averaging(activation='sigmoid', space='probs')
    """

    inputs_key: str | int | None = None
    targets_key: str | int | None = None
    predictor: str | None = None
    logits_key: str = "logits"
    activation: str = "softmax"
    space: str = "probs"

    def __post_init__(self) -> None:
        _ = self.averaging

    @property
    def averaging(self) -> Averaging:
        """Which mean is taken."""
        return Averaging(self.activation, self.space)
