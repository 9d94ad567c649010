"""The color axes of a data set, from all of its pixels."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from lightning_regkit._checks import message
from lightning_regkit.augment._color_axes import ColorAxes, Floats
from lightning_regkit.augment._images import Pixels, check_rgb

__all__ = ["fit_lighting"]

OWNER: Final = "augment.fit_lighting"
SUFFIXES: Final = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
CHUNK: Final = 2**18  # pixels
FLAGS: Final = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION


def fit_lighting(images: str | os.PathLike[str] | Iterable[Pixels]) -> ColorAxes:
    """Measure in which directions the colors of a data set vary, in one pass and in constant memory.

    Args:
        images: A folder, all of whose images are read, at any depth; or RGB images (H, W, 3), uint8 or float32 in
            [0, 1], of any sizes, one at a time.

    Returns:
        Eigenvalues, from the largest on, and eigenvectors of the covariance of all pixels, each pixel of weight one.
        Of every vector the component of largest size is positive.

    Raises:
        TypeError: An image is neither uint8 nor float32.
        ValueError: There is no pixel, a file cannot be read, or an image is not RGB.

    Example:
        >>> red_and_blue = np.array([[[255, 0, 0], [0, 0, 255]]], dtype=np.uint8)
        >>> fit_lighting([red_and_blue]).eigenvalues
        (0.5, 0.0, 0.0)

    Reference:
        Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", NIPS 2012,
        section 4.1; sums that do not lose digits: Chan, Golub and LeVeque, "Algorithms for Computing the Sample
        Variance", The American Statistician 37(3), 1983.
    """
    count, mean, scatter = 0, np.zeros(3), np.zeros((3, 3))
    for colors in _chunks(_files(Path(images)) if isinstance(images, str | os.PathLike) else images):
        center = colors.mean(0)
        shift, total = center - mean, count + len(colors)
        scatter += (colors - center).T @ (colors - center) + np.outer(shift, shift) * (count * len(colors) / total)
        mean += shift * (len(colors) / total)
        count = total
    if count == 0:
        raise ValueError(message(OWNER, "images", "hold at least one pixel", images))
    return _axes(scatter / count)


def _axes(covariance: Floats) -> ColorAxes:
    values, vectors = np.linalg.eigh(covariance)
    largest = np.abs(vectors).argmax(0)
    vectors *= np.sign(vectors[largest, range(3)])
    descending = values[::-1].clip(min=0).tolist(), vectors[:, ::-1].tolist()
    return ColorAxes(tuple(descending[0]), tuple(map(tuple, descending[1])))


def _chunks(images: Iterable[Pixels]) -> Iterator[Floats]:
    for image in images:
        pixels = check_rgb(OWNER, image).reshape(-1, 3)  # (H W, 3)
        largest = 255 if pixels.dtype == np.uint8 else 1
        for start in range(0, len(pixels), CHUNK):
            yield np.divide(pixels[start : start + CHUNK], largest, dtype=np.float64)


def _files(folder: Path) -> Iterator[Pixels]:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES:
            image = cv2.imread(os.fspath(path), FLAGS)
            if image is None:
                remedy = "Remove or replace it."
                raise ValueError(message(OWNER, "folder", "hold images that can be read", os.fspath(path), remedy))
            yield cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
