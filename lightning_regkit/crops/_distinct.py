"""Views that coincide are computed once."""

from collections.abc import Iterable

from lightning_regkit._checks import message
from lightning_regkit.crops._view import View

__all__ = ["distinct"]


def distinct(views: Iterable[View]) -> dict[View, float]:
    """Weights of the views that differ, equal per listed view as the protocols have it.

    Args:
        views: All views V of a layout, those that coincide included.

    Returns:
        Each view that differs, in order of first appearance, with weight k / V where it is listed k times; the weights
        sum to 1. The weighted mean over them is the mean over all V.

    Raises:
        ValueError: There is no view.

    Example:
        >>> from lightning_regkit.crops import ten
        >>> list(distinct(ten(224, 224, resize_px=[])).values())
        [0.5, 0.5]
    """
    counts: dict[View, int] = {}
    for view in views:
        counts[view] = counts.get(view, 0) + 1
    total = sum(counts.values())
    if total == 0:
        raise ValueError(message("crops.distinct", "views", "hold at least one", []))
    return {view: count / total for view, count in counts.items()}
