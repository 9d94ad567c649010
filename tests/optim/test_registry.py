from typing import Any, cast

import pytest

from lightning_regkit import optim
from lightning_regkit.optim._registry import ENTRIES

ALL = ["adagrad", "adam", "adamw", "momentum", "nesterov", "rmsprop", "sgd"]


def test_names_lists_all_sorted_without_aliases() -> None:
    assert optim.names() == ALL


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("adam*", ["adam", "adamw"]),
        ("ada?", ["adam"]),
        ("[ns]*", ["nesterov", "sgd"]),
        ("sgd", ["sgd"]),
        ("ADAM*", []),
        ("nag", []),
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


@pytest.mark.parametrize("name", ALL)
def test_describe_returns_the_entry_of_that_name(name: str) -> None:
    assert optim.describe(name).name == name
    assert str(optim.describe(name)).startswith(f"{name}: torch.optim.")


@pytest.mark.parametrize(("alias", "name"), [("nag", "nesterov"), ("sgdm", "momentum")])
def test_an_alias_is_the_same_entry(alias: str, name: str) -> None:
    assert optim.describe(alias) is optim.describe(name)


def test_the_registry_cannot_be_written() -> None:
    with pytest.raises(TypeError):
        cast("dict[str, Any]", ENTRIES)["mine"] = ENTRIES["sgd"]


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("adamv", "Close: adamw, adam."),
        ("AdamW", "Close: adamw, adam."),
        ("SGD", "Close: sgd, sgdm."),
        ("neterov", "Close: nesterov."),
        ("rms-prop", "Close: rmsprop."),
        ("lion", "Registered: adagrad, adam, adamw, momentum, nesterov, rmsprop, sgd."),
        ("", "Registered: adagrad, adam, adamw, momentum, nesterov, rmsprop, sgd."),
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
