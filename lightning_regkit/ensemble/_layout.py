"""Where things are in a module that does not use the usual names."""

from dataclasses import dataclass
from typing import final

__all__ = ["Layout"]


@final
@dataclass(frozen=True)
class Layout:
    """Names in the user's batches and module, where they cannot be found by themselves.

    Args:
        inputs_key: Name, position or dotted path of the inputs in an evaluation batch.
        targets_key: The same for the targets, from which the curve is made.
        predictor: Dotted name of the submodule that maps inputs to logits.
        logits_key: Where the logits are, if the predictor returns a mapping.

    Returns:
        An immutable, hashable value.

    Example:
        >>> Layout(inputs_key="pixels", targets_key="species").logits_key
        'logits'
    """

    inputs_key: str | int | None = None
    targets_key: str | int | None = None
    predictor: str | None = None
    logits_key: str = "logits"
