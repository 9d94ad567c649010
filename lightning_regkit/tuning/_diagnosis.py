"""What the curves of a run show, in words."""

from dataclasses import dataclass
from typing import final

from lightning_regkit.tuning._verdict import HEALTHY, Verdict

__all__ = ["Diagnosis"]


@final
@dataclass(frozen=True)
class Diagnosis:
    """What the curves of a run show.

    Args:
        findings: Each with its cause; none where the curves are healthy.

    Example:
        >>> Diagnosis(()).sentence
        'Healthy: the loss falls, levels off, and the gap is small.'
    """

    findings: tuple[Verdict, ...]

    @property
    def causes(self) -> tuple[str, ...]:
        """The words of the findings; ``("healthy",)`` where there are none."""
        return tuple(finding.cause for finding in self.findings) or (HEALTHY,)

    @property
    def sentence(self) -> str:
        """The findings in words."""
        text = " ".join(finding.sentence for finding in self.findings)
        return text or "Healthy: the loss falls, levels off, and the gap is small."
