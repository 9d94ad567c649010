"""Every block of every page is run, built or read, and every command asks for what is there."""

import doctest
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import indent
from types import ModuleType
from typing import Final

import pytest
from torch import nn

import lightning_regkit
from tests.docs import shell
from tests.docs.blocks import PAGES, Block, blocks, commands
from tests.meta.tree import ROOT, relative

#: YAML that does not begin at the top of a recipe -> what is above it there.
ABOVE: Final = {
    "optimizer": "model:\n",
    "transform": "data:\n  class_path: ImageFolderData\n  init_args:\n    root: DIR\n    images:\n",
}


def yaml(text: str) -> None:
    """LightningCLI reads it over a recipe."""
    above = ABOVE.get(text.partition(":")[0])
    shell.configuration(above + indent(text, " " * 8) if above else text)


def bibtex(text: str) -> None:
    """One entry, whole, of this version."""
    assert re.match(r"@software\{\w+,\n", text)
    assert text.count("{") == text.count("}")
    assert f"version = {{{lightning_regkit.__version__}}}" in text


def built(text: str) -> None:
    """Sphinx makes it, and refuses what it does not know (``make docs``)."""
    assert text


READERS: Final[dict[str, Callable[[str], object]]] = {
    "bash": lambda text: None,  # its commands are read below
    "bibtex": bibtex,
    "json": json.loads,
    "python": lambda text: compile(text, "page", "exec"),  # and run, by test_examples
    "text": lambda text: None,  # what a terminal shows; commands in it are read below
    "yaml": yaml,
    "{doctest}": lambda text: doctest.DocTestParser().get_examples(text)[0],  # and run, by `make docs`
    "{eval-rst}": built,
    "{include}": built,
    "{toctree}": built,
}


def noisy(layer: nn.Module) -> nn.Module:
    return layer


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    mine = ModuleType("my_project")
    mine.noisy = noisy  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "my_project", mine)


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_somebody_reads_every_block(page: Path) -> None:
    found = blocks(page.read_text())
    assert page.read_text().count("```") == 2 * len(found)
    assert [block.language for block in found if block.language not in READERS] == []
    for block in found:
        READERS[block.language](block.text)


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=relative)
def test_commands_ask_for_what_is_there(page: Path) -> None:
    for command in commands(page.read_text()):
        try:
            shell.check(command)
        except shell.StaleError as error:
            pytest.fail(f"{command}: {error}")


def test_blocks_of_lists_are_found() -> None:
    page = "- a\n\n  ```yaml\n  b: 1\n  ```\n\n```\nc\n```\n"
    assert blocks(page) == [Block("yaml", "b: 1\n"), Block("", "c\n")]


def test_commands_are_found_where_they_stand() -> None:
    blocks = "```bash\n# said\nmake a \\\n  b  # why\n```\n```text\n$ make c\nshown\n```\n"
    page = f"`make\ntest` and `other`\n{blocks}`A=1 pytest`\n"
    assert commands(page) == ["make a    b  # why", "make c", "make test", "A=1 pytest"]


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("make coffee", "coffee is no target"),
        ("make test && make coffee", "coffee is no target"),
        ("convert a.png b.png", "nobody checks convert"),
        ("pip install -e '.[everything]'", r".\[everything\] is not installed"),
        ("pip install tensorflow", "tensorflow is not installed"),
        ("python docs/figures/cake.py", "docs/figures/cake.py is not there"),
        ("python docs/figures/mixing.py docs/_static/cake.png", "docs/_static/cake.png is not there"),
        ("python -m recipes.cake", "recipes.cake is no program"),
        ("python -m recipes.losses", "recipes.losses is no program"),
        ("python -m recipes bake", "bake"),
        ("python -m recipes fit --config recipes/cake.yaml", "cake.yaml"),
        ("python -m recipes fit --config FILE --data.cake=1", "cake"),
        ("python -m recipes plan --config FILE --cake 1", "cake"),
        ("python -m recipes plan --devices many", "many"),
        ("python -m recipes quickstart --cake", "--cake is not understood"),
        ("python -m recipes.ensembles --data cake", "cake"),
        ("python -m tests.benchmarks cake", "cake is no benchmark"),
        ("python -m tests.optim.support_table > docs/cake.md", "docs/cake.md is not there"),
        ("pytest tests/cake.py", "tests/cake.py is not there"),
        ("pytest tests/docs -k cake_of_nobody", "cake_of_nobody selects nothing"),
        ('pytest -m "not cake"', "cake selects nothing"),
        ("regkit bake", "bake"),
        ("regkit report --out report.html", "RUN"),
        ("regkit tune --module pkg.mod:Net --cake 1", "--cake"),
        ("torchrun --nodes=2 train.py", "--nodes=2"),
        ("torchrun --nnodes=2 train.py fit --trainer.cake=1", "cake"),
        ("srun python train.py fit --trainer.cake=1", "cake"),
    ],
)
def test_what_is_gone_is_named(command: str, why: str) -> None:
    with pytest.raises(shell.StaleError, match=why):
        shell.check(command)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("trainer:\n  callbacks:\n    - class_path: Mixup\n      init_args: {beta: 1}\n", "beta"),
        ("optimizer:\n  name: adam\n  cake: 1\n", "cake"),
        ("trainer: [\n", "flow node"),
    ],
)
def test_configurations_that_nothing_reads_are_refused(text: str, why: str) -> None:
    with pytest.raises(shell.StaleError, match=why):
        yaml(text)
