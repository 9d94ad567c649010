"""The curve: what more views of an image achieve, and how long they take."""

from dataclasses import dataclass
from typing import final

__all__ = ["ViewsRow", "curve_table"]


@final
@dataclass(frozen=True)
class ViewsRow:
    """What the mean over the first views achieves, from the center outwards.

    Args:
        num_views: How many, those that coincide counted as often as they are listed.
        accuracy: Share of right answers of the mean.
        nll: Mean negative log-likelihood of the mean distribution, nats.
        milliseconds: Time for each image until they were done, resizing included.

    Example:
        >>> ViewsRow(10, 0.9, 0.3, 12.5).num_views
        10
    """

    num_views: int
    accuracy: float
    nll: float
    milliseconds: float


def curve_table(rows: tuple[ViewsRow, ...]) -> str:
    """Lay a curve out for a terminal, a line for each number of views.

    Args:
        rows: What ``Tally.rows`` returned.

    Returns:
        Aligned columns under a heading.

    Example:
        >>> print(curve_table((ViewsRow(10, 0.9, 0.3, 12.5),)))
        views  accuracy     nll  ms an image
           10    0.9000  0.3000        12.50
    """
    lines = ["views  accuracy     nll  ms an image"]
    lines += [f"{row.num_views:5d}{row.accuracy:10.4f}{row.nll:8.4f}{row.milliseconds:13.2f}" for row in rows]
    return "\n".join(lines)
