"""Version, changelog and pins agree with each other."""

import re
import tomllib
from pathlib import Path

import lightning_regkit
from tests.meta.tree import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]


def floors(requirements: list[str]) -> dict[str, str]:
    found = (re.fullmatch(r"([\w-]+)(?:\[\w+\])?>=([\d.]+)(?:,<[\d.]+)?", requirement) for requirement in requirements)
    return {match[1]: match[2] for match in found if match}


def pins(path: Path) -> dict[str, str]:
    lines = (line.split("#")[0].strip() for line in path.read_text().splitlines())
    return dict(line.split("==") for line in lines if line)


def test_the_newest_changelog_entry_is_this_version() -> None:
    newest = re.search(r"^## \[(\d[^\]]*)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert newest[1] == lightning_regkit.__version__


def test_the_lowest_pins_are_the_lower_bounds() -> None:
    tested = ("augment", "recipes", "report", "test", "tuning")
    bounds = floors([*PROJECT["dependencies"], *(each for extra in tested for each in EXTRAS[extra])])
    assert pins(ROOT / "constraints-lowest.txt") == bounds


def test_everything_that_is_installed_for_the_gates_is_pinned() -> None:
    extras = [requirement for extra in EXTRAS.values() for requirement in extra]
    direct = floors([*PROJECT["dependencies"], *extras])
    assert pins(ROOT / "constraints.txt").keys() == direct.keys()
