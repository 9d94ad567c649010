"""Curves are of one length, and accuracies are shares."""

import math

import pytest
from matplotlib.figure import Figure

from lightning_regkit.tuning._curves import Curves
from lightning_regkit.tuning._smooth import smooth


def test_what_is_kept() -> None:
    curves = Curves((2.0, math.nan), val_acc=(0.0, math.nan))
    assert curves.val_acc[0] == 0
    assert curves.val_loss == ()


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"^tuning\.Curves: train_loss must hold .* at least 1, got 0\.$"):
        Curves(())
    text = r"^tuning\.Curves: val_loss must hold as many values as train_loss, 2, at least 1, got 1\.$"
    with pytest.raises(ValueError, match=text):
        Curves((2.0, 1.0), (1.0,))
    text = r"^tuning\.Curves: val_acc must be in \[0, 1\], got 97\.0\. Divide percents by 100\.$"
    with pytest.raises(ValueError, match=text):
        Curves((1.0,), val_acc=(97.0,))
    with pytest.raises(ValueError, match=r"train_acc must be in"):
        Curves((1.0, 1.0), train_acc=(-0.5, 0.5))


def test_those_that_are_there_are_drawn_smoothed_over_what_was_logged() -> None:
    figure = Figure()
    losses, accuracies = (2.0, 1.0, 0.5, 0.5), (0.5, 0.75, 0.25, 0.75)
    Curves(losses, val_acc=accuracies).draw(figure.add_subplot())
    left, right = figure.axes
    assert [tuple(line.get_ydata()) for line in left.lines] == [losses, smooth(losses, 1)]
    assert [tuple(line.get_ydata()) for line in right.lines] == [accuracies, smooth(accuracies, 1)]
    assert (left.get_ylabel(), right.get_ylabel()) == ("loss", "accuracy")
    legend = left.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["train_loss", "val_acc"]


def test_losses_alone_have_one_axis() -> None:
    figure = Figure()
    Curves((2.0, 1.0)).draw(figure.add_subplot())
    (axes,) = figure.axes
    assert axes.get_title() == "curves of a run, means over 3 epochs"


@pytest.mark.parametrize(("count", "reach"), [(1, 1), (39, 1), (40, 2), (100, 5)])
def test_the_reach_grows_with_the_run(count: int, reach: int) -> None:
    assert Curves((1.0,) * count).reach == reach
