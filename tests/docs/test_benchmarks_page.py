"""The page of benchmarks is what its script makes of the files beside it."""

from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

from tests.meta.tree import ROOT

DOCS = ROOT / "docs"


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


def test_a_row_has_the_ratio_and_its_quartiles() -> None:
    environment = {
        "machine": {"cpu": "CPU", "cores": 4, "threads": 1},
        "versions": {"torch": "2.6"},
        "command": ["python", "-m", "tests.benchmarks", "mixup"],
    }
    results = [{"name": "ours / theirs", "ratio": 0.5, "ratio_low": 0.4444, "ratio_high": 0.625}]
    text = script().page({"mixup": {"environment": environment, "results": results}})
    assert "`python -m tests.benchmarks mixup` (CPU, 1 of 4 cores, torch 2.6):" in text
    assert "| ours / theirs | 0.50 | 0.44 to 0.62 |" in text
