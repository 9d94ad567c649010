"""One, whatever the step."""

import pickle
import re

import pytest

from lightning_regkit.schedules import Constant, Horizon, constant


@pytest.mark.parametrize("step", [0, 1, 2, 10**9])
def test_the_factor_is_one_at_every_step(step: int) -> None:
    assert constant()(step) == 1.0


@pytest.mark.parametrize("horizon", [Horizon(total_steps=None), Horizon(total_steps=1), Horizon(10, (5, 10))])
def test_the_spec_needs_to_know_nothing_of_the_run(horizon: Horizon) -> None:
    assert [Constant().build(horizon)(step) for step in range(3)] == [1.0, 1.0, 1.0]
    assert Constant().describe(horizon) == "Constant: x1 from step 0 on"


def test_the_description_counts_from_the_start_of_the_run() -> None:
    assert Constant().describe(Horizon(total_steps=10), warmup_steps=4) == "Constant: x1 from step 4 on"


def test_the_schedule_survives_pickling() -> None:
    assert pickle.loads(pickle.dumps(constant()))(3) == 1.0


@pytest.mark.parametrize(("step", "error"), [(-1, ValueError), (0.5, TypeError)])
def test_what_is_no_step_is_refused(step: int, error: type[Exception]) -> None:
    text = f"schedules.constant: step must be an integer of at least 0, got {step!r}."
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        constant()(step)
