"""Diagnosis on labeled curves: each shape over seeds, healthy ones without a false alarm, and properties."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_regkit.tuning._curves import Curves
from lightning_regkit.tuning._diagnose import diagnose
from lightning_regkit.tuning._diagnosis import Diagnosis

SEEDS = range(20)
EPOCHS = 60
AT = np.arange(EPOCHS) / EPOCHS

Array = np.ndarray[tuple[int], np.dtype[np.float64]]


def curves(train: Array, gap: float, seed: int, noise: float = 0.01, best: float = 0.97) -> Curves:
    """Make losses, and accuracies that mirror them, with noise; validation ends ``gap`` of accuracy away."""
    generator = np.random.default_rng(seed)
    done = (train[0] - train) / train[0]
    train_acc, val_acc = best * done + 0.02, (best - gap) * done + 0.02
    val = train + 2.3 * gap * done

    def noisy(values: Array, low: float, high: float) -> tuple[float, ...]:
        jitter = generator.normal(0, noise, len(values))
        return tuple(float(value) for value in np.clip(values + jitter, low, high))

    return Curves(noisy(train, 0, 99), noisy(val, 0, 99), noisy(train_acc, 0, 1), noisy(val_acc, 0, 1))


def falling(speed: float, floor: float = 0.02) -> Array:
    values: Array = floor + (2.3 - floor) * np.exp(-speed * AT)
    return values


def late() -> Array:
    values: Array = 0.05 + 2.25 / (1 + np.exp((AT - 0.5) / 0.05))
    return values


SHAPES: dict[str, Callable[[int], Curves]] = {
    "healthy": lambda seed: curves(falling(8), 0.05, seed),
    "wide gap": lambda seed: curves(falling(8), 0.2, seed),
    "no gap": lambda seed: curves(falling(12), 0.0, seed, best=0.8),
    "still rising": lambda seed: curves(falling(1), 0.05, seed, noise=0.003),
    "plateau": lambda seed: curves(falling(20, floor=1.0), 0.06, seed),
    "noisy": lambda seed: curves(falling(8, floor=0.6), 0.05, seed, noise=0.8),
    "slow start": lambda seed: curves(late(), 0.05, seed),
    "does not fall": lambda seed: curves(falling(0), 0.05, seed),
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_labeled_curves(shape: str, seed: int) -> None:
    causes = diagnose(SHAPES[shape](seed)).causes
    assert causes == (shape,) if shape != "noisy" else shape in causes


@pytest.mark.parametrize("without", ["acc", "val", "all"])
def test_fewer_curves_are_enough(without: str) -> None:
    full = SHAPES["healthy"](0)
    kept = {
        "acc": (full.train_loss, full.val_loss),
        "val": (full.train_loss, (), full.train_acc),
        "all": (full.train_loss,),
    }
    assert diagnose(Curves(*kept[without])).causes == ("healthy",)
    wide = SHAPES["still rising"](0)
    kept = {
        "acc": (wide.train_loss, wide.val_loss),
        "val": (wide.train_loss, (), wide.train_acc),
        "all": (wide.train_loss,),
    }
    assert "still rising" in diagnose(Curves(*kept[without])).causes


@pytest.mark.parametrize("wild", [math.nan, math.inf])
@pytest.mark.parametrize("name", ["train_loss", "val_loss", "train_acc", "val_acc"])
def test_not_finite_is_all_that_is_said(name: str, wild: float) -> None:
    series = {**vars(SHAPES["wide gap"](0))}
    series[name] = (*series[name][:7], wild, *series[name][8:])
    assert diagnose(Curves(**series)).findings[0].sentence == (
        f"{name} is {wild} at check 7: lower the rate, or clip gradients."
    )
    assert diagnose(Curves(**series)).causes == ("not finite",)


@pytest.mark.parametrize(("count", "expected"), [(7, "too short"), (8, "healthy")])
def test_seven_values_are_too_few(count: int, expected: str) -> None:
    losses = tuple(2.3 * 0.05**epoch + 0.01 for epoch in range(count))
    assert diagnose(Curves(losses)).causes == (expected,)


def test_several_findings_are_all_said() -> None:
    found = diagnose(curves(falling(1), 0.35, 0, noise=0.003))
    assert found.causes == ("still rising", "wide gap")
    assert found.sentence.startswith("Validation is still getting better at the end: train longer. Wide gap of 0.2")


def test_sentences() -> None:
    assert diagnose(SHAPES["plateau"](0)).sentence.startswith("Plateau: the training loss stays at 0.99")
    assert diagnose(SHAPES["slow start"](0)).sentence.startswith("Slow start: 1% of the fall in the first fifth.")
    assert diagnose(SHAPES["noisy"](0)).sentence.count("Noisy: the training loss jumps by 0.") == 1
    assert diagnose(SHAPES["does not fall"](0)).sentence.startswith("The training loss hardly falls from 2.")
    assert Diagnosis(()).causes == ("healthy",)


@given(st.sampled_from(sorted(SHAPES)), st.integers(0, 30), st.floats(0.1, 10))
def test_the_unit_of_the_loss_does_not_matter(shape: str, seed: int, factor: float) -> None:
    series = SHAPES[shape](seed)
    scaled = Curves(
        tuple(factor * loss for loss in series.train_loss),
        tuple(factor * loss for loss in series.val_loss),
        series.train_acc,
        series.val_acc,
    )
    assert diagnose(scaled).causes == diagnose(series).causes


def test_the_reach_may_be_given() -> None:
    jumping = curves(falling(8, floor=0.6), 0.2, 0, noise=0.05)
    assert diagnose(jumping, reach=0) != diagnose(jumping, reach=5)
    assert diagnose(jumping, reach=99).causes == ("wide gap",)  # every average reaches over the run
    with pytest.raises(ValueError, match="reach must be an integer of at least 0"):
        diagnose(jumping, reach=-1)
