"""Which images are for training and which for validation."""

from typing import Any, TypeAlias

import numpy as np

__all__ = ["stratified_order"]

Integers: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]


def stratified_order(labels: np.ndarray[Any, np.dtype[Any]], seed: int) -> Integers:
    """Shuffle so that every run of images, from anywhere to anywhere, has the classes in their shares.

    The n images of a class are shuffled and stand at (i + u) / n, i = 0 ... n - 1, on the unit interval, with one
    random u in [0, 1) for the class; the order is that of these places. So a smaller training part is the beginning of
    a larger one, and the images in front of it are the same for all.

    Args:
        labels: Class of each image (N,).
        seed: At least 0; all of the order depends on it.

    Returns:
        A permutation of 0, ..., N - 1; among any P consecutive ones, a class with share s of the images has s P up to
        1 + s (K - 2), and up to 1 if all K classes are equally frequent.

    Example:
        >>> labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
        >>> sorted(labels[stratified_order(labels, seed=0)[2:4]].tolist())
        [0, 1]
    """
    generator = np.random.default_rng(seed)
    shuffled = generator.permutation(len(labels))
    places = np.empty(len(labels))
    for label in np.unique(labels):
        members = shuffled[labels[shuffled] == label]
        places[members] = (np.arange(len(members)) + generator.random()) / len(members)
    return np.argsort(places, kind="stable")
