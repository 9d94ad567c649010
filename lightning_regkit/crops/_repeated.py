"""What was made once of every view that differs, once for every view that is listed."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from lightning_regkit.crops._view import View

__all__ = ["repeated"]

Made = TypeVar("Made")


def repeated(views: Sequence[View], made: Iterable[Made]) -> Iterator[Made]:
    """List for every view what was made of it, where views that coincide were taken once.

    Args:
        views: All views, those that coincide included.
        made: One item for each view that differs, in order of first appearance as :func:`distinct` has them; taken only
            when needed.

    Returns:
        An iterator with an item for each of ``views``. An item is held until its view is listed for the last time.

    Raises:
        ValueError: ``made`` ends before there is one item for each view that differs.

    Example:
        >>> from lightning_regkit.crops import shifts
        >>> list(repeated(shifts(8, 8), "abcdef"))
        ['a', 'b', 'a', 'b', 'c', 'd', 'e', 'f']
    """
    left, held = Counter(views), dict[View, Made]()
    items = zip(dict.fromkeys(views), made, strict=True)
    for view in views:
        if view not in held:
            _, held[view] = next(items)
        left[view] -= 1
        yield held[view] if left[view] else held.pop(view)
