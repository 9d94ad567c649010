"""Each rule on a planted gap."""

import pytest
from typing_extensions import override

from tests.meta import docstrings

COMPLETE = """Halve.

Args:
    base_lr: What is halved.
    *others: Halved too.
    **options: Ignored.

Returns:
    Half.

Example:
    >>> 1
    1
"""


def documented(doc: str) -> docstrings.Exported:
    def halve(base_lr: float, *others: float, **options: float) -> float:
        return base_lr

    halve.__doc__ = doc
    return halve


def test_a_complete_docstring_has_no_gaps() -> None:
    assert docstrings.gaps(documented(COMPLETE)) == []


@pytest.mark.parametrize(
    ("removed", "gap"),
    [
        ("    base_lr: What is halved.\n", "base_lr"),
        ("    *others: Halved too.\n", "others"),
        ("    **options: Ignored.\n", "options"),
        ("Returns:\n    Half.\n", "Returns"),
        ("    >>> 1\n", "Example"),
        (COMPLETE, "docstring"),
    ],
)
def test_a_gap_is_named(removed: str, gap: str) -> None:
    assert docstrings.gaps(documented(COMPLETE.replace(removed, ""))) == [gap]


def test_an_argument_is_not_documented_by_another_section() -> None:
    doc = COMPLETE.replace("    base_lr: What is halved.\n", "").replace("    Half.", "    base_lr: Half.")
    assert docstrings.gaps(documented(doc)) == ["base_lr"]


def test_what_returns_nothing_needs_no_returns() -> None:
    def act() -> None:
        """Act.

        Example:
            >>> act()
        """

    assert docstrings.gaps(act) == []


def test_a_class_documents_the_arguments_of_its_constructor() -> None:
    class Mixup:
        """Mix.

        Example:
            >>> Mixup(0.2)
        """

        def __init__(self, alpha: float) -> None: ...

    assert docstrings.gaps(Mixup) == ["alpha"]


def test_an_exception_needs_a_docstring_only() -> None:
    class DocumentedError(Exception):
        """Something is wrong."""

    class BareError(Exception): ...

    assert docstrings.gaps(DocumentedError) == []
    assert docstrings.gaps(BareError) == ["docstring"]


def test_silent_members_are_named_unless_they_override() -> None:
    class Base:
        def hook(self) -> None: ...

        @property
        def total(self) -> int:
            return 1

        @staticmethod
        def build() -> None: ...

        def said(self) -> None:
            """Said."""

        def _private(self) -> None: ...

    class Child(Base):
        @override
        def hook(self) -> None: ...

    assert docstrings.silent_members(Base) == ["hook", "total", "build"]
    assert docstrings.silent_members(Child) == []
