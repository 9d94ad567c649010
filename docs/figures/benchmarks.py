"""Write the page of benchmarks from the JSON files of runs, and draw it. Cards include its tables.

Run from the root of the repository: ``python docs/figures/benchmarks.py docs/benchmarks docs/benchmarks.md
docs/_static/benchmarks.png``. The files are those that ``python -m tests.benchmarks --out docs/benchmarks`` wrote.
"""

import ast
import json
import sys
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import matplotlib.pyplot as plt

DPI: Final = 100
BENCHMARKS: Final = Path(__file__).parents[2] / "tests" / "benchmarks"

#: Where on the page a benchmark stands.
GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "Whole fits": ("full_stack", "command_center"),
    "Learning rate and optimizers": ("schedule_lr", "optim_create", "sam", "kfac", "weight_penalty"),
    "Noise on batches": ("mixup", "cutmix", "cutout", "mixing_callbacks"),
    "Noise in the network": ("surgery",),
    "Input pipeline": ("image_folder", "augment"),
    "Averages at test": ("multi_crop", "snapshot_ensemble"),
    "Saving and resuming": ("exact_resume", "atomic_checkpoint_io"),
    "Import time": ("import_time",),
}
PEERS: Final = {"best": "peer at its best", "default": "peer at its default", "nothing": "without the work"}
MARKS: Final = {
    "best": {"marker": "o", "color": "tab:blue"},
    "default": {"marker": "s", "color": "tab:orange", "fillstyle": "none"},
    "nothing": {"marker": "|", "color": "0.45"},
}
HEAD: Final = """# Benchmarks

Times of this package divided by those of a peer, paired in one run: below 1 is faster. Medians, with quartiles over the
rounds; absolute times would say more about the machine than about the code. A peer is

- **at its best**, set up as fast as we know how: another library, or the same by hand;
- **at its default**, as its documentation shows it, where that is slower;
- or what remains **without the work**: the ratio then says what the work costs.

![Ratios of all comparisons: a row for each benchmark, a mark for each comparison](_static/benchmarks.png)

`make bench` runs all of them, one after the other, and writes this page; each table names the command that repeats it
alone. The machine did nothing else.
"""


def read(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what the files of a folder hold, by name, in the order of the page."""
    files = {path.stem: path for path in folder.glob("*.json")}
    names = [name for group in GROUPS.values() for name in group]
    if unknown := sorted(files.keys() - set(names)):
        raise ValueError(f"benchmarks: GROUPS must name each benchmark, got none for {unknown}.")
    return {name: json.loads(files[name].read_text()) for name in names if name in files}


def page(runs: dict[str, dict[str, Any]]) -> str:
    """Write the page: a heading for each group, a table for each run."""
    text = HEAD
    for group, names in GROUPS.items():
        sections = [_section(name, runs[name]) for name in names if name in runs]
        if sections:
            text += f"\n## {group}\n" + "".join(sections)
    return text


def draw(runs: dict[str, dict[str, Any]], file: Path) -> None:
    """Draw the ratios on one logarithmic axis, a row for each run."""
    mpl.use("Agg")
    plt.rcParams.update({"font.size": 10})
    figure, axes = plt.subplots(figsize=(7.6, 0.3 * len(runs) + 1.4), layout="constrained")
    for row, run in enumerate(runs.values()):
        for against, mark in MARKS.items():
            ratios = [result["ratio"] for result in run["results"] if result["against"] == against]
            axes.plot(ratios, [row] * len(ratios), linestyle="none", markersize=6, **mark)
    for against, mark in MARKS.items():
        axes.plot([], [], linestyle="none", label=PEERS[against], **mark)
    axes.axvline(1, color="0.6", linewidth=1, zorder=0)
    axes.set_yticks(range(len(runs)), list(runs))
    axes.set(xscale="log", xlabel="time of ours / time of the peer", ylim=(len(runs) - 0.5, -0.5))
    axes.xaxis.set_major_formatter(mpl.ticker.FormatStrFormatter("%g"))
    axes.grid(visible=True, axis="y", color="0.92")
    figure.legend(loc="outside upper center", ncols=len(MARKS), frameon=False)
    figure.savefig(file, dpi=DPI)
    plt.close(figure)


def main(folder: str, text: str, picture: str) -> None:
    """Write both."""
    runs = read(Path(folder))
    Path(text).write_text(page(runs))
    draw(runs, Path(picture))


def _section(name: str, run: dict[str, Any]) -> str:
    machine, versions = run["environment"]["machine"], run["environment"]["versions"]
    where = f"{machine['cpu']}, {machine['threads']} of {machine['cores']} cores, torch {versions['torch']}"
    command = " ".join(run["environment"]["command"])
    rows = "\n".join(_row(result) for result in run["results"])
    notes = "".join(f"\n{note[0].upper()}{note[1:]}: {value:.2f}.\n" for note, value in run["notes"].items())
    table = f"| Ours / peer | Against | Ratio | Quartiles |\n|---|---|---|---|\n{rows}\n"
    text = f"{_about(name)}\n\n`{command}` ({where}, {run['seconds']:.0f} s):\n\n{table}{notes}"
    return f"\n### {name}\n\n<!-- {name} -->\n\n{text}\n<!-- end -->\n"


def _row(result: dict[str, Any]) -> str:
    quartiles = f"{result['ratio_low']:.2f} to {result['ratio_high']:.2f}"
    return f"| {result['name']} | {PEERS[result['against']]} | {result['ratio']:.2f} | {quartiles} |"


def _about(name: str) -> str:
    """Return the first line of a benchmark's docstring, which says what is compared."""
    documented = ast.get_docstring(ast.parse((BENCHMARKS / f"bench_{name}.py").read_text())) or ""
    return documented.splitlines()[0].replace("``", "`")


if __name__ == "__main__":
    main(*sys.argv[1:])
