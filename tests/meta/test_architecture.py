"""Who may contain what: the rules of CONTRIBUTING.md on every module of the tree."""

from pathlib import Path

import pytest

from tests.meta import checkers
from tests.meta.tree import CALLBACKS, MODULES, PACKAGE, RECIPES, ROOT, relative

IN_SEAM = PACKAGE / "_lightning"

# Module -> the sentence that says why no test file bears its name.
WITHOUT_OWN_TEST = {
    "lightning_regkit/__init__.py": "tests/meta/test_exports.py and test_imports.py are its tests",
}


def mirror(module: Path) -> Path:
    inside = module.relative_to(PACKAGE)
    return ROOT / "tests" / inside.with_name(f"test_{inside.name.lstrip('_')}")


@pytest.mark.parametrize("module", MODULES, ids=relative)
def test_every_module_has_its_test(module: Path) -> None:
    is_reexport = module.name == "__init__.py" and module.parent != PACKAGE
    assert is_reexport or relative(module) in WITHOUT_OWN_TEST or mirror(module).is_file(), (
        f"{relative(module)} needs {relative(mirror(module))}"
    )


def test_the_mirror_of_a_private_module_drops_its_underscore() -> None:
    assert relative(mirror(PACKAGE / "mixing" / "_mixup.py")) == "tests/mixing/test_mixup.py"
    assert relative(mirror(PACKAGE / "_lightning" / "_clock.py")) == "tests/_lightning/test_clock.py"
    assert relative(mirror(PACKAGE / "errors.py")) == "tests/test_errors.py"


@pytest.mark.parametrize("module", CALLBACKS, ids=relative)
def test_no_formula_in_a_callback(module: Path) -> None:
    assert checkers.formulas(module.read_text()) == []


@pytest.mark.parametrize("module", [path for path in MODULES if IN_SEAM not in path.parents], ids=relative)
def test_only_the_seam_names_lightning(module: Path) -> None:
    assert checkers.lightning_names(module.read_text()) == []


@pytest.mark.parametrize("module", RECIPES, ids=relative)
def test_recipes_use_public_names_only(module: Path) -> None:
    assert checkers.private_names(module.read_text(), "lightning_regkit") == []
