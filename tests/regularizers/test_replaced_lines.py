"""What was replaced, in words."""

import pytest
from torch import nn

from lightning_regkit.regularizers import DropConnect, followed_by, replace_layers
from lightning_regkit.regularizers._replaced_lines import replaced_lines, shown_names, shown_rates


def test_a_line_for_each_kind() -> None:
    net = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 1), nn.ReLU(), nn.ReLU())
    layers = {
        "0": DropConnect(net[0]),
        "1": nn.RReLU(),
        "2": followed_by(net[2], nn.Dropout()),
        "3": nn.RReLU(),
        "4": nn.GELU(),
    }
    assert replaced_lines(replace_layers(net, layers)) == [
        "1 Linear replaced by DropConnect: 0",
        "2 ReLU replaced by RReLU: 1, 3",
        "1 Linear followed by Dropout: 2",
        "1 ReLU replaced by GELU: 4",
    ]


def test_a_layer_that_is_followed_already() -> None:
    net = nn.Sequential(nn.Linear(1, 1))
    replace_layers(net, {"0": followed_by(net[0], nn.Dropout())})
    again = replace_layers(net, {"0": followed_by(net[0], nn.AlphaDropout())})
    assert replaced_lines(again) == ["1 Linear followed by AlphaDropout: 0"]


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["a"], "a"),
        (["a", "b", "c", "d"], "a, b, c, d"),
        (["a", "b", "c", "d", "e"], "a, b, c, ..., e"),
        (["a", "b", "c", "d", "e", "f"], "a, b, c, ..., f"),
    ],
)
def test_the_middle_of_many_names_is_left_out(names: list[str], text: str) -> None:
    assert shown_names(names) == text


@pytest.mark.parametrize(
    ("rates", "text"),
    [([], ""), ([0.5], ", rate 0.5"), ([0.1, 0.1], ", rate 0.1"), ([0.025, 0.05, 0.2], ", rates 0.025 to 0.2")],
)
def test_rates(rates: list[float], text: str) -> None:
    assert shown_rates(rates) == text
