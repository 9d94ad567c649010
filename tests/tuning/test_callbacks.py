"""Callbacks of a run: copied, made, and made with what a space says."""

from functools import partial
from typing import Any

import pytest

from lightning_regkit.callbacks import Cutout, Mixup, ScheduleLR
from lightning_regkit.tuning._callbacks import made_callbacks
from tests.tuning.support import scheduled


def test_those_that_are_made_are_copied_in_order() -> None:
    given = [Mixup(alpha=0.3), partial(Cutout, length_frac=0.25), scheduled, Cutout]
    made: Any = made_callbacks(given, {"lr": 0.1, "module.width": 3, "optimizer.eps": 1e-8})
    assert [type(each) for each in made] == [Mixup, Cutout, ScheduleLR, Cutout]
    assert made[0] is not given[0]
    assert made[0].alpha == 0.3


def test_what_a_space_names_is_made_with_its_values() -> None:
    mixup, cutout = made_callbacks([], {"Mixup.alpha": 0.3, "Mixup.per": "sample", "lr": 1, "Cutout.length_frac": 0.25})
    assert isinstance(mixup, Mixup)
    assert isinstance(cutout, Cutout)
    assert (mixup.alpha, mixup.options.per) == (0.3, "sample")


def test_values_go_to_what_makes_a_callback_of_this_name() -> None:
    values = {"scheduled.warmup": "2ep", "Mixup.alpha": 0.4}
    schedule, mixup = made_callbacks([scheduled, partial(Mixup, per="sample", alpha=0.1)], values)
    assert isinstance(schedule, ScheduleLR)
    assert isinstance(mixup, Mixup)
    assert (schedule.warmup, mixup.alpha, mixup.options.per) == ("2ep", 0.4, "sample")


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"^tuning\.search: space must name a callback, got 'Mixop'\. Close: Mixup\.$"):
        made_callbacks([], {"Mixop.alpha": 0.3})
    with pytest.raises(ValueError, match=r"Close: .*Mixup"):
        made_callbacks([], {"Zzzz.alpha": 0.3})
    with pytest.raises(TypeError, match="unexpected keyword argument 'alphas'"):
        made_callbacks([], {"Mixup.alphas": 0.3})
    with pytest.raises(ValueError, match="callbacks must hold") as refused:
        made_callbacks([Mixup()], {"Mixup.alpha": 0.3})
    assert str(refused.value) == (
        "tuning.search: callbacks must hold what makes Mixup, whose arguments are searched, got 'Mixup'. Pass "
        "functools.partial(Mixup, ...), to which the arguments of the space are added."
    )
