"""A shape for all optimizers, or one for each: checks, lists, text."""

from typing import Any

import pytest

from lightning_regkit.callbacks._specs import check_plateau, check_specs, for_each, listed_count, shown_specs
from lightning_regkit.schedules import Constant, Cosine, Plateau


def test_one_or_one_for_each() -> None:
    first, second = Constant(), Cosine()
    assert for_each("spec", first, 3) == [first, first, first]
    assert for_each("momentum", (first, None), 2) == [first, None]
    with pytest.raises(ValueError, match="list one for each of 1 optimizers"):
        for_each("spec", (first, second), 1)
    with pytest.raises(ValueError, match="spec") as caught:
        for_each("spec", (first, second), 3)
    assert str(caught.value) == (
        "ScheduleLR: spec must list one for each of 3 optimizers, got [Constant(), Cosine(final_factor=0.0)]."
    )


@pytest.mark.parametrize("specs", [0.9, "cosine", [Constant(), 0.9], [Constant(), "cosine"], [[Constant()]], None])
def test_what_is_no_spec_is_refused(specs: Any) -> None:
    wrong = next((item for item in specs if not isinstance(item, Constant)), None) if isinstance(specs, list) else specs
    with pytest.raises(TypeError, match="momentum") as caught:
        check_specs("momentum", specs, may_hold_none=True)
    assert str(caught.value) == (f"ScheduleLR: momentum must be a spec of lightning_regkit.schedules, got {wrong!r}.")


def test_none_leaves_an_optimizer_alone_where_that_makes_sense() -> None:
    for specs in (Constant(), [Constant()], (Constant(), Cosine())):
        check_specs("spec", specs, may_hold_none=False)
    check_specs("momentum", [None, Constant()], may_hold_none=True)
    with pytest.raises(TypeError, match=r"^ScheduleLR: spec must be a spec of lightning_regkit.schedules, got None\.$"):
        check_specs("spec", [None, Constant()], may_hold_none=False)


def test_a_plateau_is_one() -> None:
    check_plateau(None)
    check_plateau(Plateau("val_loss"))
    with pytest.raises(TypeError, match="plateau") as caught:
        check_plateau("val_loss")
    assert str(caught.value) == (
        "ScheduleLR: plateau must be a Plateau of lightning_regkit.schedules, got 'val_loss'. "
        'Write Plateau("val_loss").'
    )


def test_the_number_of_optimizers_that_lists_are_for() -> None:
    assert listed_count(Constant(), None, 7, "1ep") == 1
    assert listed_count(Constant(), [None, Constant()], (1, 2, 3)) == 2


def test_text() -> None:
    assert shown_specs(Constant()) == "Constant()"
    assert shown_specs([Constant(), None]) == "[Constant(), None]"


def test_a_plateau_in_the_place_of_a_spec_is_told_where_it_goes() -> None:
    with pytest.raises(TypeError, match="spec") as caught:
        check_specs("spec", Plateau("val_loss"), may_hold_none=False)
    assert str(caught.value).endswith(" Pass it as plateau=, beside a spec such as Constant().")
