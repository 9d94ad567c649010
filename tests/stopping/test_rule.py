"""The one definition of better, and what a rule refuses."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_regkit.stopping import StoppingLimits, StoppingRule, is_improvement

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("mode", "min_delta", "best", "value", "expected"),
    [
        ("max", 0.0, None, 0.1, True),
        ("max", 0.0, 0.5, 0.5, False),
        ("max", 0.0, 0.5, 0.5000001, True),
        ("max", 0.25, 0.5, 0.75, False),
        ("max", 0.25, 0.5, 0.7500001, True),
        ("min", 0.0, 0.5, 0.5, False),
        ("min", 0.0, 0.5, 0.4999999, True),
        ("min", 0.25, 0.5, 0.25, False),
        ("min", 0.25, 0.5, 0.2499999, True),
        ("min", 0.0, None, NAN, False),
        ("max", 0.0, 0.5, NAN, False),
        ("max", 0.0, 0.5, INF, False),
        ("min", 0.0, None, -INF, False),
    ],
)
def test_worked_values(mode: Any, min_delta: float, best: float | None, value: float, expected: bool) -> None:
    assert is_improvement(StoppingRule(mode, min_delta=min_delta), best, value) is expected


@pytest.mark.parametrize(("mode", "value"), [("max", INF), ("min", -INF)])
def test_an_infinite_value_improves_where_it_does_not_end_the_run(mode: Any, value: float) -> None:
    rule = StoppingRule(mode, limits=StoppingLimits(check_finite=False))
    assert is_improvement(rule, 0.5, value)
    assert not is_improvement(rule, value, value)
    assert not is_improvement(rule, 0.5, -value)
    assert not is_improvement(rule, None, NAN)


@given(st.floats(allow_nan=True), st.none() | st.floats(-1e6, 1e6), st.floats(0, 1e3))
def test_min_is_max_in_a_mirror(value: float, best: float | None, min_delta: float) -> None:
    mirrored = None if best is None else -best
    assert is_improvement(StoppingRule("max", min_delta=min_delta), best, value) == is_improvement(
        StoppingRule("min", min_delta=min_delta), mirrored, -value
    )


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"mode": "up"}, ValueError, "Best: mode must be one of max, min, got 'up'."),
        ({"patience": "0.1run"}, ValueError, None),
        ({"min_delta": -0.1}, ValueError, "Best: min_delta must be a number of at least 0, got -0.1."),
        (
            {"limits": 5},
            TypeError,
            "Best: limits must be a StoppingLimits, got 5. Write StoppingLimits(min_epochs=20).",
        ),
        (
            {"limits": StoppingLimits(target=0.9, divergence=0.95)},
            ValueError,
            "Best: divergence must be worse than target=0.9 where the mode is 'max', got 0.95.",
        ),
    ],
)
def test_refusals(options: dict[str, Any], error: Any, text: str | None) -> None:
    with pytest.raises(error) as caught:
        StoppingRule(**{"mode": "max", **options}, owner="Best")
    assert text is None or str(caught.value) == text


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"min_epochs": -1}, ValueError, "StoppingLimits: min_epochs must be an integer of at least 0, got -1."),
        ({"min_steps": 0.5}, TypeError, "StoppingLimits: min_steps must be an integer of at least 0, got 0.5."),
        ({"target": NAN}, ValueError, "StoppingLimits: target must be a finite number, got nan."),
        ({"divergence": "x"}, TypeError, "StoppingLimits: divergence must be a finite number, got 'x'."),
        ({"start_after": -1}, ValueError, "StoppingLimits: start_after must be an integer of at least 0, got -1."),
    ],
)
def test_limits_refuse(options: dict[str, Any], error: Any, text: str) -> None:
    with pytest.raises(error) as caught:
        StoppingLimits(**options)
    assert str(caught.value) == text


def test_a_rule_is_a_value_and_its_owner_only_words_messages() -> None:
    assert StoppingRule("min", owner="Best") == StoppingRule("min")
    assert "owner" not in repr(StoppingRule("min"))
    assert hash(StoppingRule("min")) == hash(StoppingRule("min"))
