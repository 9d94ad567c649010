"""The page as a text; tests/report/test_browser.py opens it."""

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from lightning_regkit.report import Run, Series, Table, figures, group_by_seed, page, write_page

MARKUP = "</script><script>alert(1)</script>{{ title }}"
CURVE = Series((1, 2), (0.5, float("nan")))


class Outline(HTMLParser):
    """Collects scripts, attributes that load something, and headings."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.scripts = 0
        self.loads: list[str] = []
        self.feed(text)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.loads += [
            name for name, _ in attrs if name in {"src", "href", "srcset", "action"} or name.startswith("on")
        ]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page without the five megabytes."""
    offline = pytest.importorskip("plotly.offline")
    monkeypatch.setattr(offline, "get_plotlyjs", lambda: "const plotly = '</SCRIPT>';")


def data(text: str) -> object:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text)
    assert found is not None
    assert "<" not in found[1]  # what could end the element
    return json.loads(found[1])


@pytest.mark.usefixtures("small")
def test_the_page_holds_every_figure_in_its_place() -> None:
    runs = [Run("a", {"val_loss": CURVE, "gap": CURVE, "lr": CURVE, "multicrop/nll_1": CURVE})]
    text = page(runs)
    assert data(text) == {"figures": [figure.plot for figure in figures(group_by_seed(runs))], "clocks": [{}]}
    frames = re.findall(r'<figcaption>(.*?)</figcaption><div class="plot" data-figure="(\d+)">', text)
    assert frames == [("Loss", "0"), ("Learning rate", "1"), ("Views: nll", "2"), ("gap", "3")]
    sections = re.findall(r"<h2>(Curves|Schedule|Averages at test|Other series)</h2>|<figcaption>(.*?)<", text)
    order = ["Curves", "Loss", "Schedule", "Learning rate", "Averages at test", "Views: nll", "Other series", "gap"]
    assert [first or second for first, second in sections] == order


@pytest.mark.usefixtures("small")
def test_what_there_is_to_draw_over_is_offered() -> None:
    run = Run("a", {"val_loss": CURVE, "epoch": Series((1, 2), (0.0, 1.0))})
    text = page([run])
    assert '<option value="step">steps</option><option value="epochs">epochs done</option></select>' in text
    found: Any = data(text)
    assert found["clocks"] == [{"epochs": {"x": [-1, 1, 2], "y": [0.0, 1.0, 2.0]}}]
    assert '<option value="step">steps</option></select>' in page([run, Run("b", {"val_loss": CURVE})])


@pytest.mark.usefixtures("small")
def test_nothing_from_files_becomes_markup() -> None:
    run = Run(MARKUP, {MARKUP: CURVE, "val_loss": CURVE}, {MARKUP: MARKUP}, trials=Table((MARKUP,), ((MARKUP,),)))
    other = Run("b", {}, {MARKUP: "1"})
    outline = Outline(page([run, other], title=MARKUP, diagnose=lambda found: found.name))
    assert outline.scripts == 3
    assert outline.loads == []


@pytest.mark.usefixtures("small")
def test_markers_in_texts_stay_texts() -> None:
    text = page([Run("{{ plotly }}", {})], title="{{ cards }}")
    assert "<h1>{{ cards }}</h1>" in text
    assert "<span>{{ plotly }}</span>" in text


@pytest.mark.usefixtures("small")
def test_plotly_cannot_end_its_element() -> None:
    assert r"<script>const plotly = '<\/SCRIPT>';</script>" in page([Run("a", {})])


@pytest.mark.usefixtures("small")
def test_the_page_may_load_nothing() -> None:
    assert "content=\"default-src 'none'; script-src 'unsafe-inline';" in page([Run("a", {})])


@pytest.mark.usefixtures("small")
def test_the_heading_and_the_diagnosis_are_the_callers() -> None:
    text = page([Run("a", {})], title="Digits & more", diagnose=lambda run: f"{run.name} falls.")
    assert "<title>Digits &amp; more</title>" in text
    assert '<p class="diagnosis">a falls.</p>' in text


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["a"], "1 run."),
        (["a", "b"], "2 runs."),
        (["a/seed-0", "a/seed-1"], "2 runs, 1 configuration."),
        (["a/seed-0", "a/seed-1", "b"], "3 runs, 2 configurations."),
    ],
)
def test_runs_are_counted(names: list[str], said: str) -> None:
    assert f'<p class="quiet">{said}' in page([Run(name, {}) for name in names])


@pytest.mark.usefixtures("small")
def test_a_search_is_no_run() -> None:
    search = Run("search", {}, trials=Table(("lr",), (("0.1",),)))
    text = page([search])
    assert '<p class="quiet">0 runs.' in text
    assert "<article>" not in text
    assert "<h3>search</h3>" in text
    assert page([search, Run("a", {})]).count("<article>") == 1


@pytest.mark.usefixtures("small")
def test_no_runs_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^report\.page: runs must be at least one, got \[\]\.$"):
        page([])


def test_the_whole_page_is_written(tmp_path: Path) -> None:
    offline = pytest.importorskip("plotly.offline")
    write_page(tmp_path / "deep" / "report.html", [Run("a", {"val_loss": CURVE})], title="Digits")
    text = (tmp_path / "deep" / "report.html").read_text(encoding="utf-8")
    assert text == page([Run("a", {"val_loss": CURVE})], title="Digits")
    assert len(text) > len(offline.get_plotlyjs()) > 1_000_000
    assert Outline(text).scripts == 3


@pytest.mark.usefixtures("small")
def test_a_name_of_any_bytes_can_be_written(tmp_path: Path) -> None:
    write_page(tmp_path / "report.html", [Run("run-\udcff", {"val_loss": CURVE})])
    assert "<span>run-?</span>" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_without_plotly_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    message = r"^report: plotly must be installed to draw\. Run pip install plotly\.$"
    with pytest.raises(ImportError, match=message):
        page([Run("a", {})])
