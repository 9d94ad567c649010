from dataclasses import FrozenInstanceError

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
