"""The page: everything put into one template."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from html import escape
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import TypeAlias

from lightning_regkit._checks import message
from lightning_regkit._files import write_whole
from lightning_regkit.report._clocks import AXES, axes_of, plain_clocks
from lightning_regkit.report._figures import Figure, figures
from lightning_regkit.report._groups import group_by_seed
from lightning_regkit.report._parts import average_tables, cards, difference_table, trial_tables
from lightning_regkit.report._run import Run

__all__ = ["Diagnose", "page", "write_page"]

#: What the curves of a run say, in a sentence; empty where there is nothing to say.
Diagnose: TypeAlias = Callable[[Run], str]

SECTIONS = ("curves", "schedule", "averages", "other")
MARKER = re.compile(r"\{\{ (\w+) \}\}")


def page(runs: Sequence[Run], *, title: str = "Training report", diagnose: Diagnose | None = None) -> str:
    """Make a page of HTML that needs nothing else: no network, no other file.

    Everything that comes from files is escaped, and the page forbids itself to load anything.

    Args:
        runs: What ``read_runs`` returned, at least one.
        title: Its heading.
        diagnose: Says in a sentence what the curves of a run show; left out by default.

    Returns:
        The page, with Plotly's JavaScript in it: about 5 MB.

    Raises:
        ImportError: plotly is not installed.
        ValueError: There are no runs, or two have the same name.

    Example:
        >>> from lightning_regkit.report import Series
        >>> text = page([Run("<script>", {"val_loss": Series((1, 2), (0.5, 0.25))})])
        >>> "&lt;script&gt;" in text, "<h2><script>" in text
        (True, False)
    """
    if not runs:
        raise ValueError(message("report.page", "runs", "be at least one", list(runs)))
    logged = [run for run in runs if run.series or run.trials is None]  # a search has a folder of its own
    groups = group_by_seed(logged) if logged else ()
    drawn = figures(groups)
    parts = {
        "title": escape(title),
        "count": _count(len(logged), len(groups)),
        "cards": cards(groups, diagnose),
        "differences": difference_table(groups),
        "average_tables": average_tables(groups),
        "trials": trial_tables(runs),
        "axes": "".join(f'<option value="{axis}">{AXES[axis]}</option>' for axis in axes_of(groups)),
        "data": _data(
            {"figures": [figure.plot for figure in drawn], "clocks": [plain_clocks(each) for each in groups]}
        ),
        "plotly": _plotly(),
    }
    parts |= {section: "\n".join(_frames(drawn, section)) for section in SECTIONS}
    template = files("lightning_regkit.report").joinpath("page.html").read_text(encoding="utf-8")
    return MARKER.sub(lambda marker: parts[marker[1]], template)


def write_page(
    path: Path, runs: Sequence[Run], *, title: str = "Training report", diagnose: Diagnose | None = None
) -> None:
    r"""Write what ``page`` makes; the file is whole or not there.

    Args:
        path: The file; missing folders are made.
        runs: As for ``page``.
        title: As for ``page``.
        diagnose: As for ``page``.

    Raises:
        ImportError: plotly is not installed.
        OSError: The file could not be written.
        ValueError: There are no runs, or two have the same name.

    Example:
        >>> from tempfile import mkdtemp
        >>> target = Path(mkdtemp()) / "report.html"
        >>> write_page(target, [Run("version_0", {})])
        >>> target.read_text(encoding="utf-8").partition("\n")[0]
        '<!doctype html>'
    """
    write_whole(
        path, page(runs, title=title, diagnose=diagnose).encode(errors="replace")
    )  # names of files may hold any byte


def _frames(drawn: Sequence[Figure], section: str) -> Iterator[str]:
    for number, figure in enumerate(drawn):
        if figure.section == section:
            heading = escape(figure.title)
            yield f'<figure><figcaption>{heading}</figcaption><div class="plot" data-figure="{number}"></div></figure>'


def _count(num_runs: int, num_groups: int) -> str:
    runs = f"{num_runs} run{'s' if num_runs != 1 else ''}"
    return runs if num_runs == num_groups else f"{runs}, {num_groups} configuration{'s' if num_groups != 1 else ''}"


def _data(values: object) -> str:
    """Write JSON that cannot end the element it stands in."""
    text = json.dumps(values, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _plotly() -> str:
    try:
        script: str = import_module("plotly.offline").get_plotlyjs()
    except ModuleNotFoundError as error:
        text = "report: plotly must be installed to draw. Run pip install plotly."
        raise ImportError(text) from error
    return re.sub(r"</(script)", r"<\\/\1", script, flags=re.IGNORECASE)
