"""Curves are of one length, and accuracies are shares."""

import math

import pytest
from matplotlib.figure import Figure

from lightning_regkit.tuning._curves import Curves


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


def test_those_that_are_there_are_drawn() -> None:
    axes = Figure().add_subplot()
    Curves((2.0, 1.0), val_acc=(0.5, 0.75)).draw(axes)
    assert [line.get_label() for line in axes.lines] == ["train_loss", "val_acc"]
    assert list(axes.lines[1].get_ydata()) == [0.5, 0.75]
