"""Write the page of benchmarks from the JSON files of runs, and draw it.

Run from the root of the repository: ``python docs/figures/benchmarks.py docs/benchmarks docs/benchmarks.md
docs/_static/benchmarks.png``. A file is what ``python -m tests.benchmarks NAME --out docs/benchmarks/NAME.json`` wrote.
"""

import json
import sys
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import matplotlib.pyplot as plt

DPI: Final = 80
HEAD: Final = """# Benchmarks

Times of this package divided by those of a peer, paired in one run: below 1 is faster. Medians, with quartiles over the
rounds; absolute times would say more about the machine than about the code. Each table names its command.

![Ratios of all comparisons, with quartiles](_static/benchmarks.png)

`python docs/figures/benchmarks.py docs/benchmarks docs/benchmarks.md docs/_static/benchmarks.png` writes this page from
the JSON files that `python -m tests.benchmarks NAME --out docs/benchmarks/NAME.json` wrote, on a machine that did
nothing else. What is not on it has not been measured so: run `make bench`.
"""


def read(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what the files of a folder hold, by name."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def page(runs: dict[str, dict[str, Any]]) -> str:
    """Write the page: a table for each run."""
    return HEAD + "".join(_section(name, run) for name, run in runs.items())


def _section(name: str, run: dict[str, Any]) -> str:
    machine, versions = run["environment"]["machine"], run["environment"]["versions"]
    where = f"{machine['cpu']}, {machine['threads']} of {machine['cores']} cores, torch {versions['torch']}"
    rows = (
        f"| {result['name']} | {result['ratio']:.2f} | {result['ratio_low']:.2f} to {result['ratio_high']:.2f} |"
        for result in run["results"]
    )
    command = " ".join(run["environment"]["command"])
    table = "\n".join(["| Ours / peer | Ratio | Quartiles |", "|---|---|---|", *rows])
    return f"\n## {name}\n\n`{command}` ({where}):\n\n{table}\n"


def draw(runs: dict[str, dict[str, Any]], file: Path) -> None:
    """Draw all ratios on one logarithmic axis."""
    mpl.use("Agg")
    results = [(name, result) for name, run in runs.items() for result in run["results"]][::-1]
    figure, axes = plt.subplots(figsize=(9, 0.24 * len(results) + 1), layout="constrained")
    colors = dict(zip(runs, mpl.color_sequences["tab10"], strict=False))
    for row, (name, result) in enumerate(results):
        axes.plot([result["ratio_low"], result["ratio_high"]], [row, row], color=colors[name])
        axes.plot(result["ratio"], row, "o", color=colors[name], markersize=4)
    axes.axvline(1, color="0.6", linewidth=1)
    axes.set_yticks(range(len(results)), [result["name"] for _, result in results], fontsize=7)
    axes.set(xscale="log", xlabel="time of ours / time of the peer", ylim=(-1, len(results)))
    figure.savefig(file, dpi=DPI)


def main(folder: str, text: str, picture: str) -> None:
    """Write both."""
    runs = read(Path(folder))
    Path(text).write_text(page(runs))
    draw(runs, Path(picture))


if __name__ == "__main__":
    main(*sys.argv[1:])
