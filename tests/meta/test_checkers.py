"""Each rule on a planted violation, and on the nearest thing that is allowed."""

import pytest

from tests.meta import checkers


@pytest.mark.parametrize(
    "source",
    [
        "rate = base * 0.5",
        "rate = base / 2",
        "rate = base // 2",
        "rate = base ** 2",
        "rate = base @ base",
        "rate *= 0.5",
        "import math\nrate = math.cos(1.0)",
        "from math import cos\nrate = cos(1.0)",
        "import numpy as np\nrate = np.cos(1.0)",
        "import torch\nrate = torch.where(a, b, c)",
        "import torch.nn.functional as F\nrate = F.relu(a)",
        "from torch import where as choose\nrate = choose(a, b, c)",
        "from torch.nn import functional\nrate = functional.relu(a)",
        "class Mixup:\n    def hook(self):\n        self.rate = self.base * 2",
    ],
)
def test_formulas_are_found(source: str) -> None:
    assert len(checkers.formulas(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "step = step + 1",
        "epoch = epoch - 1",
        "odd = step % 2",
        "text = 'a' + 'b'",
        "import torch\nis_tensor = isinstance(a, torch.Tensor)",
        "import torch\ndef hook(batch: torch.Tensor | torch.vmap(None)) -> torch.vmap(None): ...",
        "import torch\nbatch: torch.vmap(None) = given",
        "from lightning_regkit.mixing import apply_mixup\nmixed = apply_mixup(a, b)",
    ],
)
def test_reading_calling_and_writing_are_no_formulas(source: str) -> None:
    assert checkers.formulas(source) == []


def test_a_formula_is_reported_with_its_line() -> None:
    assert checkers.formulas("a = 1\nb = a * 2") == ["2: a * 2"]


@pytest.mark.parametrize(
    "source",
    [
        "import lightning",
        "import lightning.pytorch as pl",
        "from lightning.pytorch import Callback",
        "import pytorch_lightning",
        "from lightning_fabric import Fabric",
        "def late():\n    import lightning",
        "from importlib import import_module\nimport_module('lightning.pytorch')",
        "import importlib\nimportlib.import_module('pytorch_lightning')",
        "__import__('lightning')",
    ],
)
def test_lightning_is_found(source: str) -> None:
    assert len(checkers.lightning_names(source)) == 1


@pytest.mark.parametrize(
    "source", ["import lightning_regkit", "from lightning_regkit._lightning import pl", "lightning = 1"]
)
def test_our_own_name_is_not_lightning(source: str) -> None:
    assert checkers.lightning_names(source) == []


@pytest.mark.parametrize(
    "source",
    [
        "import lightning_regkit._checks",
        "from lightning_regkit import _checks",
        "from lightning_regkit._durations import Horizon",
        "from lightning_regkit.schedules._cosine import cosine",
        "from lightning_regkit.schedules import _cosine",
    ],
)
def test_private_names_are_found(source: str) -> None:
    assert len(checkers.private_names(source, "lightning_regkit")) == 1


@pytest.mark.parametrize(
    "source",
    ["from lightning_regkit.schedules import cosine", "from lightning_regkit import __version__", "import _thread"],
)
def test_public_names_pass(source: str) -> None:
    assert checkers.private_names(source, "lightning_regkit") == []


def test_a_module_may_have_as_many_lines_as_the_limit() -> None:
    assert checkers.long_module("a = 1\n" * 150, 150) == []
    assert checkers.long_module("a = 1\n" * 151, 150) == ["151 lines, at most 150"]


def test_a_docstring_is_not_counted_as_body() -> None:
    head = 'def build():\n    """One line.\n\n    More.\n    """\n'
    assert checkers.long_functions(head + "    a = 1\n" * 25, 25) == []
    assert checkers.long_functions(head + "    a = 1\n" * 26, 25) == ["build: body of 26 lines, at most 25"]


def test_methods_have_bodies_too() -> None:
    source = "class Mixup:\n    def hook(self):\n" + "        a = 1\n" * 26
    assert checkers.long_functions(source, 25) == ["hook: body of 26 lines, at most 25"]


def test_every_kind_of_named_parameter_is_counted_and_self_is_not() -> None:
    assert checkers.wide_functions("def build(self, a, /, b, c, *args, d, e, **options): ...", 5, 5) == []
    assert checkers.wide_functions("def build(a, /, b, c, *, d, e, f): ...", 5, 10) == [
        "build: 6 parameters, at most 5"
    ]


def test_a_constructor_has_its_own_limit() -> None:
    source = "def __init__(self, a, b, *, c): ..."
    assert checkers.wide_functions(source, 2, 3) == []
    assert checkers.wide_functions(source, 3, 2) == ["__init__: 3 parameters, at most 2"]


def test_a_hook_keeps_the_signature_it_is_given() -> None:
    assert (
        checkers.wide_functions("class Mixup:\n    @override\n    def hook(self, a, b, c, d, e, f): ...", 5, 10) == []
    )


def test_positional_arguments_of_constructors_are_counted() -> None:
    assert checkers.positional_arguments("def __init__(self, a, b, *, c): ...", 2) == []
    assert checkers.positional_arguments("def hook(self, a, b, c): ...", 2) == []
    assert checkers.positional_arguments("def __init__(self, a, b, c): ...", 2) == [
        "__init__: 3 positional parameters, at most 2"
    ]
