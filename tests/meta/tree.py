"""Where things are."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "lightning_regkit"
MODULES = sorted(PACKAGE.rglob("*.py"))
CALLBACKS = sorted((PACKAGE / "callbacks").glob("*.py"))
RECIPES = sorted((ROOT / "recipes").rglob("*.py"))
PUBLIC = sorted(
    path.stem
    for path in PACKAGE.iterdir()
    if not path.name.startswith(("_", ".")) and (path.suffix == ".py" or (path / "__init__.py").exists())
)


def relative(path: Path) -> str:
    """``path`` as it reads from the root of the repository."""
    return path.relative_to(ROOT).as_posix()


def public_package(name: str) -> ModuleType:
    """``lightning_regkit.<name>``, imported."""
    return import_module(f"lightning_regkit.{name}")


def exported(name: str) -> list[tuple[str, object]]:
    """Names that ``lightning_regkit.<name>`` exports, with their values."""
    package = public_package(name)
    return [(public, getattr(package, public)) for public in package.__all__]  # some load when they are asked for
