from typing import Any

import numpy as np
import pytest

from lightning_regkit.mixing import CutMixDraw, MixupDraw
from lightning_regkit.mixing._mixture import PER, Mixture, check_partner

BOXES = np.array([[0, 0, 1, 1], [0, 0, 0, 0]])
PARTNER = np.array([1, 0])
LAM = np.array([0.75, 1.0], dtype=np.float32)


@pytest.mark.parametrize("draw", [MixupDraw(LAM, PARTNER), CutMixDraw(BOXES, PARTNER, 2, 2)])
def test_both_draws_are_mixtures(draw: Mixture) -> None:
    assert draw.batch_size == 2
    assert draw.lam.tolist() == LAM.tolist()
    assert draw.lam.dtype == np.float32
    assert draw.partner is PARTNER


def test_lam_is_drawn_for_a_batch_or_a_sample() -> None:
    assert PER == ("batch", "sample")


@pytest.mark.parametrize("partner", [[0], [1, 0], [1, 1, 1]])
def test_indices_into_the_batch_are_accepted(partner: list[int]) -> None:
    check_partner("Draw", np.array(partner))


@pytest.mark.parametrize(
    ("partner", "expected"),
    [
        (np.array([], dtype=np.int64), r"partner must be of shape \(B,\), B >= 1, got \(0,\)"),
        (np.array([[0]]), r"partner must be of shape \(B,\), B >= 1, got \(1, 1\)"),
        (np.array([0, 2]), r"partner must be in \[0, B\), got \[0, 2\]"),
        (np.array([-1, 0]), r"partner must be in \[0, B\), got \[-1, 0\]"),
    ],
)
def test_other_indices_are_refused(partner: Any, expected: str) -> None:
    with pytest.raises(ValueError, match=rf"^Draw: {expected}\.$"):
        check_partner("Draw", partner)


def test_other_kinds_are_refused() -> None:
    with pytest.raises(TypeError, match=r"^Draw: partner must be a numpy array of int64, got dtype\('float64'\)\.$"):
        check_partner("Draw", np.ones(1))
    with pytest.raises(TypeError, match=r"^Draw: partner must be a numpy array of int64, got \[0\]\.$"):
        check_partner("Draw", [0])
