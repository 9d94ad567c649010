"""What is refused at construction, in the callback's words."""

import math
from typing import Any

import pytest

from lightning_regkit.optim.kfac._settings import KFACSettings

GOOD: dict[str, Any] = {"damping": 1e-3, "update_every": 10, "invert_every": 100, "decay": 0.95, "kl_clip": 1e-3}
REMEDY = " None leaves steps as long as they are."


@pytest.mark.parametrize("changed", [{}, {"kl_clip": None}, {"decay": 0.0}, {"decay": 1}, {"invert_every": 10}])
def test_good_settings(changed: dict[str, Any]) -> None:
    assert vars(KFACSettings(**{**GOOD, **changed})) == {"exclude": (), **GOOD, **changed}


@pytest.mark.parametrize(
    ("changed", "kind", "text"),
    [
        ({"damping": 0.0}, ValueError, "damping must be a positive number, got 0.0."),
        ({"damping": math.nan}, ValueError, "damping must be a positive number, got nan."),
        ({"damping": "1"}, TypeError, "damping must be a positive number, got '1'."),
        ({"update_every": 0}, ValueError, "update_every must be a positive integer, got 0."),
        ({"invert_every": 2.5}, TypeError, "invert_every must be a positive integer, got 2.5."),
        (
            {"invert_every": 9},
            ValueError,
            "invert_every must be at least update_every, 10, got 9. In between nothing changes.",
        ),
        ({"decay": 1.5}, ValueError, "decay must be a number in [0, 1], got 1.5."),
        ({"kl_clip": 0.0}, ValueError, "kl_clip must be a positive number, got 0.0." + REMEDY),
        ({"kl_clip": "none"}, TypeError, "kl_clip must be a positive number, got 'none'." + REMEDY),
        ({"exclude": "head"}, TypeError, "exclude must be a list of names, got 'head'. Write exclude=['head']."),
    ],
)
def test_bad_settings(changed: dict[str, Any], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind) as caught:
        KFACSettings(**{**GOOD, **changed})
    assert str(caught.value) == f"KFACPreconditioner: {text}"
