"""The picture holds the numbers; without matplotlib it says what to do."""

import re
import sys
from collections.abc import Iterator

import matplotlib as mpl
import pytest
from matplotlib import pyplot as plt

from lightning_regkit.schedules import Cosine, Linear, plot, simulate


@pytest.fixture(autouse=True)
def _no_window() -> Iterator[None]:
    mpl.use("agg")
    plt.close("all")
    yield
    plt.close("all")


def test_the_picture_holds_the_numbers() -> None:
    axes = plot(Cosine(), total_steps=30, warmup="0.5ep", start_factor=0.0, steps_per_epoch=10)
    (line,) = axes.lines
    assert list(line.get_xdata()) == list(range(31))
    expected = simulate(Cosine(), total_steps=30, warmup="0.5ep", start_factor=0.0, steps_per_epoch=10)
    assert tuple(line.get_ydata()) == expected
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("optimizer step", "factor of the base rate")


def test_a_second_call_adds_a_second_curve_with_its_label() -> None:
    plot(Cosine(), total_steps=30)
    axes = plot(Linear(0.1), total_steps=20)
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["Cosine(final_factor=0.0)", "Linear(final_factor=0.1)"]


def test_what_a_run_would_refuse_is_refused_before_anything_is_drawn() -> None:
    with pytest.raises(ValueError, match=r"^ScheduleLR: warmup must be shorter than the run of 10 steps"):
        plot(Cosine(), total_steps=10, warmup=10)
    assert plt.get_fignums() == []


def test_without_matplotlib_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    text = "schedules.plot: matplotlib must be installed. Install it, or take the numbers of schedules.simulate."
    with pytest.raises(ImportError, match=f"^{re.escape(text)}$"):
        plot(Cosine(), total_steps=10)
