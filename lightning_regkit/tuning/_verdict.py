"""What a step concludes."""

from dataclasses import dataclass
from typing import Final, final

__all__ = ["HEALTHY", "Verdict"]

HEALTHY: Final = "healthy"


@final
@dataclass(frozen=True)
class Verdict:
    """One conclusion: a word to test for, and a sentence to read.

    Args:
        cause: ``"healthy"``, or the likely cause of what is wrong.
        sentence: What was seen, what was to be expected, and what to do.

    Example:
        >>> Verdict("frozen", "no weight has moved.").is_healthy
        False
    """

    cause: str
    sentence: str

    @property
    def is_healthy(self) -> bool:
        """Whether nothing is wrong."""
        return self.cause == HEALTHY
