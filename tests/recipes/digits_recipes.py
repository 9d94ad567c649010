"""The YAML of each variant of the quickstart."""

from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[2] / "recipes" / "digits"
NAMES = {"plain": "baseline.yaml", "regularized": "regularized.yaml"}


def recipe(name: str) -> Any:
    return yaml.safe_load((FOLDER / NAMES[name]).read_text())
