"""What is loaded by an import, each in a fresh interpreter; and the lazy names of the package."""

import subprocess
import sys

import pytest

import lightning_regkit

HEAVY = {"albumentations", "lightning", "numpy", "pytorch_lightning", "torch", "torchmetrics"}


def loaded_by(statement: str) -> set[str]:
    script = f"import sys; {statement}; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return HEAVY & set(result.stdout.split())


@pytest.mark.parametrize(
    "statement",
    [
        "import lightning_regkit",
        "import lightning_regkit.cli",
        "import lightning_regkit.errors",
        "import lightning_regkit.report",
        "import lightning_regkit.schedules",
        "import lightning_regkit.stopping",
    ],
)
def test_light_imports_load_nothing_heavy(statement: str) -> None:
    assert loaded_by(statement) == set()


def test_subpackages_load_when_first_used() -> None:
    assert "torch" in loaded_by("import lightning_regkit as rk; rk.mixing")


def test_albumentations_loads_when_first_used() -> None:
    assert loaded_by("import lightning_regkit.augment") == {"numpy"}
    assert "albumentations" in loaded_by("import lightning_regkit as rk; rk.augment.resnet_train")


def test_torchmetrics_loads_when_first_used() -> None:
    assert "torchmetrics" in loaded_by("import lightning_regkit as rk; rk.mixing.MixedAccuracy")


def test_explain_loads_when_first_used() -> None:
    assert "lightning" in loaded_by("import lightning_regkit as rk; rk.explain")


def test_pure_packages_do_not_load_lightning() -> None:
    names = ("crops", "ensemble", "marginalize", "mixing", "monitoring", "optim", "regularizers")
    statement = f"import {', '.join(f'lightning_regkit.{name}' for name in names)}"
    assert loaded_by(statement) == {"numpy", "torch"}


def test_dir_lists_the_public_names() -> None:
    assert dir(lightning_regkit) == sorted(lightning_regkit.__all__)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match=r"^module 'lightning_regkit' has no attribute 'mixin'$"):
        _ = lightning_regkit.mixin
