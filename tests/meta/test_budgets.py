"""How large a thing may grow."""

from pathlib import Path

import pytest

from tests.meta import checkers
from tests.meta.tree import CALLBACKS, MODULES, RECIPES, relative

MODULE_LINES = 150
CALLBACK_LINES = 120
FUNCTION_LINES = 25
PARAMETERS = 5
CALLBACK_PARAMETERS = 10
CALLBACK_POSITIONAL_PARAMETERS = 2

PROGRAMS = [*MODULES, *RECIPES]


@pytest.mark.parametrize("module", PROGRAMS, ids=relative)
def test_module_budget(module: Path) -> None:
    assert checkers.long_module(module.read_text(), CALLBACK_LINES if module in CALLBACKS else MODULE_LINES) == []


@pytest.mark.parametrize("module", PROGRAMS, ids=relative)
def test_function_budget(module: Path) -> None:
    assert checkers.long_functions(module.read_text(), FUNCTION_LINES) == []


@pytest.mark.parametrize("module", PROGRAMS, ids=relative)
def test_parameter_budget(module: Path) -> None:
    limit = CALLBACK_PARAMETERS if module in CALLBACKS else PARAMETERS
    assert checkers.wide_functions(module.read_text(), PARAMETERS, limit) == []


@pytest.mark.parametrize("module", CALLBACKS, ids=relative)
def test_callbacks_are_keyword_only_after_the_first_two(module: Path) -> None:
    assert checkers.positional_arguments(module.read_text(), CALLBACK_POSITIONAL_PARAMETERS) == []
