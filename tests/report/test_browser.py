"""The page in a browser without a network: Debian's Chromium, driven by Playwright (``make browser``)."""

import math
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from lightning_regkit.report import Run, Series, page, read_runs, smooth
from tests.axe import CHECK
from tests.report.support import write_logs

CHROMIUM: Final = shutil.which("chromium")
NAME: Final = "<script>alert(1)<"
WIDTHS: Final = (390, 1280)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: apt-get install chromium"),
]
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    runs = read_runs([write_logs(tmp_path_factory.mktemp("logs"))])
    path.write_text(page(runs, diagnose=lambda run: f"{run.name}: the gap grows."), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM)
        yield opened
        opened.close()


@pytest.fixture(scope="module", params=WIDTHS)
def opened(request: pytest.FixtureRequest, browser: Any, report: Path) -> Iterator[Any]:
    """The page, with everything that it complains of or asks for as its ``complaints``."""
    context = browser.new_context(viewport={"width": request.param, "height": 900}, offline=True)
    tab = context.new_page()
    tab.complaints = []
    tab.on("console", lambda message: tab.complaints.append(message.text))
    tab.on("pageerror", lambda error: tab.complaints.append(str(error)))
    tab.on("dialog", lambda dialog: tab.complaints.append(dialog.message) or dialog.dismiss())
    tab.on("request", lambda asked: asked.url == report.as_uri() or tab.complaints.append(asked.url))
    tab.goto(report.as_uri())
    wait(tab)
    yield tab
    context.close()


@pytest.fixture
def tab(opened: Any) -> Any:
    """The page as it was loaded."""
    opened.reload()
    wait(opened)
    return opened


@pytest.fixture
def visit(tab: Any, tmp_path: Path) -> Iterator[Callable[[Sequence[Run]], None]]:
    """Opens the page of other runs in the same tab."""

    def visit(runs: Sequence[Run]) -> None:
        (tmp_path / "other.html").write_text(page(runs), encoding="utf-8")
        tab.goto((tmp_path / "other.html").as_uri())
        wait(tab)

    yield visit
    tab.go_back()


def wait(tab: Any) -> None:
    tab.locator(".plot .main-svg").first.wait_for()


def settle(tab: Any) -> None:
    tab.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def drag(tab: Any, weight: float) -> None:
    tab.locator("#smoothing").fill(str(weight))
    settle(tab)


def drawn(tab: Any, figure: int = 0) -> list[dict[str, Any]]:
    data = f"document.querySelector(\"[data-figure='{figure}']\").data"
    found: list[dict[str, Any]] = tab.evaluate(f"{data}.map(({{y, name, visible}}) => ({{y, name, visible}}))")
    return found


def path_of_a_line(tab: Any) -> str:
    found: str = tab.locator("[data-figure='0'] .scatterlayer path.js-line").first.get_attribute("d")
    return found


def scrolls_sideways(tab: Any) -> bool:
    found: bool = tab.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return found


def test_nothing_is_complained_of_or_asked_for(tab: Any) -> None:
    drag(tab, 0.9)
    tab.locator("#log").check()
    tab.locator("summary").click()
    settle(tab)
    assert tab.complaints == []


def test_axe_finds_nothing(tab: Any) -> None:
    why = "axe-playwright-python is not installed: pip install axe-playwright-python"
    tab.evaluate(pytest.importorskip("axe_playwright_python.base", reason=why).AXE_SCRIPT)
    tab.locator("summary").click()
    drag(tab, 0.5)
    assert tab.evaluate(CHECK, ["html", {}]) == []


def test_the_slider_draws_what_smooth_returns(tab: Any) -> None:
    logged, line = drawn(tab), path_of_a_line(tab)
    for weight in (0.5, 0.97):
        drag(tab, weight)
        found = drawn(tab)
        for before, after in zip(logged, found, strict=False):
            if len(before["y"]) == 1:  # the mark of the best
                assert after["y"] == before["y"]
                continue
            expected = smooth([math.nan if value is None else value for value in before["y"]], weight)
            values = [math.nan if value is None else value for value in after["y"]]
            assert values == pytest.approx(expected, nan_ok=True)
        assert path_of_a_line(tab) != line
    drag(tab, 0)
    assert drawn(tab) == logged
    assert path_of_a_line(tab) == line


def test_what_was_logged_stays_behind_what_is_smoothed(tab: Any) -> None:
    logged = drawn(tab)
    drag(tab, 0.9)
    behind = drawn(tab)[len(logged) :]
    assert behind
    assert all(trace["y"] in [before["y"] for before in logged] for trace in behind)


def test_schedules_and_averages_are_never_smoothed(tab: Any) -> None:
    figures = [drawn(tab, number) for number in (2, 3)]
    drag(tab, 0.9)
    assert [drawn(tab, number) for number in (2, 3)] == figures


def test_the_slider_says_how_far_it_reaches(tab: Any) -> None:
    assert tab.locator("#reach").text_content() == "off"
    drag(tab, 0.9)
    assert tab.locator("#reach").text_content() == "0.90, about 10 points"


def test_no_sideways_scroll(tab: Any) -> None:
    assert not scrolls_sideways(tab)
    tab.locator("summary").click()
    drag(tab, 0.5)
    assert not scrolls_sideways(tab)
    frames = tab.evaluate("[...document.querySelectorAll('.plot')].map(p => [p.clientWidth, p.firstChild.clientWidth])")
    assert all(inner <= outer <= tab.viewport_size["width"] for outer, inner in frames)


def test_a_narrower_window_keeps_the_plots_inside(tab: Any) -> None:
    size = tab.viewport_size
    tab.set_viewport_size({"width": 320, "height": 700})
    tab.locator(".plot .main-svg[width='288']").first.wait_for()  # without the margins
    assert not scrolls_sideways(tab)
    tab.set_viewport_size(size)


def test_a_name_that_is_markup_is_a_text(tab: Any) -> None:
    assert tab.locator("article span").first.text_content() == NAME
    assert tab.evaluate("document.scripts.length") == 3
    best = tab.locator("[data-figure='0'] .points path").first
    best.scroll_into_view_if_needed()
    box = best.bounding_box()
    tab.mouse.move(box["x"] + box["width"] / 2 + 2, box["y"] + box["height"] / 2)  # in the middle the line is as near
    said = tab.locator("[data-figure='0'] .hoverlayer .hovertext")
    said.wait_for()
    assert "best, epoch 11" in said.text_content()
    assert f"{NAME}: val_loss" in said.text_content()


def test_a_box_hides_its_group(tab: Any) -> None:
    def visible() -> set[str]:
        return {trace["name"].partition(":")[0] for trace in drawn(tab) if trace["visible"]}

    assert len(visible()) == 3
    tab.locator("article label").nth(1).click()
    settle(tab)
    assert len(visible()) == 2
    assert "mixup" not in visible()
    tab.locator("article label").nth(1).click()
    settle(tab)
    assert len(visible()) == 3


def test_losses_alone_go_on_a_log_scale(tab: Any) -> None:
    types = "[...document.querySelectorAll('.plot[data-drawn]')].slice(0, 2).map(p => p._fullLayout.yaxis.type)"
    assert tab.evaluate(types) == ["linear", "linear"]
    tab.locator("#log").check()
    settle(tab)
    assert tab.evaluate(types) == ["log", "linear"]


def test_curves_are_drawn_over_what_is_chosen(tab: Any, visit: Callable[[Sequence[Run]], None]) -> None:
    """Epochs of ten steps with a row at their ends, batches of 32, and a step in each that is logged without them."""
    ends, steps = (9, 19, 29, 39), (0, 9, 14, 19, 29, 39, 44)
    clock = {"center/epoch": (1.0, 2.0, 3.0, 4.0), "center/samples": (320.0, 640.0, 960.0, 1280.0)}
    series = {name: Series(ends, values) for name, values in clock.items()}
    visit(
        [
            Run(
                "a",
                {**series, "val_loss": Series(steps, (7.0, 6.0, 5.0, 4.0, 3.0, 1.0, 2.0)), "lr": Series((4,), (0.1,))},
            )
        ]
    )
    over = tab.locator("#over")
    assert over.locator("option").all_text_contents() == ["steps", "epochs done", "samples"]
    places = "f => document.querySelector(`[data-figure='${f}']`).data.map(({x}) => x)"
    title = "document.querySelector(\"[data-figure='0']\")._fullLayout.xaxis.title.text"
    for name, factor in (("samples", 32), ("epochs", 0.1)):
        over.select_option(name)
        settle(tab)
        line, ring = tab.evaluate(places, 0)
        assert line == pytest.approx([factor * (step + 1) for step in steps])
        assert ring == pytest.approx([factor * 40])
        assert tab.evaluate(places, 1) == [[pytest.approx(factor * 5)]]
        assert tab.evaluate(title) == {"samples": "samples", "epochs": "epochs done"}[name]
    assert not scrolls_sideways(tab)
    drag(tab, 0.5)
    assert tab.evaluate(places, 0)[0] == pytest.approx([0.1 * (step + 1) for step in steps])
    over.select_option("step")
    settle(tab)
    assert tab.evaluate(places, 0)[0] == list(steps)
    assert tab.evaluate(title) == "step"


def test_without_another_axis_there_is_no_choice(tab: Any, visit: Callable[[Sequence[Run]], None]) -> None:
    visit([Run("a", {"val_loss": Series((1, 2), (0.5, 0.25))})])
    assert not tab.locator("#over").is_visible()


def test_other_series_are_drawn_when_they_are_asked_for(tab: Any) -> None:
    other = tab.locator("details .plot")
    assert other.locator(".main-svg").count() == 0
    tab.locator("summary").click()
    other.locator(".main-svg").first.wait_for()
    assert other.count() == 1


def test_tables_are_sorted_as_numbers(tab: Any) -> None:
    button = tab.locator("th button", has_text="number")
    cells = "[...document.querySelectorAll('h3 + .wide')].at(-1).querySelectorAll('td:first-child')"
    order = f"[...{cells}].map(cell => Number(cell.textContent))"
    button.click()
    assert tab.evaluate(order) == list(range(12))
    button.click()
    assert tab.evaluate(order) == list(range(11, -1, -1))
    assert tab.locator("th[aria-sort]").get_attribute("aria-sort") == "descending"
    tab.locator("th button", has_text="val_acc").last.click()
    assert tab.evaluate(order)[-3:] == [1, 0, 2]  # the trial without a value comes last


def test_sections_without_content_are_hidden(tab: Any, visit: Callable[[Sequence[Run]], None], tmp_path: Path) -> None:
    assert tab.locator("section:visible").count() == 7
    visit(read_runs([write_logs(tmp_path) / "plain" / "seed-0"]))
    shown = tab.locator("section:visible > h2").all_text_contents()
    assert shown == ["Runs", "Curves", "Schedule", "Averages at test", "Settings that differ"]


def test_a_band_below_zero_has_an_edge_on_a_log_scale(tab: Any, visit: Callable[[Sequence[Run]], None]) -> None:
    losses = ((1.0, 0.1, 0.5), (1.5, 4.0, 0.5))
    visit([Run(f"seed-{seed}", {"val_loss": Series((1, 2, 3), values)}) for seed, values in enumerate(losses)])
    low = drawn(tab)[0]["y"]
    assert low[1] < 0
    tab.locator("#log").check()
    settle(tab)
    assert drawn(tab)[0]["y"] == [low[0], min(low[0], low[2]), low[2]]
