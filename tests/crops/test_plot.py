"""The picture holds the numbers; without matplotlib it says what to do."""

import re
import sys
from pathlib import Path

import pytest
from matplotlib import pyplot as plt

from lightning_regkit.crops import ViewsRow, plot_curve

ROWS = (ViewsRow(1, 0.7, 0.9, 2.54), ViewsRow(10, 0.8, 0.6, 24.0), ViewsRow(50, 0.81, 0.5, 1234.5))


def test_the_picture_holds_the_numbers() -> None:
    (axes,) = plot_curve(ROWS).axes
    (line,) = axes.lines
    assert list(line.get_xdata()) == [1, 10, 50]
    assert list(line.get_ydata()) == [0.7, 0.8, 0.81]
    assert [text.get_text() for text in axes.texts] == ["2.5 ms", "24 ms", "1234 ms"]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["1", "10", "50"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("views, from the center outwards", "accuracy")
    assert axes.get_xscale() == "log"


def test_it_is_a_figure_of_its_own_that_can_be_saved(tmp_path: Path) -> None:
    before = plt.get_fignums()
    plot_curve(ROWS).savefig(tmp_path / "curve.png")
    assert (tmp_path / "curve.png").stat().st_size > 1000
    assert plt.get_fignums() == before


def test_no_rows_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^crops\.plot_curve: rows must hold at least one, got \(\)\.$"):
        plot_curve(())


def test_without_matplotlib_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    text = "crops.plot_curve: matplotlib must be installed. Install it, or print the rows."
    with pytest.raises(ImportError, match=f"^{re.escape(text)}$"):
        plot_curve(ROWS)
