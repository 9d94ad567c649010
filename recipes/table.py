"""The table of all recipes, from the first lines of their files.

``python -m recipes.table`` writes it into ``recipes/README.md`` again.
"""

from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import Final

__all__ = ["HEADER", "header", "main", "table", "with_table"]

#: What the first lines of a recipe say, in this order; what comes after them is told in its file alone.
HEADER: Final = ("Source", "Target", "Budget", "Hardware", "Our run")
FOLDER: Final = Path(__file__).parent
START: Final = "<!-- made by python -m recipes.table -->"
END: Final = "<!-- the end of what it makes -->"


def header(text: str) -> dict[str, str]:
    r"""Read the first lines of a recipe.

    Args:
        text: The file.

    Returns:
        What each of ``HEADER`` says; one that is missing says "".

    Example:
        >>> header("# Source: a paper.\n# Our run: none.\nmodel: {}")["Our run"]
        'none.'
    """
    said = dict.fromkeys(HEADER, "")
    for line in takewhile(lambda line: line.startswith("# "), text.splitlines()):
        key, _, value = line.removeprefix("# ").partition(": ")
        if key in said:
            said[key] = value
    return said


def table(folder: Path = FOLDER) -> str:
    """Lay out all recipes of a folder.

    Args:
        folder: Holds YAML files, at any depth.

    Returns:
        Lines of Markdown.
    """
    rows = ["| Recipe | Source | Target | Budget | Published hardware | Our run |", "|---|---|---|---|---|---|"]
    for path in sorted(folder.rglob("*.yaml")):
        name = path.relative_to(folder).as_posix()
        said = (value.rstrip(".").replace("|", "\\|") for value in header(path.read_text()).values())
        rows.append(f"| [{name.removesuffix('.yaml')}]({name}) | {' | '.join(said)} |")
    return "\n".join(rows)


def with_table(page: str, rows: str) -> str:
    """Put a table in the place of the one that a page has.

    Args:
        page: Holds the two marks between which it is.
        rows: The table.

    Returns:
        The page.
    """
    before, _, rest = page.partition(START)
    return f"{before}{START}\n{rows}\n{END}{rest.partition(END)[2]}"


def main(_arguments: Sequence[str] | None = None) -> None:
    """Write the table into the README again."""
    page = FOLDER / "README.md"
    page.write_text(with_table(page.read_text(), table()))


if __name__ == "__main__":
    main()
