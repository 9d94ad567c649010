"""Reading and replacing entries of nested containers."""

from collections import UserDict
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest

from lightning_regkit._lightning._containers import children, description, get, put


class Point(NamedTuple):
    x: int
    y: int


class Subclassed(Point):
    pass


@dataclass(frozen=True)
class Frozen:
    a: int
    b: list[int]


@pytest.mark.parametrize(
    ("batch", "path", "before"),
    [
        (7, (), 7),
        ([1, 2], (1,), 2),
        ((1, 2), (0,), 1),
        (Point(1, 2), ("y",), 2),
        (Subclassed(1, 2), ("x",), 1),
        (Frozen(1, [2, 3]), ("b", 1), 3),
        ({"a": {"b": (1, 2)}}, ("a", "b", 0), 1),
        (UserDict(a=[1]), ("a", 0), 1),
    ],
)
def test_get_and_put(batch: Any, path: tuple[str | int, ...], before: Any) -> None:
    assert get(batch, path) == before
    new = put(batch, path, "new")
    assert get(new, path) == "new"
    assert get(batch, path) == before, "the container given stays as it is"
    assert type(new) is type(batch) or not path


def test_put_shares_the_other_entries() -> None:
    other = object()
    assert put({"a": 1, "b": other}, ("a",), 2) == {"a": 2, "b": other}
    assert put([1, other], (0,), 2)[1] is other


@pytest.mark.parametrize(
    ("batch", "entries"),
    [(3, {}), (None, {}), (Frozen, {}), ("text", {}), ([5], {0: 5}), (Point(1, 2), {"x": 1, "y": 2}), ({}, {})],
)
def test_children(batch: Any, entries: dict[Any, Any]) -> None:
    assert dict(children(batch)) == entries


@pytest.mark.parametrize(
    ("batch", "text"),
    [
        (None, "NoneType"),
        ([1, "a"], "list of ['int', 'str']"),
        ((), "tuple of []"),
        (Point(1, 2), "Point with keys ['x', 'y']"),
        ({"a": 1}, "dict with keys ['a']"),
        ({}, "dict"),
    ],
)
def test_description(batch: Any, text: str) -> None:
    assert description(batch) == text
