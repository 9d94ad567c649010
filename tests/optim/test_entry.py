from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
from torch.optim import SGD

from lightning_regkit.optim import OptimizerEntry

ENTRY = OptimizerEntry(
    name="heavy",
    optimizer_class=SGD,
    lr=0.5,
    weight_decay=0.25,
    summary="v <- momentum v + g",
    reference="Polyak 1964",
    options=(("momentum", 0.8),),
    aliases=("ball", "hb"),
)
NOTES = "\n  notes: "


def test_accepted_lists_the_torch_options_in_order_with_the_entry_s_values() -> None:
    assert list(ENTRY.accepted().items()) == [
        ("momentum", 0.8),
        ("dampening", 0),
        ("nesterov", False),
        ("maximize", False),
        ("foreach", None),
        ("differentiable", False),
        ("fused", None),
    ]


def test_accepted_is_a_new_dict_every_time() -> None:
    ENTRY.accepted()["momentum"] = 0.0
    assert ENTRY.accepted()["momentum"] == 0.8


def test_text_for_people() -> None:
    assert str(ENTRY) == (
        "heavy: torch.optim.sgd.SGD\n"
        "  v <- momentum v + g\n"
        "  defaults: lr=0.5, weight_decay=0.25, momentum=0.8, dampening=0, nesterov=False, maximize=False, "
        "foreach=None, differentiable=False, fused=None\n"
        "  aliases: ball, hb\n"
        "  reference: Polyak 1964"
    )


def test_text_without_aliases_has_no_line_for_them() -> None:
    entry = OptimizerEntry("plain", SGD, 0.5, 0.0, "p <- p - lr g", "Robbins and Monro 1951")
    assert [line.split(":")[0].strip() for line in str(entry).splitlines()] == [
        "plain",
        "p <- p - lr g",
        "defaults",
        "reference",
    ]


def test_is_immutable_and_hashable() -> None:
    with pytest.raises(FrozenInstanceError):
        ENTRY.lr = 0.1  # type: ignore[misc]  # the assignment that must fail
    assert {ENTRY: 1}[ENTRY] == 1


def test_notes_of_what_is_special() -> None:
    assert NOTES not in str(ENTRY)
    assert f"{NOTES}adaptive; decoupled weight decay\n" in str(replace(ENTRY, is_adaptive=True, is_decoupled=True))
    assert f"{NOTES}coupled weight decay\n" in str(replace(ENTRY, is_decoupled=False))
    assert f"{NOTES}parameters of 0 dimensions only\n" in str(replace(ENTRY, ndim=0))


def test_text_without_a_rate_and_a_weight_decay() -> None:
    entry = replace(ENTRY, lr=None, weight_decay=None, needs_closure=True, has_groups=False)
    assert "\n  defaults: momentum=0.8, dampening=0," in str(entry)
    assert f"{NOTES}no weight decay; lr must be given; step needs a closure; one parameter group\n" in str(entry)


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"name": 3}, TypeError, "name must be a string, got 3."),
        ({"name": "Heavy"}, ValueError, "name must be in lower case, got 'Heavy'."),
        ({"name": ""}, ValueError, "name must be in lower case, got ''."),
        ({"aliases": ("hb", "HB")}, ValueError, "name must be in lower case, got 'HB'."),
        ({"optimizer_class": int}, TypeError, "optimizer_class must be a torch.optim.Optimizer, got <class 'int'>."),
        ({"optimizer_class": "SGD"}, TypeError, "optimizer_class must be a torch.optim.Optimizer, got 'SGD'."),
        ({"lr": 0.0}, ValueError, "lr must be a positive number, got 0.0."),
        ({"weight_decay": -1.0}, ValueError, "weight_decay must be a number of at least 0, got -1.0."),
    ],
)
def test_refusals(change: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error) as refused:
        replace(ENTRY, **change)
    assert str(refused.value) == f"OptimizerEntry: {text}"
