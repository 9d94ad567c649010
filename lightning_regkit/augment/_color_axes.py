"""The directions in which the colors of a data set vary."""

from dataclasses import dataclass
from typing import Any, Final, TypeAlias, final

import numpy as np

from lightning_regkit._checks import message

__all__ = ["ColorAxes"]

Floats: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]

#: Of colors in [0, 1], none has a variance above 1/4.
LARGEST: Final = 3 / 4
#: Published vectors have four digits.
TOLERANCE: Final = 1e-3


@final
@dataclass(frozen=True)
class ColorAxes:
    """Eigenvalues and eigenvectors of the covariance of a data set's colors in [0, 1]; by default ImageNet's.

    Args:
        eigenvalues: The three variances, in [0, 3/4], for colors in [0, 1].
        eigenvectors: Three rows, of red, green and blue; column k is the vector of eigenvalue k, of length 1.

    Raises:
        ValueError: They are not three values and 3 x 3 orthonormal vectors, or belong to colors in [0, 255].

    Example:
        >>> ColorAxes().offset(np.array([1.0, 0.0, 0.0])).round(3).tolist()
        [-0.123, -0.126, -0.127]

    Reference:
        Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", NIPS 2012,
        section 4.1. The values are those of Facebook's ``fb.resnet.torch``.
    """

    eigenvalues: tuple[float, float, float] = (0.2175, 0.0188, 0.0045)
    eigenvectors: tuple[tuple[float, ...], ...] = (
        (-0.5675, 0.7192, 0.4009),
        (-0.5808, -0.0045, -0.8140),
        (-0.5836, -0.6948, 0.4203),
    )

    def __post_init__(self) -> None:
        values, vectors = np.asarray(self.eigenvalues), np.asarray(self.eigenvectors)
        if values.shape != (3,) or not (values.min() >= 0 and values.max() <= LARGEST):
            remedy = "Eigenvalues of colors in [0, 255] are divided by 255², their square roots by 255."
            raise ValueError(message("ColorAxes", "eigenvalues", "be three in [0, 3/4]", self.eigenvalues, remedy))
        if vectors.shape != (3, 3) or not np.allclose(vectors.T @ vectors, np.eye(3), rtol=0, atol=TOLERANCE):
            raise ValueError(message("ColorAxes", "eigenvectors", "be 3 x 3 and orthonormal", self.eigenvectors))

    def offset(self, alpha: Floats) -> Floats:
        """Add up the axes: sum over k of alpha_k eigenvalue_k eigenvector_k.

        Args:
            alpha: Weights (3,).

        Returns:
            What is added to red, green and blue of every pixel, (3,), for colors in [0, 1].
        """
        total: Floats = np.asarray(self.eigenvectors) @ (alpha * np.asarray(self.eigenvalues))
        return total
