"""What a search may cost."""

from typing import Any

import pytest

from lightning_regkit.tuning._budget import Budget


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"num_trials": 0}, "num_trials must be a positive integer, got 0."),
        ({"epochs": 0}, "epochs must be a positive integer, got 0."),
        ({"sampler": "sobol"}, "sampler must be one of grid, quasi_random, random, tpe, got 'sobol'."),
        ({"mode": "best"}, "mode must be one of max, min, got 'best'."),
        ({"monitor": "val_loss"}, "mode must be 'min' for 'val_loss', got 'max'. Pass mode='min'."),
    ],
)
def test_refusals(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=r"^tuning") as refusal:
        Budget(**options)
    assert str(refusal.value) == f"tuning.Budget: {text}"
