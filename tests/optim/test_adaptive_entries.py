from typing import Any

import pytest

from lightning_regkit import optim
from lightning_regkit.optim._adaptive_entries import ADAPTIVE
from tests.optim.worked import after_steps

# Two steps with gradient 1 from p = 1 at the given lr, by hand from each paper's update.
#   adagrad: s = 1, 2; steps 0.1 / 1, 0.1 / sqrt(2)   rmsprop: s = 0.01, 0.0199; steps 0.01 / 0.1, 0.01 / sqrt(0.0199)
#   adam, adamax: m_hat = v_hat = u = 1 at both       adamw: p <- p (1 - 0.1 * 0.01) - 0.1
#   radam: no rectification in the first 5 steps, m_hat = 1           rprop: steps 0.1, 1.2 * 0.1
#   adafactor: v = 1, step lr * rms(p) = lr * p                       adadelta: s = 0.1, 0.19; u = 0, 0.1 d^2
#   nadam: b_t = 0.9 (1 - 0.96^(0.004 t) / 2); step lr ((1 - b_t) g / (1 - b_1..b_t) + b_t+1 m / (1 - b_1..b_t+1))
FIRST_DELTA = (1e-6 / (0.1 + 1e-6)) ** 0.5
SECOND_DELTA = ((0.1 * FIRST_DELTA**2 + 1e-6) / (0.19 + 1e-6)) ** 0.5
B1, B2, B3 = (0.9 * (1 - 0.5 * 0.96 ** (0.004 * t)) for t in (1, 2, 3))
NADAM_1 = (1 - B1) / (1 - B1) + B2 * 0.1 / (1 - B1 * B2)
NADAM_2 = (1 - B2) / (1 - B1 * B2) + B3 * 0.19 / (1 - B1 * B2 * B3)
WORKED = {
    "adagrad": (0.1, [0.9, 0.9 - 0.1 / 2**0.5]),
    "rmsprop": (0.01, [0.9, 0.9 - 0.01 / 0.0199**0.5]),
    "adam": (0.1, [0.9, 0.8]),
    "adamw": (0.1, [0.899, 0.899 * 0.999 - 0.1]),
    "adamax": (0.1, [0.9, 0.8]),
    "radam": (0.1, [0.9, 0.8]),
    "rprop": (0.1, [0.9, 0.78]),
    "adafactor": (0.01, [0.99, 0.99 * 0.99]),
    "adadelta": (1.0, [1 - FIRST_DELTA, 1 - FIRST_DELTA - SECOND_DELTA]),
    "nadam": (0.1, [1 - 0.1 * NADAM_1, 1 - 0.1 * (NADAM_1 + NADAM_2)]),
}


@pytest.mark.parametrize("name", WORKED)
def test_two_steps_by_hand(name: str) -> None:
    lr, expected = WORKED[name]
    assert after_steps(name, 1.0, lr=lr) == pytest.approx(expected, rel=1e-6)


def test_the_table_above_covers_every_entry() -> None:
    assert {entry.name for entry in ADAPTIVE} == set(WORKED)


def tenth_update(name: str, gradient: float, **options: Any) -> float:
    """The one of a step in which radam's rectification exists."""
    *_, before, after = after_steps(name, gradient, steps=10, **options)
    return before - after


@pytest.mark.parametrize("name", WORKED)
def test_the_update_does_not_grow_with_the_gradient(name: str) -> None:
    assert optim.describe(name).is_adaptive
    assert tenth_update(name, 8.0, lr=1e-3) == pytest.approx(tenth_update(name, 1.0, lr=1e-3), rel=1e-4)


@pytest.mark.parametrize("entry", [entry for entry in ADAPTIVE if entry.weight_decay is not None], ids=lambda e: e.name)
def test_decoupled_decay_shrinks_the_weight_by_lr_times_decay_whatever_the_gradient(
    entry: optim.OptimizerEntry,
) -> None:
    lr, decay = 1e-3, 0.1
    plain, decayed = (tenth_update(entry.name, 1.0, lr=lr, weight_decay=value) for value in (0.0, decay))
    assert (decayed - plain) / (lr * decay) == pytest.approx(float(entry.is_decoupled is True), abs=0.1)
