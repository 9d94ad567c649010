"""Paired timing: ours, peer, ours, peer, ..., reported as a ratio with its range, beside the machine it was seen on."""

import atexit
import json
import logging
import os
import platform
import shutil
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import mkdtemp
from typing import Literal, TypeAlias

import torch

LIBRARIES = ("torch", "lightning", "timm", "torchvision", "numpy")
CPU_INFO = Path("/proc/cpuinfo")

Against: TypeAlias = Literal["best", "default", "nothing"]


@dataclass(frozen=True)
class Comparison:
    """Two ways to do one thing. Both include their random draw.

    Args:
        name: What is compared, unique in its benchmark.
        ours: One call of this package.
        peer: The same by somebody else.
        rounds: Timed calls of each.
        warmup: Calls of each before.
        against: The peer at its ``"best"``, set up as fast as it goes; as its documentation shows it, its
            ``"default"``, where that is slower; or ``"nothing"``: the rest without the work, so that the ratio is what
            the work costs.
    """

    name: str
    ours: Callable[[], object]
    peer: Callable[[], object]
    rounds: int = 21
    warmup: int = 3
    against: Against = "best"


@dataclass(frozen=True)
class Result:
    """Median times, the ratio of the medians, and the quartiles of the ratios within the pairs."""

    name: str
    ours_ms: float
    peer_ms: float
    ratio: float
    ratio_low: float
    ratio_high: float
    rounds: int
    against: Against = "best"


@dataclass(frozen=True)
class Report:
    """What a benchmark found.

    Args:
        results: One for each comparison.
        notes: Figures that follow from several of them, by name.
        seconds: How long all of it took.
    """

    results: list[Result]
    notes: dict[str, float]
    seconds: float


def time_pairs(comparison: Comparison, clock: Callable[[], float] = time.perf_counter) -> list[tuple[float, float]]:
    """Seconds of (ours, peer), round by round, after the warmup; the two take turns so that both see a drift alike."""
    for _ in range(comparison.warmup):
        comparison.ours()
        comparison.peer()
    return [(_seconds(comparison.ours, clock), _seconds(comparison.peer, clock)) for _ in range(comparison.rounds)]


def summarize(name: str, pairs: list[tuple[float, float]], against: Against = "best") -> Result:
    """Reduce the seconds of (ours, peer) to one line; a single pair is its own range."""
    ours, peer = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratios = [one / other for one, other in pairs]
    low, _, high = statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3
    return Result(name, 1e3 * ours, 1e3 * peer, ours / peer, low, high, len(pairs), against)


def compare(comparison: Comparison, clock: Callable[[], float] = time.perf_counter) -> Result:
    """Time both ways and summarize."""
    return summarize(comparison.name, time_pairs(comparison, clock), comparison.against)


def environment(command: Sequence[str]) -> dict[str, object]:
    """Versions and machine, without which a time means nothing, and the command that repeats it."""
    return {
        "versions": {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
        "machine": {
            "cpu": _cpu_model(CPU_INFO),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "platform": platform.platform(),
        },
        "command": list(command),
    }


def write(path: Path, command: Sequence[str], report: Report) -> None:
    """Write environment and findings as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"environment": environment(command), **asdict(report)}, indent=1) + "\n")


def table(results: Iterable[Result]) -> str:
    """Aligned columns; a ratio below 1 says that ours is faster."""
    rows = [("comparison", "peer at", "ours ms", "peer ms", "ratio", "quartiles")]
    rows += [
        (
            result.name,
            result.against,
            f"{result.ours_ms:.2f}",
            f"{result.peer_ms:.2f}",
            f"{result.ratio:.2f}",
            f"{result.ratio_low:.2f} to {result.ratio_high:.2f}",
        )
        for result in results
    ]
    name_width, *widths = (max(map(len, column)) for column in zip(*rows, strict=True))
    return "\n".join(
        "  ".join([name.ljust(name_width), *(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))])
        for name, *cells in rows
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what Lightning says about each Trainer off the screen; also a decorator."""
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def new_folder() -> Path:
    """Return an empty folder that is removed when the interpreter ends."""
    folder = Path(mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _seconds(function: Callable[[], object], clock: Callable[[], float]) -> float:
    start = clock()
    function()
    return clock() - start


def _cpu_model(cpu_info: Path) -> str:
    lines = cpu_info.read_text().splitlines() if cpu_info.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()
