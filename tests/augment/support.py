"""What the tests of this package share: laws as distances in units of their 1 % bound, and images to look for."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from lightning_regkit.augment import apply_transform

Array = np.ndarray[Any, Any]

#: Upper 1 % points of chi-square.
CHI_SQUARE = {1: 6.63, 3: 11.34, 7: 18.48, 12: 26.22, 17: 33.41, 35: 57.34, 161: 206.0, 224: 276.0}

SEEDS = st.integers(0, 2**32 - 1)
SIDES = st.one_of(st.integers(1, 3), st.integers(1, 60))
SHAPES = st.tuples(SIDES, SIDES, st.sampled_from([(), (1,), (3,), (4,)])).map(lambda s: (s[0], s[1], *s[2]))
COLOR_SHAPES = st.tuples(SIDES, SIDES, st.just(3))
DTYPES = st.sampled_from([np.uint8, np.float32])


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def picture(shape: Sequence[int], dtype: Any = np.uint8, seed: int = 0) -> Array:
    """Noise: no two parts of it look alike."""
    levels = rng(seed).integers(0, 256, tuple(shape), dtype=np.uint8)
    return levels if dtype is np.uint8 else (levels / np.float32(255)).astype(np.float32)


def transformed(transform: Any, image: Array, seed: int) -> Array:
    result: Array = apply_transform(transform, {"image": image}, generator=rng(seed))["image"]
    return result


def draws_of(seed: int) -> np.random.Generator:
    """The generator as the first transform of a ``Compose`` finds it: one number seeded Python's."""
    generator = rng(seed)
    generator.integers(2**63)
    return generator


def is_valid(image: Array, dtype: Any) -> bool:
    """Right dtype, and values within its range up to rounding."""
    return bool(image.dtype == dtype and (dtype is np.uint8 or (image.min() >= -1e-5 and image.max() <= 1 + 1e-5)))


def kolmogorov(sample: Iterable[float], distribution: Callable[[float], float]) -> float:
    """Largest distance of a sample's distribution function from a continuous one, in units of its 1 % bound."""
    expected = np.array([distribution(value) for value in sorted(sample)])
    count = len(expected)
    steps = np.arange(count + 1) / count
    return float(max((steps[1:] - expected).max(), (expected - steps[:-1]).max()) * math.sqrt(count) / 1.63)


def uniform(low: float, high: float) -> Callable[[float], float]:
    return lambda value: min(max((value - low) / (high - low), 0.0), 1.0)


def normal(std: float) -> Callable[[float], float]:
    return lambda value: 0.5 * (1 + math.erf(value / std / math.sqrt(2)))


def kolmogorov_distance(one: Array, other: Array) -> float:
    """Largest distance of two samples' distribution functions, in units of its 1 % bound."""
    points = np.concatenate([one, other])
    shares = [np.searchsorted(np.sort(sample), points, side="right") / len(sample) for sample in (one, other)]
    bound = 1.63 * math.sqrt(1 / len(one) + 1 / len(other))
    return float(np.abs(shares[0] - shares[1]).max() / bound)


def chi_square(seen: Iterable[object], expected: dict[Any, float]) -> float:
    """Distance of what was seen from its probabilities, in units of its 1 % bound; infinite for the impossible."""
    counts = Counter(seen)
    if not counts.keys() <= expected.keys():
        return math.inf
    total = counts.total()
    distance = sum((counts[key] - total * share) ** 2 / (total * share) for key, share in expected.items())
    return distance / CHI_SQUARE[len(expected) - 1]
