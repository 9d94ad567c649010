"""The parts of the page that are no figures. Every text that a file brought is escaped here."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape

from lightning_regkit.report._averages import KINDS, Averaged, averaged
from lightning_regkit.report._config import differences
from lightning_regkit.report._facts import facts
from lightning_regkit.report._groups import Group, settings
from lightning_regkit.report._run import Run
from lightning_regkit.report._traces import Style

__all__ = ["average_tables", "cards", "difference_table", "table", "trial_tables"]

NONE = "–"
#: A number with more digits than anybody reads.
LONG = re.compile(r"-?\d+\.\d{5,}(e[+-]?\d+)?")


def cards(groups: Sequence[Group], diagnose: Callable[[Run], str] | None) -> str:
    """Say of each group what it is, what it achieved, and what its curves show; its box hides its curves."""
    return "\n".join(_card(number, group, diagnose) for number, group in enumerate(groups))


def difference_table(groups: Sequence[Group]) -> str:
    """Show the settings in which groups differ; seeds, and where a run was written, are none."""
    known = [group for group in groups if group.runs[0].config]
    if not known:
        return '<p class="said">No settings were logged: there is no hparams.yaml and no config.yaml.</p>'
    rows = differences([settings(group.runs[0]) for group in known])
    if not rows:
        return '<p class="said">None: where settings were logged, they are the same.</p>'
    heading = ["setting", *(group.label for group in known)]
    return table(heading, ([row.key, *(NONE if value is None else value for value in row.values)] for row in rows))


def average_tables(groups: Sequence[Group]) -> str:
    """Show what averages at test achieved, as numbers."""
    kinds: dict[tuple[str, int | None], list[Averaged]] = {}
    for part in averaged(groups):
        kinds.setdefault((part.kind, part.loader), []).append(part)
    return "\n".join(_average_table(groups, kind, loader, parts) for (kind, loader), parts in kinds.items())


def trial_tables(runs: Sequence[Run]) -> str:
    """Show the trials of a search, each table under the name of its folder."""
    tables = [(run.name, run.trials) for run in runs if run.trials is not None]
    return "\n".join(
        f"<h3>{escape(name)}</h3>{table(found.columns, [[_short(cell) for cell in row] for row in found.rows])}"
        for name, found in tables
    )


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table whose rows can be sorted; it scrolls by itself where it is wider than the page."""
    lines = list(rows)
    kinds = [' class="number"' if all(map(_is_number, column)) else "" for column in zip(*lines, strict=True)]
    kinds += [""] * (len(heading) - len(kinds))  # a table without rows
    buttons = [f'<button type="button">{escape(text)}</button>' for text in heading]
    head = "".join(f'<th scope="col"{kind}>{button}</th>' for kind, button in zip(kinds, buttons, strict=True))
    cells = [[f"<td{kind}>{escape(text)}</td>" for kind, text in zip(kinds, line, strict=True)] for line in lines]
    body = "\n".join(f"<tr>{''.join(row)}</tr>" for row in cells)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table></div>'


def _card(number: int, group: Group, diagnose: Callable[[Run], str] | None) -> str:
    color = Style(group.label, number).color
    box = f'<input type="checkbox" checked data-group="{number}"><i style="background:{color}"></i>'
    many = f'<p class="seeds">{len(group.runs)} runs, seeds {escape(", ".join(group.seeds))}</p>'
    seeds = many if len(group.runs) > 1 else ""
    lines = "".join(f"<dt>{escape(what)}</dt><dd>{escape(much)}</dd>" for what, much in facts(group))
    said = "" if diagnose is None else "".join(_said(group, diagnose))
    heading = f"<h2><label>{box}<span>{escape(group.label)}</span></label></h2>"
    return f"<article>{heading}{seeds}<dl>{lines}</dl>{said}</article>"


def _said(group: Group, diagnose: Callable[[Run], str]) -> Iterator[str]:
    """Yield each sentence once, with the seeds of which it is said."""
    seeds: dict[str, list[str]] = {}
    for run, seed in zip(group.runs, group.seeds, strict=True):
        seeds.setdefault(diagnose(run), []).append(seed)
    for sentence, alike in seeds.items():
        whose = f"<b>seed{'s' if len(alike) > 1 else ''} {escape(', '.join(alike))}</b> " if len(seeds) > 1 else ""
        if sentence:
            yield f'<p class="diagnosis">{whose}{escape(sentence)}</p>'


def _average_table(groups: Sequence[Group], kind: str, loader: int | None, parts: Sequence[Averaged]) -> str:
    measures = list(dict.fromkeys(part.measure for part in parts))
    cells = {
        (part.group, count, part.measure): _value(mean, spread) for part in parts for count, mean, spread in part.rows
    }
    keys = list(dict.fromkeys((group, count) for group, count, _ in cells))
    rows = (
        [groups[group].label, str(count), *(cells.get((group, count, each), NONE) for each in measures)]
        for group, count in keys
    )
    where = "" if loader is None else f", loader {loader}"
    return f"<h3>{KINDS[kind][0]}{where}</h3>{table(['runs', KINDS[kind][1], *measures], rows)}"


def _value(mean: float, spread: float) -> str:
    return f"{mean:#.4g} ± {spread:.2g}" if spread else f"{mean:#.4g}"


def _short(text: str) -> str:
    """Round a number of many digits to five."""
    return f"{float(text):.5g}" if LONG.fullmatch(text) else text


def _is_number(text: str) -> bool:
    if text in {"", NONE}:
        return True
    try:
        float(text.partition(" ± ")[0])
    except ValueError:
        return False
    return True
