from typing import Any, cast

import pytest
import torch

from lightning_regkit import optim
from lightning_regkit.optim import _registry
from lightning_regkit.optim._registry import ENTRIES

BUILT_IN = [
    *("adadelta", "adafactor", "adagrad", "adam", "adamax", "adamw", "asgd", "lbfgs", "momentum"),
    *(["muon"] if "Muon" in vars(torch.optim) else []),
    *("nadam", "nesterov", "radam", "rmsprop", "rprop", "sgd"),
]
ALL = sorted([*BUILT_IN, "lamb", "lars", "lion", "sam"])
REGISTERED = f"Registered: {', '.join(ALL)}; timm's: see names('timm/*')."


def test_names_lists_all_sorted_without_aliases() -> None:
    assert optim.names() == ALL


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("adam*", ["adam", "adamax", "adamw"]),
        ("ada?", ["adam"]),
        ("[ns]*", ["nadam", "nesterov", "sam", "sgd"]),
        ("sgd", ["sgd"]),
        ("ADAM*", []),
        ("nag", []),
        ("lion", ["lion"]),
        ("timm/lam?", ["timm/lamb"]),
        ("*/lion", ["timm/lion"]),
        ("apex/*", []),
        ("", []),
    ],
)
def test_names_by_pattern(pattern: str, expected: list[str]) -> None:
    assert optim.names(pattern) == expected


def test_names_gives_a_list_of_its_own() -> None:
    optim.names().clear()
    assert optim.names() == ALL


def test_a_pattern_that_is_no_string_is_refused() -> None:
    with pytest.raises(TypeError) as refused:
        optim.names(cast("str", 3))
    assert str(refused.value) == "optim.names: pattern must be a string, got 3."


@pytest.mark.parametrize("name", BUILT_IN)
def test_describe_returns_the_entry_of_that_name(name: str) -> None:
    assert optim.describe(name).name == name
    assert str(optim.describe(name)).startswith(f"{name}: torch.optim.")


@pytest.mark.parametrize(("alias", "name"), [("nag", "nesterov"), ("sgdm", "momentum"), ("l-bfgs", "lbfgs")])
def test_an_alias_is_the_same_entry(alias: str, name: str) -> None:
    assert optim.describe(alias) is optim.describe(name)


def test_the_registry_cannot_be_written() -> None:
    with pytest.raises(TypeError):
        cast("dict[str, Any]", ENTRIES)["mine"] = ENTRIES["sgd"]


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("adamv", "Close: adamw, adam, adamax."),
        ("AdamW", "Close: adamw, adam, adamax."),
        ("SGD", "Close: sgd, sgdm, asgd."),
        ("Lion", "Close: lion."),
        ("neterov", "Close: nesterov."),
        ("rms-prop", "Close: rmsprop, rprop."),
        ("adopt", "Close: timm/adopt."),
        ("timm/qqqqqq", REGISTERED),
        ("qqq", REGISTERED),
        ("", REGISTERED),
    ],
)
def test_an_unknown_name_is_refused_with_what_is_close(name: str, suggestion: str) -> None:
    with pytest.raises(ValueError, match="registered") as refused:
        optim.describe(name)
    assert str(refused.value) == f"optim.describe: name must be a registered optimizer, got {name!r}. {suggestion}"


def test_a_name_that_is_no_string_is_refused() -> None:
    with pytest.raises(TypeError) as refused:
        optim.describe(cast("str", None))
    assert str(refused.value) == "optim.describe: name must be a string, got <class 'NoneType'>."


def test_a_name_of_a_newer_torch_is_refused_with_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_registry, "CAME_WITH", {"shampoo": "9.1"})
    with pytest.raises(ValueError, match="shampoo") as refused:
        optim.describe("shampoo")
    assert str(refused.value) == (
        f"optim.describe: name must be in torch {torch.__version__}, got 'shampoo'. It came with torch 9.1."
    )


def test_what_is_close_to_a_name_of_timm_s_is_timm_s() -> None:
    with pytest.raises(ValueError, match=r"Close: timm/lion[^.]*\.$"):
        optim.describe("timm/lionx")
    with pytest.raises(ValueError, match=r"Close: timm/lion[^.]*\.$"):
        optim.describe("timm/Lion")


def test_a_short_name_is_the_entry_of_timm_s() -> None:
    assert optim.describe("lion") == optim.describe("timm/lion")
    assert optim.describe("lion").name == "timm/lion"
