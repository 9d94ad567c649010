from pathlib import Path

import pytest

from recipes import table as module
from recipes.table import HEADER, header, main, table, with_table

RECIPES = Path(__file__).parents[2] / "recipes"
TEXT = """\
# Source: a paper, table 1.
# Target: 76.1 | 92.9 %.
# Budget: 90 epochs.
# Hardware: 8 of them.
# Our run: none.
# Differs: in everything.
seed_everything: 0
# Target: something else in the middle: no header.
"""


def test_reads_the_first_lines() -> None:
    assert header(TEXT.partition("seed")[0]) == {
        "Source": "a paper, table 1.",
        "Target": "76.1 | 92.9 %.",
        "Budget": "90 epochs.",
        "Hardware": "8 of them.",
        "Our run": "none.",
    }


def test_reads_nothing_below_them() -> None:
    assert header(TEXT)["Target"] == "76.1 | 92.9 %."
    assert header("model: {}\n# Source: late.") == dict.fromkeys(HEADER, "")


def test_a_row_for_each_recipe(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "two.yaml").write_text(TEXT)
    (tmp_path / "a.yaml").write_text("# Source: none.\n")
    (tmp_path / "a.md").write_text("no recipe")
    assert table(tmp_path).splitlines()[2:] == [
        "| [a](a.yaml) | none |  |  |  |  |",
        "| [b/two](b/two.yaml) | a paper, table 1 | 76.1 \\| 92.9 % | 90 epochs | 8 of them | none |",
    ]


def test_a_page_keeps_what_is_around_the_table() -> None:
    page = f"before\n{module.START}\nold\n{module.END}\nafter\n"
    assert with_table(page, "new") == f"before\n{module.START}\nnew\n{module.END}\nafter\n"
    assert with_table(with_table(page, "new"), "old") == page


def test_it_is_written_into_the_readme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    monkeypatch.setattr(module, "table", lambda: "rows")
    (tmp_path / "README.md").write_text(f"{module.START}{module.END}")
    main()
    assert (tmp_path / "README.md").read_text() == f"{module.START}\nrows\n{module.END}"


def test_the_readme_agrees_with_the_recipes() -> None:
    """After a change of first lines: python -m recipes.table."""
    page = (RECIPES / "README.md").read_text()
    assert with_table(page, table()) == page
