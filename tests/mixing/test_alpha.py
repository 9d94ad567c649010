import math
from collections.abc import Callable
from typing import Any

import pytest

from lightning_regkit.mixing import check_alpha, check_cutmix_alpha

CHECKS = [
    pytest.param(
        check_alpha, r"The paper uses 0\.1 to 0\.4 on ImageNet; to mix nothing, leave mixup out\.", id="mixup"
    ),
    pytest.param(check_cutmix_alpha, r"The paper uses 1\.0; to mix nothing, leave CutMix out\.", id="cutmix"),
]
Check = Callable[[str, object], float]


@pytest.mark.parametrize(("check", "remedy"), CHECKS)
@pytest.mark.parametrize("alpha", [0.01, 1, 1e3])
def test_what_is_accepted_is_returned(check: Check, remedy: str, alpha: float) -> None:
    assert check("Mixup", alpha) == alpha


@pytest.mark.parametrize(("check", "remedy"), CHECKS)
@pytest.mark.parametrize(
    ("alpha", "error", "condition"),
    [
        (0.0099, ValueError, r"be at least 0\.01"),
        (0, ValueError, "be a positive number"),
        (-0.2, ValueError, "be a positive number"),
        (math.nan, ValueError, "be a positive number"),
        (math.inf, ValueError, "be a positive number"),
        ("0.2", TypeError, "be a positive number"),
        (True, TypeError, "be a positive number"),
    ],
)
def test_alpha_out_of_range(check: Check, remedy: str, alpha: Any, error: type[Exception], condition: str) -> None:
    with pytest.raises(error, match=rf"^Mixer: alpha must {condition}, got {alpha!r}\. {remedy}$"):
        check("Mixer", alpha)
