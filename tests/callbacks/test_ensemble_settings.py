"""What both ensembles let the user choose."""

from typing import Any

import pytest

from lightning_regkit.callbacks._ensemble_settings import EnsembleSettings
from lightning_regkit.marginalize import Readout


def settings(**options: Any) -> EnsembleSettings:
    default: dict[str, Any] = {
        "owner": "Ours",
        "num_members": None,
        "stages": ("test",),
        "curve": True,
        "placement": "auto",
        "readout": Readout(),
    }
    return EnsembleSettings(**{**default, **options})


@pytest.mark.parametrize(
    ("num_members", "curve", "stage", "needed", "newest"),
    [
        (None, True, "test", "abc", "abc"),
        (2, True, "test", "abc", "bc"),
        (2, False, "test", "bc", "bc"),
        (2, True, "predict", "bc", "bc"),
        (3, False, "test", "abc", "abc"),
    ],
)
def test_which_members_run_and_which_are_averaged(
    num_members: int | None, curve: bool, stage: str, needed: str, newest: str
) -> None:
    chosen = settings(num_members=num_members, curve=curve)
    run = chosen.needed("abc", stage)
    assert run == needed
    assert run[chosen.newest()] == newest


@pytest.mark.parametrize(("num_members", "least"), [(None, 1), (4, 4)])
def test_too_few_members_are_refused(num_members: int | None, least: int) -> None:
    members = "abc"[: least - 1]
    with pytest.raises(ValueError, match="Ours") as refusal:
        settings(num_members=num_members).needed(members, "test")
    assert str(refusal.value) == (
        f"Ours: the number of members must be at least {least}, got {len(members)}. "
        "A member is taken at the end of each cycle of a fit."
    )


def test_refusals_of_arguments_are_tested_with_the_callback() -> None:
    with pytest.raises(ValueError, match="Ours: placement must be"):
        settings(placement="disk")
