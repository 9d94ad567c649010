import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from lightning_regkit import optim
from lightning_regkit.optim._builtin import BUILTIN

CARD = Path(__file__).parents[2] / "docs" / "cards" / "optim_create.md"

# Two steps with gradient 1 from p = 1, by hand from each paper's update. weight_decay is 0 but for adamw (0.01).
#   momentum: v = 1, 1.9                              nesterov: g + 0.9 v = 1.9, then v = 1.9 and 1 + 1.71 = 2.71
#   adagrad: s = 1, 2; steps 0.1 / 1, 0.1 / sqrt(2)   rmsprop: s = 0.01, 0.0199; steps 0.01 / 0.1, 0.01 / sqrt(0.0199)
#   adam: m_hat = v_hat = 1 at both steps             adamw: p <- p (1 - 0.1 * 0.01) - 0.1
WORKED = {
    "sgd": (0.1, [0.9, 0.8]),
    "momentum": (0.1, [0.9, 0.71]),
    "nesterov": (0.1, [0.81, 0.539]),
    "adagrad": (0.1, [0.9, 0.9 - 0.1 / 2**0.5]),
    "rmsprop": (0.01, [0.9, 0.9 - 0.01 / 0.0199**0.5]),
    "adam": (0.1, [0.9, 0.8]),
    "adamw": (0.1, [0.899, 0.899 * 0.999 - 0.1]),
}

DEFAULTS: dict[str, tuple[float, float, dict[str, Any]]] = {
    "sgd": (1e-2, 0.0, {"momentum": 0, "nesterov": False}),
    "momentum": (1e-2, 0.0, {"momentum": 0.9, "nesterov": False}),
    "nesterov": (1e-2, 0.0, {"momentum": 0.9, "nesterov": True}),
    "adagrad": (1e-2, 0.0, {"lr_decay": 0}),
    "rmsprop": (1e-3, 0.0, {"alpha": 0.99, "momentum": 0}),
    "adam": (1e-3, 0.0, {"betas": (0.9, 0.999), "amsgrad": False}),
    "adamw": (1e-3, 1e-2, {"betas": (0.9, 0.999), "amsgrad": False}),
}


@pytest.mark.parametrize("name", WORKED)
def test_two_steps_by_hand(name: str) -> None:
    lr, expected = WORKED[name]
    module = nn.Linear(1, 1, bias=False, dtype=torch.float64)
    with torch.no_grad():
        module.weight.fill_(1.0)
    optimizer = optim.create(module, name, lr=lr)
    seen = []
    for _ in expected:
        optimizer.zero_grad()
        module(torch.ones(1, 1, dtype=torch.float64)).sum().backward()
        optimizer.step()
        seen.append(module.weight.item())
    assert seen == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_name_alone_gives_its_defaults(name: str) -> None:
    lr, weight_decay, options = DEFAULTS[name]
    group = optim.create(nn.Linear(1, 1, bias=False), name).param_groups[0]
    assert (group["lr"], group["weight_decay"]) == (lr, weight_decay)
    assert {key: group[key] for key in options} == options


@pytest.mark.parametrize("name", DEFAULTS)
def test_foreach_stays_with_torch(name: str) -> None:
    group = optim.create(nn.Linear(1, 1, bias=False), name).param_groups[0]
    assert (group["foreach"], group.get("fused")) == (None, None)


def test_the_tables_above_cover_every_entry() -> None:
    registered = {entry.name for entry in BUILTIN}
    assert registered == set(WORKED) == set(DEFAULTS)


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
    table = {name: (cls, float(lr), float(weight_decay)) for name, cls, lr, weight_decay in rows}
    assert table == {entry.name: (entry.optimizer_class.__name__, entry.lr, entry.weight_decay) for entry in BUILTIN}
