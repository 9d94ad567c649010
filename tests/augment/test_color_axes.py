from typing import Any

import numpy as np
import pytest

from lightning_regkit.augment import ColorAxes

UNIT = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


def test_the_defaults_are_published() -> None:
    """As in ClassyVision and fb.resnet.torch: rows are red, green, blue."""
    axes = ColorAxes()
    assert axes.eigenvalues == (0.2175, 0.0188, 0.0045)
    assert axes.eigenvectors[0] == (-0.5675, 0.7192, 0.4009)
    assert axes.eigenvectors[1] == (-0.5808, -0.0045, -0.8140)
    assert axes.eigenvectors[2] == (-0.5836, -0.6948, 0.4203)


def test_the_offset_worked_by_hand() -> None:
    turned = ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0), (1.0, 0.0, 0.0))
    axes = ColorAxes(eigenvalues=(0.5, 0.25, 0.125), eigenvectors=turned)
    # Alpha 2 along blue, 4 along red, 8 against green.
    assert axes.offset(np.array([2.0, 4.0, 8.0])).tolist() == [1.0, -1.0, 1.0]


def test_the_offset_is_the_slow_sum_of_the_paper() -> None:
    axes, alpha = ColorAxes(), np.random.default_rng(0).normal(size=3)
    expected = [0.0, 0.0, 0.0]
    for channel in range(3):
        for k in range(3):
            expected[channel] += axes.eigenvectors[channel][k] * alpha[k] * axes.eigenvalues[k]
    np.testing.assert_allclose(axes.offset(alpha), expected)


def test_equal_axes_are_equal_and_cannot_be_changed() -> None:
    assert ColorAxes() == ColorAxes((0.2175, 0.0188, 0.0045))
    assert hash(ColorAxes()) == hash(ColorAxes())
    with pytest.raises(AttributeError):
        ColorAxes().eigenvalues = (0.0, 0.0, 0.0)  # type: ignore[misc]


@pytest.mark.parametrize(
    "values", [(55.4625, 4.7940, 1.1475), (0.1, 0.1), (-0.1, 0.1, 0.1), (0.76, 0.0, 0.0), (float("nan"), 0.0, 0.0)]
)
def test_eigenvalues_of_other_colors_are_refused(values: Any) -> None:
    expected = (
        r"^ColorAxes: eigenvalues must be three in \[0, 3/4\], got \(.*\)\. Eigenvalues of colors in \[0, 255\] are "
        r"divided by 255², their square roots by 255\.$"
    )
    with pytest.raises(ValueError, match=expected):
        ColorAxes(eigenvalues=values)
    ColorAxes(eigenvalues=(0.75, 0.0, 0.0), eigenvectors=UNIT)


@pytest.mark.parametrize("vectors", [UNIT[:2], ((2.0, 0.0, 0.0), *UNIT[1:]), ((1.0, 0.1, 0.0), *UNIT[1:])])
def test_vectors_that_are_no_axes_are_refused(vectors: Any) -> None:
    with pytest.raises(ValueError, match=r"^ColorAxes: eigenvectors must be 3 x 3 and orthonormal, got \(\("):
        ColorAxes(eigenvectors=vectors)
