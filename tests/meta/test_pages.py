"""No page shows a call that the package would refuse."""

import re
from pathlib import Path

import pytest

from tests.meta import pages
from tests.meta.tree import ROOT, relative

PAGES = [
    path
    for path in [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))]
    if pages.python_blocks(path.read_text())
]


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_examples_use_what_exists(page: Path) -> None:
    assert [stale for block in pages.python_blocks(page.read_text()) for stale in pages.stale_names(block)] == []


def test_the_tests_that_the_readme_names_are_there() -> None:
    named = set(re.findall(r"`(tests/[\w/.]+)`", (ROOT / "README.md").read_text()))
    assert len(named) > 9
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_blocks_are_those_in_python() -> None:
    assert pages.python_blocks("```python\na = 1\n```\ntext\n```yaml\nb: 1\n```\n```python\nc = 2\n```\n") == [
        "a = 1\n",
        "c = 2\n",
    ]


@pytest.mark.parametrize(
    ("source", "stale"),
    [
        ("rk.callbacks.Mixin()", "rk.callbacks.Mixin"),
        ("rk.mixture", "rk.mixture"),
        ("rk.schedules.Cosine(eta_min=0.0)", "rk.schedules.Cosine(eta_min=)"),
        ("Trainer(callbacks=[rk.schedules.cosine(steps=1)])", "rk.schedules.cosine(steps=)"),
    ],
)
def test_what_is_gone_is_named(source: str, stale: str) -> None:
    assert pages.stale_names(source) == [stale]


@pytest.mark.parametrize(
    "source",
    [
        "rk.schedules.Cosine(final_factor=0.0)",
        "rk.optim.create(self, 'sgd', momentum=0.9, **options)",
        "trainer.rk.anything(goes=1)",
    ],
)
def test_what_exists_passes(source: str) -> None:
    assert pages.stale_names(source) == []
