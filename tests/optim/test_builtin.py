import inspect
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from lightning_regkit import optim
from lightning_regkit.optim._builtin import BUILTIN
from lightning_regkit.optim._later_entries import CAME_WITH

CARD = Path(__file__).parents[2] / "docs" / "cards" / "optim_create.md"

DEFAULTS: dict[str, tuple[float, float | None, dict[str, Any]]] = {
    "sgd": (1e-2, 0.0, {"momentum": 0, "nesterov": False}),
    "momentum": (1e-2, 0.0, {"momentum": 0.9, "nesterov": False}),
    "nesterov": (1e-2, 0.0, {"momentum": 0.9, "nesterov": True}),
    "adagrad": (1e-2, 0.0, {"lr_decay": 0}),
    "rmsprop": (1e-3, 0.0, {"alpha": 0.99, "momentum": 0}),
    "adam": (1e-3, 0.0, {"betas": (0.9, 0.999), "amsgrad": False}),
    "adamw": (1e-3, 1e-2, {"betas": (0.9, 0.999), "amsgrad": False}),
    "adadelta": (1.0, 0.0, {"rho": 0.9, "eps": 1e-6}),
    "adafactor": (1e-2, 0.0, {"beta2_decay": -0.8, "d": 1.0}),
    "adamax": (2e-3, 0.0, {"betas": (0.9, 0.999)}),
    "asgd": (1e-2, 0.0, {"lambd": 1e-4, "alpha": 0.75, "t0": 1e6}),
    "nadam": (2e-3, 0.0, {"betas": (0.9, 0.999), "decoupled_weight_decay": False}),
    "radam": (1e-3, 0.0, {"betas": (0.9, 0.999), "decoupled_weight_decay": False}),
    "rprop": (1e-2, None, {"etas": (0.5, 1.2), "step_sizes": (1e-6, 50)}),
    "lbfgs": (1.0, None, {"line_search_fn": "strong_wolfe", "max_iter": 20}),
    "muon": (1e-3, 0.1, {"momentum": 0.95, "nesterov": True, "ns_steps": 5}),
}
BUILT_IN = sorted(entry.name for entry in BUILTIN if entry.optimizer_class is not optim.SAM)
OF_TORCH = [entry for entry in BUILTIN if entry.name in BUILT_IN]


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_name_alone_gives_its_defaults(name: str) -> None:
    lr, weight_decay, options = DEFAULTS[name]
    group = optim.create(nn.Linear(1, 1, bias=False), name).param_groups[0]
    assert (group["lr"], group.get("weight_decay")) == (lr, weight_decay)
    assert {key: group[key] for key in options} == options


@pytest.mark.parametrize("name", BUILT_IN)
def test_foreach_stays_with_torch(name: str) -> None:
    group = optim.create(nn.Linear(1, 1, bias=False), name).param_groups[0]
    assert (group.get("foreach"), group.get("fused")) == (None, None)


def test_the_table_above_covers_every_entry() -> None:
    absent = {name for name in CAME_WITH if name not in BUILT_IN}
    assert set(BUILT_IN) == set(DEFAULTS) - absent


def test_every_optimizer_of_torch_is_built_in_but_the_one_for_sparse_gradients() -> None:
    classes = {value for value in vars(torch.optim).values() if isinstance(value, type)}
    assert {entry.optimizer_class for entry in BUILTIN} - classes == {optim.SAM}
    assert classes - {entry.optimizer_class for entry in BUILTIN} == {torch.optim.Optimizer, torch.optim.SparseAdam}


@pytest.mark.parametrize("entry", OF_TORCH, ids=lambda entry: entry.name)
def test_an_entry_without_weight_decay_is_one_whose_class_has_none(entry: optim.OptimizerEntry) -> None:
    has_decay = "weight_decay" in inspect.signature(entry.optimizer_class).parameters
    assert (entry.weight_decay is not None) == has_decay == (entry.is_decoupled is not None)


def test_every_name_and_alias_is_unique_and_lower_case() -> None:
    keys = [key for entry in BUILTIN for key in (entry.name, *entry.aliases)]
    assert len(keys) == len(set(keys))
    assert keys == [key.lower() for key in keys]


def test_every_entry_has_a_summary_and_a_reference_with_its_year() -> None:
    for entry in BUILTIN:
        assert entry.summary
        assert re.search(r"\b(19|20)\d\d\b", entry.reference), entry.name


def test_the_card_s_table_says_the_same() -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*?\| `torch\.optim\.(\w+)` \| (\S+) \| (\S+) \|", CARD.read_text("utf-8"), re.M)
    table = {name: (cls, float(lr), None if decay == "–" else float(decay)) for name, cls, lr, decay in rows}
    for absent in CAME_WITH.keys() - set(BUILT_IN):
        del table[absent]
    assert table == {entry.name: (entry.optimizer_class.__name__, entry.lr, entry.weight_decay) for entry in OF_TORCH}


def test_sam_has_no_rate_of_its_own_and_the_decay_of_its_base() -> None:
    entry = optim.describe("sam")
    assert (entry.lr, entry.weight_decay, entry.is_decoupled) == (None, 0.0, None)
    assert entry.accepted() == {"base": "momentum", "rho": 0.05}
    assert entry.needs_closure
    assert str(entry) == (
        "sam: lightning_regkit.optim._sam.SAM\n"
        "  e = rho g(w) / |g(w)|; a step of the base optimizer from w with g(w + e)\n"
        "  defaults: weight_decay=0.0, base=momentum, rho=0.05\n"
        "  notes: lr must be given; step needs a closure\n"
        "  reference: Foret et al. 2021, arXiv 2010.01412, algorithm 1"
    )
