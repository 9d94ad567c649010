"""Take a picture of the page that ``regkit report`` makes of the quickstart's logs.

Run from the root of the repository, after ``make quickstart``: ``python docs/figures/report.py
quickstart-out/tensorboard docs/_static/report.png``. It needs a Chromium and the extra ``browser``.
"""

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from PIL import Image
from playwright.sync_api import sync_playwright

from lightning_regkit.report import diagnose_run, read_runs, write_page

SIZE: Final = {"width": 1280, "height": 1010}
WEIGHT: Final = 0.6
COLORS: Final = 256


def draw(logs: Path, path: Path) -> None:
    """Open the page, smooth its curves, and keep what is seen first."""
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        page = Path(folder) / "report.html"
        write_page(page, read_runs([logs]), title="Digits, 100 training scans", diagnose=diagnose_run)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        tab = browser.new_page(viewport=SIZE)
        tab.goto(page.as_uri())
        tab.locator("#smoothing").fill(str(WEIGHT))
        tab.locator("#log").check()
        tab.wait_for_timeout(500)
        tab.screenshot(path=path)
        browser.close()
    with Image.open(path) as taken:
        small = taken.convert("RGB").quantize(COLORS, dither=Image.Dither.NONE)
    small.save(path, optimize=True)


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]))
