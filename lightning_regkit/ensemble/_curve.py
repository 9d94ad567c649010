"""The curve: what the last m members achieve together, for every m."""

from dataclasses import dataclass
from typing import final

__all__ = ["CurveRow", "curve_table"]


@final
@dataclass(frozen=True)
class CurveRow:
    """What the mean of the last m members achieves, and the one that makes them m.

    Args:
        num_members: m.
        accuracy: Share of right answers of the mean.
        nll: Mean negative log-likelihood of the mean distribution, nats.
        ece: Expected calibration error of the mean, 15 bins.
        disagreement: Share of pairs among the m whose answers differ; 0 for m = 1.
        member_accuracy: Share of right answers of the m-th last member alone.
        member_nll: Its negative log-likelihood.

    Example:
        >>> CurveRow(1, 0.9, 0.3, 0.05, 0.0, 0.9, 0.3).num_members
        1
    """

    num_members: int
    accuracy: float
    nll: float
    ece: float
    disagreement: float
    member_accuracy: float
    member_nll: float


def curve_table(rows: tuple[CurveRow, ...]) -> str:
    """Lay a curve out for a terminal, a line for each m.

    Args:
        rows: What ``Tally.rows`` returned.

    Returns:
        Aligned columns under a heading; "member" is the m-th last one alone.

    Example:
        >>> print(curve_table((CurveRow(1, 0.9, 0.3, 0.05, 0.0, 0.9, 0.3),)))
         m  accuracy     nll     ece  disagreement  member accuracy  member nll
         1    0.9000  0.3000  0.0500        0.0000           0.9000      0.3000
    """
    lines = [" m  accuracy     nll     ece  disagreement  member accuracy  member nll"]
    lines += [
        f"{r.num_members:2d}{r.accuracy:10.4f}{r.nll:8.4f}{r.ece:8.4f}{r.disagreement:14.4f}"
        f"{r.member_accuracy:17.4f}{r.member_nll:12.4f}"
        for r in rows
    ]
    return "\n".join(lines)
