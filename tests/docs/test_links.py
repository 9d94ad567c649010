"""Links lead somewhere, pictures have a script, and every page is found from the first one."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.blocks import DOCS, PAGES, anchors, entries, links
from tests.meta.tree import ROOT, relative

SITE = [page for page in PAGES if page.is_relative_to(DOCS)]
PICTURES = sorted((DOCS / "_static").glob("*.png"))
RULES = dict(re.findall(r"^([a-z-]+):.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE))


def dead(page: Path) -> Iterator[str]:
    """Links of a page that lead nowhere."""
    for link in links(page.read_text()):
        path, _, name = link.partition("#")
        target = page.parent / path if path else page
        if re.match(r"https?://|mailto:", link):
            continue
        if not target.exists() or (name and name not in anchors(target.read_text())):
            yield link


def leads_to(page: Path) -> set[Path]:
    """The pages that a page of the site links to or lists."""
    listed = [path for entry in entries(page.read_text()) for path in page.parent.glob(f"{entry}.md")]
    linked = [page.parent / link.partition("#")[0] for link in links(page.read_text())]
    return {path.resolve() for path in [*listed, *linked] if path.suffix == ".md" and path.exists()}


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_links_lead_somewhere(page: Path) -> None:
    assert list(dead(page)) == []


def test_dead_links_are_named(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A name, of `code`\n[a](#a-name-of-code) [b](#gone) [c](gone.md) ![d](page.md#gone) [e](https://gone.example)\n"
        "{doc}`page` {doc}`gone` {doc}`it <away>` {download}`it <gone.csv>` `[f](code.md)`\n"
        "```text\n[g](block.md)\n```\n"
    )
    assert list(dead(page)) == ["#gone", "gone.md", "page.md#gone", "gone.md", "away.md", "gone.csv"]


def test_every_page_is_found_from_the_first_one() -> None:
    found, new = set(), {DOCS / "index.md"}
    while new:
        found |= new
        new = {path for page in new for path in leads_to(page)} - found
    assert set(SITE) - found == set()


@pytest.mark.parametrize("picture", PICTURES, ids=relative)
def test_a_script_makes_every_picture_and_its_pages_say_so(picture: Path) -> None:
    (line,) = [line for line in RULES["docs-figures"].splitlines() if relative(picture) in line]
    scripts = re.findall(r"docs/figures/\w+\.py", line)
    commands = [*scripts, *(f"`make {target}`" for target, rule in RULES.items() if relative(picture) in rule)]
    showing = [page for page in SITE if picture in {(page.parent / link).resolve() for link in links(page.read_text())}]
    assert showing
    assert [page for page in showing if not any(command in page.read_text() for command in commands)] == []
    assert all((ROOT / script).exists() for script in scripts)


def test_every_script_of_a_picture_is_run() -> None:
    scripts = {relative(path) for path in (DOCS / "figures").glob("*.py")}
    assert scripts == set(re.findall(r"docs/figures/\w+\.py", RULES["docs-figures"]))
