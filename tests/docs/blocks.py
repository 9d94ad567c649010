"""What the pages hold besides text: fenced blocks, commands, links, headings."""

import re
import shlex
from dataclasses import dataclass
from textwrap import dedent
from typing import Final, final

from tests.meta.tree import ROOT

DOCS: Final = ROOT / "docs"
#: Every page of the site, and every one that is read where it lies.
PAGES: Final = [
    *sorted(ROOT.glob("*.md")),
    ROOT / "recipes" / "README.md",
    *sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts),
]
FENCE: Final = re.compile(r"^( *)```(\S*)[^\n]*\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
PROGRAMS: Final = r"python|pytest|make|pip|pre-commit|regkit|tensorboard|torchrun|train\.py"
#: In backticks: what begins with a program, after values of the environment.
INLINE: Final = re.compile(rf"`((?:\w+=\S+ )*(?:\.venv/bin/)?(?:{PROGRAMS})(?: [^`]+)?)`")
LINK: Final = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
ROLE: Final = re.compile(r"\{(doc|download)\}`(?:[^`<]*<)?([^`>]+)>?`")


@final
@dataclass(frozen=True)
class Block:
    """A fenced block and what is said about its language."""

    language: str
    text: str


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page, those of lists too."""
    return [Block(language, dedent(text)) for _, language, text in FENCE.findall(page)]


def commands(page: str) -> list[str]:
    """The commands of a page: lines of its shell blocks, of a terminal that is shown, and in backticks."""
    found = []
    for block in blocks(page):
        lines = block.text.replace("\\\n", " ").splitlines()
        if block.language == "bash":
            found += [line for line in lines if shlex.split(line, comments=True)]
        elif block.language == "text":
            found += [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    return found + INLINE.findall(FENCE.sub("", page).replace("\n", " "))


def links(page: str) -> list[str]:
    """Where the links and pictures of a page lead to, as it is written; ``.md`` is added to pages of the site."""
    text = FENCE.sub("", page)
    roles = [path if kind == "download" else f"{path}.md" for kind, path in ROLE.findall(text)]
    return LINK.findall(re.sub(r"`[^`\n]+`", "`", text)) + roles


def entries(page: str) -> list[str]:
    """What the tables of contents of a page list; ``*`` for all beside it."""
    tables = [block.text.splitlines() for block in blocks(page) if block.language == "{toctree}"]
    return [line.strip() for lines in tables for line in lines if line.strip() and not line.startswith(":")]


def anchors(page: str) -> set[str]:
    """The names of its headings, as GitHub and MyST make them."""
    titles = re.findall(r"^#+ (.+)$", FENCE.sub("", page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
