import sys
from pathlib import Path

import pytest


@pytest.fixture
def empty_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Be in one, with a command line that holds nothing: LightningCLI warns where it sees arguments twice."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["recipes"])
