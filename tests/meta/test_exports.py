"""One idea, four places with the same name: what is exported is documented in full, and nothing else is public."""

import inspect
import re
from pathlib import Path
from types import ModuleType

import pytest

import lightning_regkit
from tests.meta import docstrings
from tests.meta.tree import PUBLIC, ROOT, exported, public_package

EXPORTED = [
    pytest.param(value, id=f"{package}.{name}")
    for package in PUBLIC
    for name, value in exported(package)
    if inspect.isfunction(value) or inspect.isclass(value)
] + [pytest.param(lightning_regkit.explain, id="explain")]
CLASSES = [parameter for parameter in EXPORTED if inspect.isclass(parameter.values[0])]
CALLBACKS = [name for name, _ in exported("callbacks")]


def card(callback: str) -> Path:
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", callback).lower()
    return ROOT / "docs" / "cards" / f"{snake}.md"


def importable(package: ModuleType) -> list[str]:
    names = (name for name, value in vars(package).items() if not isinstance(value, ModuleType))
    return sorted(name for name in names if not name.startswith("_"))


def is_final_or_abstract(cls: type) -> bool:
    return getattr(cls, "__final__", False) or inspect.isabstract(cls) or issubclass(cls, Exception)


def test_the_package_exports_its_public_packages_and_explain() -> None:
    assert lightning_regkit.__all__ == ["__version__", *sorted(["explain", *PUBLIC])]


@pytest.mark.parametrize("package", PUBLIC)
def test_all_is_sorted_and_is_what_can_be_imported(package: str) -> None:
    assert public_package(package).__all__ == importable(public_package(package))


@pytest.mark.parametrize("package", PUBLIC)
def test_a_package_says_what_is_inside(package: str) -> None:
    assert public_package(package).__doc__


@pytest.mark.parametrize("value", EXPORTED)
def test_a_docstring_has_no_gaps(value: docstrings.Exported) -> None:
    assert docstrings.gaps(value) == []


@pytest.mark.parametrize("cls", CLASSES)
def test_public_members_are_documented(cls: type) -> None:
    assert docstrings.silent_members(cls) == []


@pytest.mark.parametrize("cls", CLASSES)
def test_a_class_is_abstract_or_final(cls: type) -> None:
    assert is_final_or_abstract(cls)


@pytest.mark.parametrize("package", PUBLIC)
def test_the_api_pages_show_every_package(package: str) -> None:
    assert f".. automodule:: lightning_regkit.{package}\n" in (ROOT / "docs" / "api" / f"{package}.md").read_text()


@pytest.mark.parametrize("callback", CALLBACKS)
def test_every_callback_has_a_card(callback: str) -> None:
    assert card(callback).read_text().startswith(f"# {callback}\n")


@pytest.mark.parametrize(
    ("callback", "name"),
    [("Mixup", "mixup"), ("ScheduleLR", "schedule_lr"), ("BestEpochCheckpoint", "best_epoch_checkpoint")],
)
def test_the_card_of_a_callback_is_named_in_snake_case(callback: str, name: str) -> None:
    assert card(callback).stem == name


def test_a_concrete_class_that_is_not_final_is_seen() -> None:
    class Open: ...

    assert not is_final_or_abstract(Open)
