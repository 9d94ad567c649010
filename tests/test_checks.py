"""One wording for every refusal: exact texts, the bounds themselves, and what passes unchanged."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from lightning_regkit import _checks
from tests.refusals import refusal

NAN, INF = math.nan, math.inf


def test_a_message_says_who_what_and_what_was_given() -> None:
    assert _checks.message("Mixup", "alpha", "be positive", "high") == "Mixup: alpha must be positive, got 'high'."


def test_a_message_may_end_with_a_remedy() -> None:
    text = _checks.message("Mixup", "alpha", "be positive", -1.0, "The paper uses 0.1 to 0.4.")
    assert text == "Mixup: alpha must be positive, got -1.0. The paper uses 0.1 to 0.4."


@pytest.mark.parametrize(
    ("check", "values"),
    [
        (_checks.positive_int, [1, 2, 10**30]),
        (_checks.non_negative_int, [0, 1, 10**30]),
        (_checks.finite_float, [0.0, -1, -1e308, 0.5]),
        (_checks.positive_float, [5e-324, 0.5, 1, 1e308]),
        (_checks.non_negative_float, [0.0, 0, 5e-324, 1e308]),
        (_checks.fraction, [0.0, 0, 0.5, 1.0, 1]),
    ],
)
def test_what_is_accepted_comes_back_unchanged(
    check: Callable[[str, str, object], object], values: list[object]
) -> None:
    for value in values:
        assert check("Mixup", "alpha", value) is value


@pytest.mark.parametrize(
    ("check", "condition", "kinds", "values"),
    [
        (_checks.positive_int, "be a positive integer", [1.0, "1", None, True, np.int64(1)], [0, -1]),
        (_checks.non_negative_int, "be an integer of at least 0", [1.0, "1", None, False, np.int64(1)], [-1, -7]),
        (_checks.finite_float, "be a finite number", ["1", None, True, 1j], [NAN, INF, -INF]),
        (_checks.positive_float, "be a positive number", ["1", None, True, 1j], [0, 0.0, -0.5, NAN, INF]),
        (
            _checks.non_negative_float,
            "be a number of at least 0",
            ["1", None, False, 1j],
            [-1, -5e-324, NAN, INF, -INF],
        ),
        (_checks.fraction, "be a number in [0, 1]", ["0.5", None, True, 1j], [-5e-324, 1.0000001, 2, NAN, INF]),
    ],
)
def test_what_is_refused(
    check: Callable[[str, str, object], object], condition: str, kinds: list[object], values: list[object]
) -> None:
    for error, refused in ((TypeError, kinds), (ValueError, values)):
        for value in refused:
            with pytest.raises(error, match=refusal(f"Mixup: alpha must {condition}, got {value!r}.")):
                check("Mixup", "alpha", value)


@pytest.mark.parametrize("check", [_checks.positive_float, _checks.non_negative_float, _checks.fraction])
@pytest.mark.parametrize("value", ["high", NAN, -1.0])
def test_numbers_pass_a_remedy_on(check: Callable[[str, str, object, str], float], value: object) -> None:
    with pytest.raises((TypeError, ValueError), match=r"\. Try 0\.2\.$"):
        check("Mixup", "alpha", value, "Try 0.2.")


def test_a_choice_comes_back() -> None:
    assert _checks.one_of("Cutout", "border", "clip", {"inside", "clip"}) == "clip"


def test_another_choice_is_refused_with_the_sorted_list() -> None:
    with pytest.raises(ValueError, match=refusal("Cutout: border must be one of clip, inside, got 'Clip'.")):
        _checks.one_of("Cutout", "border", "Clip", {"inside", "clip"})


@pytest.mark.parametrize(
    ("monitor", "mode", "better"),
    [("val_loss", "max", "min"), ("Loss/valid", "max", "min"), ("loss", "max", "min"), ("val_acc", "min", "max")],
)
def test_the_worse_side_of_a_loss_or_an_accuracy_is_refused(monitor: str, mode: str, better: str) -> None:
    text = f"Best: mode must be {better!r} for {monitor!r}, got {mode!r}. Pass mode={better!r}."
    with pytest.raises(ValueError, match=refusal(text)):
        _checks.refuse_default_mode("Best", monitor, mode, default=mode)
    _checks.refuse_default_mode("Best", monitor, better, default=better)
    _checks.refuse_default_mode("Best", monitor, mode, default=better)  # chosen, whatever for


@pytest.mark.parametrize("monitor", ["val_neg_loss", "f1", "val_acc_loss", "loss_accuracy", "", "val", "acc_gap"])
def test_of_other_names_either_side_may_be_the_better(monitor: str) -> None:
    for mode in ("min", "max"):
        _checks.refuse_default_mode("Best", monitor, mode, default=mode)
