"""The page of benchmarks is what its script makes of the files beside it."""

import json
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.benchmarks.__main__ import NAMES
from tests.meta.tree import ROOT

DOCS = ROOT / "docs"
PAGE_PX = 800


def run(*results: dict[str, Any], **notes: float) -> dict[str, Any]:
    environment = {
        "machine": {"cpu": "CPU", "cores": 4, "threads": 1},
        "versions": {"torch": "2.6"},
        "command": ["python", "-m", "tests.benchmarks", "mixup"],
    }
    return {"environment": environment, "results": list(results), "notes": notes, "seconds": 61.7}


ROW = {"name": "ours / theirs", "ratio": 0.5, "ratio_low": 0.4444, "ratio_high": 0.625, "against": "default"}


def script() -> Any:
    spec = spec_from_file_location("benchmarks", DOCS / "figures" / "benchmarks.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_that_of_the_files() -> None:
    benchmarks = script()
    assert (DOCS / "benchmarks.md").read_text() == benchmarks.page(benchmarks.read(DOCS / "benchmarks"))


def test_what_is_published_was_measured_at_full_size() -> None:
    assert [
        name for name, run in script().read(DOCS / "benchmarks").items() if "--tiny" in run["environment"]["command"]
    ] == []


def test_each_benchmark_stands_in_one_group() -> None:
    assert sorted(name for group in script().GROUPS.values() for name in group) == NAMES


def test_a_file_of_no_benchmark_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mixdown.json").write_text("{}")
    with pytest.raises(
        ValueError, match=r"^benchmarks: GROUPS must name each benchmark, got none for \['mixdown'\]\.$"
    ):
        script().read(tmp_path)


def test_a_run_has_its_sentence_command_rows_and_notes() -> None:
    text = script().page({"mixup": run(ROW, added=0.816)})
    group, section = text.split("\n## ")[1].split("\n### ")
    assert group == "Noise on batches\n"
    assert section.splitlines() == [
        "mixup",
        "",
        "<!-- mixup -->",
        "",
        "Mixup of a batch and its labels: ours against torchvision's, timm's and lines of torch, and against copying.",
        "",
        "`python -m tests.benchmarks mixup` (CPU, 1 of 4 cores, torch 2.6, 62 s):",
        "",
        "| Ours / peer | Against | Ratio | Quartiles |",
        "|---|---|---|---|",
        "| ours / theirs | peer at its default | 0.50 | 0.44 to 0.62 |",
        "",
        "Added: 0.82.",
        "",
        "<!-- end -->",
    ]


def test_page_and_picture_are_written(tmp_path: Path) -> None:
    (tmp_path / "json").mkdir()
    for name in ("mixup", "import_time"):
        (tmp_path / "json" / f"{name}.json").write_text(json.dumps(run(ROW, {**ROW, "against": "best", "ratio": 2.0})))
    text, picture = tmp_path / "benchmarks.md", tmp_path / "benchmarks.png"
    script().main(str(tmp_path / "json"), str(text), str(picture))
    assert [line for line in text.read_text().splitlines() if line.startswith("### ")] == [
        "### mixup",
        "### import_time",
    ]
    with Image.open(picture) as image:
        assert image.width <= PAGE_PX
