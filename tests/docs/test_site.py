"""The built site in a browser without a network: Debian's Chromium, driven by Playwright (``make browser``)."""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from tests.axe import CHECK
from tests.docs.blocks import DOCS

CHROMIUM: Final = shutil.which("chromium")
WIDTHS: Final = (390, 1280)
SCHEMES: Final = ("light", "dark")
SCROLLS: Final = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
#: Kinds of text on the page, by what contrast depends on; marks those that are not known. Contrast is the slow rule.
MARK: Final = """known => {
    const ground = element => {
        const color = element ? getComputedStyle(element).backgroundColor : "";
        return element && color === "rgba(0, 0, 0, 0)" ? ground(element.parentElement) : color;
    };
    const added = new Set();
    for (const element of document.body.querySelectorAll("*")) {
        const hasText = [...element.childNodes].some(node => node.nodeType === Node.TEXT_NODE && node.data.trim());
        if (!hasText || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
        const { color, fontSize, fontWeight } = getComputedStyle(element);
        const kind = [element.tagName, color, ground(element), fontSize, fontWeight].join();
        const isNew = !known.includes(kind) && !added.has(kind);
        element.toggleAttribute("data-new", isNew);
        if (isNew) added.add(kind);
    }
    return [...added];
}"""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: apt-get install chromium"),
]
playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed: pip install playwright")
axe = pytest.importorskip(
    "axe_playwright_python.base",
    reason="axe-playwright-python is not installed: pip install axe-playwright-python",
)
pytest.importorskip("furo", reason="furo is not installed: pip install -e '.[docs]'")


async def look_at_all(pages: Sequence[Path]) -> list[str]:
    async with playwright.async_playwright() as started:
        browser = await started.chromium.launch(executable_path=CHROMIUM)
        found = await asyncio.gather(*(look(browser, pages, width) for width in WIDTHS))
        await browser.close()
    return [fault for faults in found for fault in faults]


async def look(browser: Any, pages: Sequence[Path], width: int) -> list[str]:
    """Open pages one after the other in a window of its own."""
    context = await browser.new_context(viewport={"width": width, "height": 900}, offline=True)
    await context.add_init_script(axe.AXE_SCRIPT)
    tab = await context.new_page()
    found: list[str] = []
    known: dict[str, list[str]] = {scheme: [] for scheme in SCHEMES}
    tab.on("console", lambda message: found.append(f"{tab.url} says {message.text}"))
    tab.on("pageerror", lambda error: found.append(f"{tab.url} raises {error}"))
    tab.on("requestfailed", lambda asked: found.append(f"{tab.url} does not get {asked.url}"))
    for page in pages:
        await tab.goto(page.as_uri())
        await tab.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        if await tab.evaluate(SCROLLS):
            found.append(f"{tab.url} scrolls sideways")
        found += [f"{tab.url} {fault}" for fault in await violations(tab, known)]
    await context.close()
    return [f"{fault} ({width} px)" for fault in found]


async def violations(tab: Any, known: dict[str, list[str]]) -> list[str]:
    """What axe-core finds: contrast in each scheme, of texts of a new kind, and all else once."""
    found: list[str] = await tab.evaluate(CHECK, ["html", {"rules": {"color-contrast": {"enabled": False}}}])
    for scheme, kinds in known.items():
        await tab.emulate_media(color_scheme=scheme)
        if added := await tab.evaluate(MARK, kinds):
            kinds.extend(added)
            found += await tab.evaluate(CHECK, ["[data-new]", {"runOnly": ["color-contrast"]}])
    return found


def test_every_page_is_readable_at_every_width(tmp_path: Path) -> None:
    options = ("-q", "-b", "html", "-d", str(tmp_path / "doctrees"))
    subprocess.run([sys.executable, "-m", "sphinx", *options, str(DOCS), str(tmp_path / "html")], check=True)
    pages = sorted((tmp_path / "html").rglob("*.html"))
    assert len(pages) > len(list(DOCS.glob("*.md")))
    assert asyncio.run(look_at_all(pages)) == []


BAD: Final = """<!doctype html><html lang="en"><title>Bad</title><script src="https://cdn.example/gone.js"></script>
<main><h1>Bad</h1><p style="color: #ccc">pale</p><p>dark</p><img src="gone.png"><div style="width: 1000px">wide</div>
<style>@media (prefers-color-scheme: dark) { p { background: #222; } }</style><script>undefined.gone</script></main>"""


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.html").write_text(BAD)
    page = (tmp_path / "bad.html").as_uri()
    found = asyncio.run(look_at_all([tmp_path / "bad.html"]))
    narrow = [fault.removeprefix(f"{page} ").removesuffix(" (390 px)") for fault in found if "390" in fault]
    assert {fault for fault in narrow if not fault.startswith("says")} == {
        "does not get https://cdn.example/gone.js",
        f"does not get {(tmp_path / 'gone.png').as_uri()}",
        "raises Cannot read properties of undefined (reading 'gone')",
        "scrolls sideways",
        "violates color-contrast: p:nth-child(2)",
        "violates color-contrast: p:nth-child(3)",
        "violates image-alt: img",
    }
    assert [fault for fault in found if "1280" in fault and "sideways" in fault] == []
