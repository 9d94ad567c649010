from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import pytest
from torch import nn
from torch.optim import SGD

from lightning_regkit import optim
from lightning_regkit.optim._register import REGISTERED


class Mine(SGD):
    """An optimizer of the user's own."""


ENTRY = optim.OptimizerEntry(
    "mine", Mine, 0.5, 0.25, "p <- p - lr g", "nobody 2000", options=(("momentum", 0.75),), aliases=("own",)
)


@pytest.fixture(autouse=True)
def _nothing_stays_registered() -> Iterator[None]:
    yield
    REGISTERED.clear()


def test_is_created_listed_and_described() -> None:
    assert optim.register(ENTRY) is ENTRY
    assert optim.names("mine") == ["mine"]
    assert "mine" in optim.names()
    assert optim.describe("mine") is ENTRY
    assert optim.describe("own") is ENTRY
    optimizer = optim.create(nn.Linear(2, 1, bias=False), "own", nesterov=True)
    group = optimizer.param_groups[0]
    assert type(optimizer) is Mine
    assert (group["lr"], group["weight_decay"], group["momentum"], group["nesterov"]) == (0.5, 0.25, 0.75, True)


def test_is_among_the_close_ones() -> None:
    optim.register(ENTRY)
    with pytest.raises(ValueError, match=r"Close: mine\.$"):
        optim.describe("minx")


def test_unregister_takes_name_and_aliases_out() -> None:
    optim.register(ENTRY)
    assert optim.unregister("mine") is ENTRY
    assert optim.names("mine") == []
    for name in ("mine", "own"):
        with pytest.raises(ValueError, match="registered"):
            optim.describe(name)


def test_the_same_entry_again_is_nothing_new() -> None:
    optim.register(ENTRY)
    optim.register(replace(ENTRY))
    assert list(REGISTERED) == ["mine"]


@pytest.mark.parametrize("entry", [replace(ENTRY, lr=0.1), replace(ENTRY, name="other", aliases=("x", "own"))])
def test_another_entry_under_a_name_in_use_is_refused(entry: optim.OptimizerEntry) -> None:
    optim.register(ENTRY)
    taken = "mine" if entry.name == "mine" else "own"
    with pytest.raises(ValueError, match="registered") as refused:
        optim.register(entry)
    assert str(refused.value) == (
        f"optim.register: name must be none that is registered, got {taken!r}. Call unregister first to replace it."
    )
    assert REGISTERED == {"mine": ENTRY}


@pytest.mark.parametrize("name", ["sgd", "nag", "lion", "muon", "timm/lion", "timm/mine"])
@pytest.mark.parametrize("is_alias", [False, True])
def test_a_built_in_name_is_refused(name: str, is_alias: bool) -> None:
    entry = replace(ENTRY, aliases=(name,)) if is_alias else replace(ENTRY, name=name)
    with pytest.raises(ValueError, match="built in") as refused:
        optim.register(entry)
    assert str(refused.value) == f"optim.register: name must be none that is built in, got {name!r}."
    assert REGISTERED == {}


def test_a_slash_is_refused() -> None:
    with pytest.raises(ValueError, match="slash") as refused:
        optim.register(replace(ENTRY, name="ours/mine"))
    assert str(refused.value) == (
        "optim.register: name must hold no slash, behind which names() does not look, got 'ours/mine'."
    )
    assert REGISTERED == {}


def test_what_is_no_entry_is_refused() -> None:
    with pytest.raises(TypeError) as refused:
        optim.register(cast("optim.OptimizerEntry", Mine))
    assert str(refused.value) == "optim.register: entry must be an OptimizerEntry, got <class 'type'>."


@pytest.mark.parametrize("name", ["sgd", "own", "nothing"])
def test_only_what_was_registered_can_be_taken_out(name: str) -> None:
    optim.register(ENTRY)
    with pytest.raises(ValueError, match="register") as refused:
        optim.unregister(name)
    assert str(refused.value) == f"optim.unregister: name must be one given to register, got {name!r}."
