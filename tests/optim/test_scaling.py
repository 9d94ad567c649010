from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_regkit import optim

BATCHES = st.integers(1, 1 << 20)


def timm_s(lr_base: float, global_batch_size: int, lr_base_size: int, lr_base_scale: str) -> float:
    """The closed form of timm's train.py."""
    batch_ratio = global_batch_size / lr_base_size
    if lr_base_scale == "sqrt":
        batch_ratio = batch_ratio**0.5
    return lr_base * batch_ratio


# Goyal et al. 2017: 0.1 for 256 images; 0.1 * 8192 / 256 = 3.2 in section 5.1. The others by hand: sqrt(16) = 4.
@pytest.mark.parametrize(
    ("lr", "settings", "expected"),
    [
        (0.1, {"batch": 8192}, 3.2),
        (0.1, {"batch": 256}, 0.1),
        (0.1, {"batch": 64}, 0.025),
        (0.5, {"batch": 1, "reference_batch": 2}, 0.25),
        (0.001, {"batch": 4096, "rule": "sqrt"}, 0.004),
        (0.001, {"batch": 64, "rule": "sqrt"}, 0.0005),
        (0.001, {"batch": 9, "reference_batch": 1, "rule": "sqrt"}, 0.003),
    ],
)
def test_by_hand(lr: float, settings: dict[str, Any], expected: float) -> None:
    assert optim.scale_lr(lr, **settings) == pytest.approx(expected, rel=1e-12)


@given(lr=st.floats(1e-6, 10.0), batch=BATCHES, reference=BATCHES, rule=st.sampled_from(["linear", "sqrt"]))
def test_is_timm_s_closed_form(lr: float, batch: int, reference: int, rule: str) -> None:
    ours = optim.scale_lr(lr, batch=batch, reference_batch=reference, rule=cast("Any", rule))
    assert ours == pytest.approx(timm_s(lr, batch, reference, rule), rel=1e-12)


@given(small=BATCHES, large=BATCHES, rule=st.sampled_from(["linear", "sqrt"]))
def test_a_larger_batch_never_has_a_smaller_rate(small: int, large: int, rule: str) -> None:
    rates = [optim.scale_lr(0.1, batch=batch, rule=cast("Any", rule)) for batch in sorted([small, large])]
    assert rates == sorted(rates)


@given(first=BATCHES, second=BATCHES, rule=st.sampled_from(["linear", "sqrt"]))
def test_two_scalings_are_one(first: int, second: int, rule: str) -> None:
    way = optim.scale_lr(0.1, batch=first, rule=cast("Any", rule))
    there = optim.scale_lr(way, batch=second, reference_batch=first, rule=cast("Any", rule))
    assert there == pytest.approx(optim.scale_lr(0.1, batch=second, rule=cast("Any", rule)), rel=1e-12)


@pytest.mark.parametrize(
    ("lr", "settings", "error", "text"),
    [
        (0.0, {"batch": 1}, ValueError, "lr must be a positive number, got 0.0."),
        ("0.1", {"batch": 1}, TypeError, "lr must be a positive number, got '0.1'."),
        (0.1, {"batch": 0}, ValueError, "batch must be a positive integer, got 0."),
        (0.1, {"batch": 2.0}, TypeError, "batch must be a positive integer, got 2.0."),
        (0.1, {"batch": 1, "reference_batch": -1}, ValueError, "reference_batch must be a positive integer, got -1."),
        (0.1, {"batch": 1, "rule": "cubic"}, ValueError, "rule must be one of linear, sqrt, got 'cubic'."),
    ],
)
def test_refusals(lr: float, settings: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error) as refused:
        optim.scale_lr(lr, **settings)
    assert str(refused.value) == f"optim.scale_lr: {text}"


# Goyal et al. 2017: 32 images on each of 256 GPUs are 8192; Adam's own, with accumulation, by hand.
@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"batch_size": 32, "devices": 256}, 8192),
        ({"batch_size": 7}, 7),
        ({"batch_size": 1, "devices": 1, "accumulated": 1}, 1),
        ({"batch_size": 5, "devices": 2, "accumulated": 3}, 30),
    ],
)
def test_global_batch_by_hand(settings: dict[str, Any], expected: int) -> None:
    assert optim.global_batch(**settings) == expected


@pytest.mark.parametrize("name", ["batch_size", "devices", "accumulated"])
@pytest.mark.parametrize(("value", "error"), [(0, ValueError), (2.0, TypeError), (True, TypeError)])
def test_global_batch_refuses(name: str, value: Any, error: type[Exception]) -> None:
    with pytest.raises(error) as refused:
        optim.global_batch(**{"batch_size": 1, name: value})
    assert str(refused.value) == f"optim.global_batch: {name} must be a positive integer, got {value!r}."
