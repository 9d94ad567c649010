"""Every cell of the table, in a real Trainer."""

from functools import cache
from itertools import pairwise, product
from pathlib import Path

import pytest
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from torch import Tensor, nn
from torch.nn import functional

from lightning_regkit import optim
from lightning_regkit.optim._later_entries import CAME_WITH
from tests.optim.probe import by_hand, data, fitted, net
from tests.optim.support_table import BY_LIGHTNING, COLUMNS, EXCEPTIONS, NAMES, cell, page

PAGE = Path(__file__).parents[2] / "docs" / "optimizers_support.md"
HERE = [name for name in NAMES if name not in CAME_WITH.keys() - set(optim.names())]
CELLS = [pair for pair in product(HERE, COLUMNS) if pair[1] != "ddp"]  # DDP: tests/ddp/test_optimizers.py
WORKING = [pair for pair in CELLS if cell(*pair).verdict != "refused"]
REFUSED = [pair for pair in CELLS if cell(*pair).verdict == "refused"]


def weights(module: nn.Module) -> Tensor:
    return torch.cat([parameter.detach().double().flatten() for parameter in module.parameters()])


@cache
def fitted_weights(name: str, column: str) -> Tensor:
    return weights(fitted(name, column))


def tolerance(name: str, column: str) -> float:
    """Of the way gone: sums in another order where batches were joined, which Muon's bfloat16 takes for more."""
    if column != "accumulation":
        return 0.0 if column != "clip_norm" else 1e-12
    return 2e-2 if name == "muon" else 1e-9


@pytest.mark.parametrize(("name", "column"), WORKING)
def test_what_is_supported_equals_a_loop_written_by_hand(name: str, column: str) -> None:
    ours, theirs, start = fitted_weights(name, column), weights(by_hand(name, column)), weights(net())
    way = (theirs - start).abs().max()
    assert way > 1e-4, "it moved"
    assert (ours - theirs).abs().max() <= tolerance(name, column) * way


@pytest.mark.parametrize(("name", "column"), WORKING)
def test_what_is_supported_has_an_effect(name: str, column: str) -> None:
    is_same = torch.equal(fitted_weights(name, column), weights(by_hand(name, "plain")))
    assert is_same == ((name, column) in {("rprop", "clip_norm"), ("rprop", "clip_value")})


@pytest.mark.parametrize(("name", "column"), REFUSED)
def test_what_is_refused_says_this_sentence(name: str, column: str) -> None:
    with pytest.raises((ValueError, TypeError, RuntimeError)) as refused:
        fitted(name, column)
    assert str(refused.value) == cell(name, column).text


def test_what_lightning_refuses_says_this_sentence() -> None:
    with pytest.raises(MisconfigurationException) as closure:
        fitted("lbfgs", "fp16", is_guarded=False)
    with pytest.raises(RuntimeError) as fused:
        fitted("adamw", "fp16_clipped", fused=True)
    assert [str(closure.value), str(fused.value)] == list(BY_LIGHTNING.values())


def test_the_norm_of_lamb_s_own_clipping_is_over_all_groups() -> None:
    groups = fitted("lamb", "groups", max_grad_norm=0.1)
    assert not torch.equal(weights(groups), weights(fitted("lamb", "groups")))
    assert cell("lamb", "groups").verdict == "note"


def test_l_bfgs_does_less_in_bfloat16() -> None:
    def loss(module: nn.Module) -> float:
        inputs, targets = data().tensors
        return functional.cross_entropy(module.double()(inputs), targets).item()

    assert loss(fitted("lbfgs", "plain")) < loss(fitted("lbfgs", "bf16")) < loss(net())


def test_every_name_has_a_row_and_every_exception_a_cell() -> None:
    assert set(NAMES) == {*optim.names(), *CAME_WITH}
    assert {name for name, _ in EXCEPTIONS} <= set(NAMES)
    assert {column for _, column in EXCEPTIONS} <= set(COLUMNS)


def test_the_page_in_the_docs_is_the_one_that_is_made() -> None:
    assert PAGE.read_text("utf-8") == page(), "python -m tests.optim.support_table > docs/optimizers_support.md"


def test_the_table_is_rectangular() -> None:
    rows = [line for line in page().splitlines() if line.startswith(("| `", "| |"))]
    rows = [row for row in rows if row.count("|") > 4]
    assert len(rows) == 1 + len(NAMES)
    assert all(one.count("|") == two.count("|") for one, two in pairwise(rows))
