"""Which layers are chosen: types, names, positions, worked by hand, and what is refused."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lightning_regkit.regularizers import Where, find_layers
from lightning_regkit.regularizers._where import as_where


class Special(nn.Linear):
    """A layer of a derived class."""


class Net(nn.Module):
    """Two stages, a head that is in two places, and a list that is no child."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU())
        self.deep = nn.ModuleDict({"stage": nn.Sequential(nn.Conv2d(2, 2, 3), nn.BatchNorm2d(2), nn.ReLU())})
        self.head = Special(2, 3)
        self.again = self.head
        self.aside = [nn.Linear(1, 1)]


def named(**options: Any) -> list[str]:
    return list(find_layers(Net(), Where(**options)))


CASES: list[tuple[dict[str, Any], list[str]]] = [
    ({"types": nn.Conv2d}, ["stage.0", "deep.stage.0"]),
    ({"types": (nn.Conv2d, nn.ReLU)}, ["stage.0", "stage.2", "deep.stage.0", "deep.stage.2"]),
    ({"types": [nn.ReLU]}, ["stage.2", "deep.stage.2"]),
    ({"types": nn.Linear}, ["head"]),
    ({"names": "*.1"}, ["stage.1", "deep.stage.1"]),
    ({"names": "stage.1"}, ["stage.1"]),
    ({"names": ["deep*.0", "head"]}, ["deep.stage.0", "head"]),
    ({"names": "again"}, ["head"]),
    ({"types": nn.ReLU, "names": "deep.*"}, ["deep.stage.2"]),
    ({"names": "*.[01]", "positions": 0}, ["stage.0"]),
    ({"names": "*.[01]", "positions": -1}, ["deep.stage.1"]),
    ({"names": "*.[01]", "positions": (2, 0)}, ["stage.0", "deep.stage.0"]),
    ({"names": "*.[01]", "positions": [-4, 0]}, ["stage.0"]),
    ({"names": "*.[01]", "positions": slice(1, None, 2)}, ["stage.1", "deep.stage.1"]),
    ({"names": "*.[01]", "positions": slice(-1, None)}, ["deep.stage.1"]),
]


@pytest.mark.parametrize(("options", "expected"), CASES, ids=str)
def test_what_is_chosen(options: dict[str, Any], expected: list[str]) -> None:
    assert named(**options) == expected


def test_the_layers_themselves_are_found_and_the_root_is_not() -> None:
    net = Net()
    found = find_layers(net, Where(names="head"))
    assert found["head"] is net.head
    assert list(find_layers(nn.Sequential(nn.Sequential()), Where(nn.Sequential))) == ["0"]


@given(st.integers(1, 6), st.lists(st.integers(-6, 5), min_size=1, max_size=4))
def test_positions_are_those_of_a_list(count: int, positions: list[int]) -> None:
    net = nn.Sequential(*(nn.ReLU() for _ in range(count)))
    if all(-count <= position < count for position in positions):
        expected = sorted({str(range(count)[position]) for position in positions}, key=int)
        assert list(find_layers(net, Where(positions=positions))) == expected
    else:
        with pytest.raises(ValueError, match=f"be among the {count} layers that match"):
            find_layers(net, Where(positions=positions))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"types": nn.Conv3d},
            "where must choose a layer of the module, got 'Conv3d'. It holds 2 Sequential, 2 Conv2d, 2 BatchNorm2d, "
            "2 ReLU, 1 ModuleDict, 1 Special.",
        ),
        (
            {"types": nn.ReLU, "names": "head", "positions": 1},
            "where must choose a layer of the module, got 'ReLU named head at 1'. It holds 2 Sequential, 2 Conv2d, "
            "2 BatchNorm2d, 2 ReLU, 1 ModuleDict, 1 Special.",
        ),
        ({"types": nn.ReLU, "positions": 2}, "positions must be among the 2 layers that match, got 2."),
        ({"types": nn.ReLU, "positions": -3}, "positions must be among the 2 layers that match, got -3."),
        (
            {"types": nn.ReLU, "positions": slice(2, None)},
            "positions must choose one of the 2 layers that match, got slice(2, None, None).",
        ),
        ({"types": nn.ReLU, "positions": ()}, "positions must choose one of the 2 layers that match, got ()."),
        (
            {"names": "deep*"},
            "where must choose no layer inside another, got 'deep and deep.stage'. Name types or names.",
        ),
    ],
)
def test_what_cannot_be_chosen(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(f'regularizers.find_layers: {text}')}$"):
        named(**options)


def test_a_long_list_of_types_is_cut_and_the_owner_named() -> None:
    kinds = [nn.ReLU, nn.GELU, nn.SELU, nn.CELU, nn.Tanh, nn.Sigmoid, nn.SiLU, nn.Mish, nn.Softsign]
    with pytest.raises(ValueError, match=r"^Surgery: .*1 SiLU, 1 Mish, \.\.\.\.$"):
        find_layers(nn.Sequential(*(kind() for kind in kinds)), Where(nn.Linear), owner="Surgery")
    with pytest.raises(ValueError, match=r"It holds no layer\.$"):
        find_layers(nn.ReLU(), Where())


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"types": "Linear"}, "types must be one class of layers or several, got 'Linear'."),
        ({"types": int}, "types must be one class of layers or several, got <class 'int'>."),
        ({"types": ()}, "types must be one class of layers or several, got ()."),
        ({"types": (nn.Linear, 3)}, re.escape("types must be one class of layers or several, got (<class 'torch")),
        ({"names": 3}, "names must be one name pattern or several, got 3."),
        ({"names": ["a", 3]}, "names must be one name pattern or several, got ['a', 3]."),
        ({"positions": "0"}, "positions must be one integer, several, or a slice, got '0'."),
        ({"positions": True}, "positions must be one integer, several, or a slice, got True."),
        ({"positions": [0.5]}, "positions must be one integer, several, or a slice, got [0.5]."),
    ],
)
def test_refused_arguments(options: dict[str, Any], text: str) -> None:
    with pytest.raises(TypeError, match="Where") as caught:
        Where(**options)
    assert str(caught.value).startswith(f"Where: {text}".replace("\\", ""))


def test_short_forms() -> None:
    assert as_where("Surgery", nn.Linear) == Where((nn.Linear,))
    assert as_where("Surgery", [nn.Linear, nn.Conv2d]) == Where((nn.Linear, nn.Conv2d))
    assert as_where("Surgery", "*.bn2") == Where(names="*.bn2")
    whole = Where(nn.Linear, positions=-1)
    assert as_where("Surgery", whole) is whole


@pytest.mark.parametrize("where", [None, 3, [], (), [nn.Linear, "fc"], nn.ReLU()], ids=str)
def test_what_is_no_short_form_is_refused(where: Any) -> None:
    text = f"Surgery: where must be a class of layers, a name pattern, or Where, got {where!r}."
    with pytest.raises(TypeError, match=f"^{re.escape(text)}$"):
        as_where("Surgery", where)


def test_it_says_itself() -> None:
    assert str(Where()) == "any layer"
    assert str(Where((nn.Linear, nn.Conv2d), "*.fc", -1)) == "Linear or Conv2d named *.fc at -1"
