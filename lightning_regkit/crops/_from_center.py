"""In which order views are taken for a curve, and where on it something is said."""

from collections import Counter
from collections.abc import Iterable

from lightning_regkit._checks import positive_int
from lightning_regkit.crops._view import View

__all__ = ["curve_points", "from_center"]


def from_center(views: Iterable[View]) -> tuple[View, ...]:
    """Put views in an order whose beginnings are sensible sets of their own: from the center outwards.

    Args:
        views: All views of a layout, those that coincide included.

    Returns:
        The same views, scale by scale in the order given. Within a scale, views that differ come before those that are
        listed again; of these the nearest to the center come first, a view before its reflection, and else as given.

    Example:
        >>> from lightning_regkit.crops import ten
        >>> views = from_center(ten(4, 4, resize_px=[], crop_px=2))
        >>> [(view.box.top, view.box.left, view.is_mirrored) for view in views[:4]]
        [(1, 1, False), (1, 1, True), (0, 0, False), (0, 2, False)]
    """
    scales: dict[tuple[int, int], int] = {}
    times: Counter[View] = Counter()
    keyed: list[tuple[tuple[int, int, int, bool], View]] = []
    for view in views:
        scale = scales.setdefault(view.size_px, len(scales))
        keyed.append(((scale, times[view], _distance(view), view.is_mirrored), view))
        times[view] += 1
    return tuple(view for _, view in sorted(keyed, key=lambda pair: pair[0]))


def curve_points(num_views: int) -> tuple[int, ...]:
    """Numbers of views at which a curve says what they achieve together.

    Args:
        num_views: V, >= 1.

    Returns:
        1, 2, 5, 10, 20, 50, ... below V, and V.

    Raises:
        TypeError: ``num_views`` is no integer.
        ValueError: It is below 1.

    Example:
        >>> curve_points(50), curve_points(8)
        ((1, 2, 5, 10, 20, 50), (1, 2, 5, 8))
    """
    positive_int("crops.curve_points", "num_views", num_views)
    points = (digit * 10**power for power in range(len(str(num_views))) for digit in (1, 2, 5))
    return (*(point for point in points if point < num_views), num_views)


def _distance(view: View) -> int:
    """Square of twice the distance between the centers of box and image, in pixels."""
    (height, width), box = view.size_px, view.box
    down, right = 2 * box.top + box.height - height, 2 * box.left + box.width - width
    return down**2 + right**2
