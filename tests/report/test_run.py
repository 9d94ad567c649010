"""Epochs of a run."""

import dataclasses
import math

import pytest

from lightning_regkit.report import Run, Series


@pytest.mark.parametrize(("step", "epoch"), [(8, None), (9, 0), (10, 0), (19, 1), (500, 1)])
def test_the_epoch_is_that_of_the_step_or_the_last_before(step: int, epoch: int | None) -> None:
    run = Run("a", {"epoch": Series((9, 19, 29), (0.0, 1.0, math.nan))})
    assert run.epoch_at(step) == epoch


def test_a_run_that_logged_no_epoch_has_none() -> None:
    assert Run("a", {}).epoch_at(10) is None


def test_a_run_is_frozen() -> None:
    run = Run("a", {})
    with pytest.raises(dataclasses.FrozenInstanceError):
        run.name = "b"  # type: ignore[misc]  # that is the point
    assert (run.config, run.is_whole, run.trials) == ({}, False, None)
