"""The tree of exceptions, as its docstring draws it."""

import re

import pytest

from lightning_regkit import errors

DRAWN = re.findall(r"[├└]── (\w+) +\((\w+)\)", errors.__doc__ or "")
PUBLIC = [getattr(errors, name) for name in errors.__all__]


def test_the_drawing_shows_every_exception() -> None:
    assert sorted([errors.RegkitError.__name__, *(name for name, _ in DRAWN)]) == errors.__all__


@pytest.mark.parametrize(("name", "builtin"), DRAWN)
def test_bases_are_as_drawn(name: str, builtin: str) -> None:
    assert [base.__name__ for base in getattr(errors, name).__bases__] == ["RegkitError", builtin]


def test_the_root_is_a_plain_exception() -> None:
    assert errors.RegkitError.__bases__ == (Exception,)


@pytest.mark.parametrize("cls", PUBLIC)
def test_each_is_caught_by_the_root_and_keeps_its_text(cls: type[Exception]) -> None:
    with pytest.raises(errors.RegkitError, match=r"^Mixup: no images\.$"):
        raise cls("Mixup: no images.")
