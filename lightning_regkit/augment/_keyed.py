"""Noise keyed by where training is: one generator for each sample of each epoch."""

import os
from collections.abc import Mapping, Sequence
from random import Random  # noqa: TID251  # albumentations takes one beside NumPy's; it is nobody else's
from typing import Any, Final, final

import numpy as np
from torch.utils.data import Dataset
from typing_extensions import override

from lightning_regkit._checks import message, non_negative_int
from lightning_regkit._random import StreamKey, generator
from lightning_regkit.augment._albumentations import albumentations as A
from lightning_regkit.augment._images import as_pixels

__all__ = ["Keyed", "apply_transform"]

SEEDS: Final = 2**63
KEY_LENGTH: Final = 2


def apply_transform(
    transform: "A.BasicTransform | A.BaseCompose", data: Mapping[str, Any], *, generator: np.random.Generator
) -> dict[str, Any]:
    """Apply a transform of albumentations with all its randomness from one generator.

    Args:
        transform: A transform or ``Compose``; its own generators are replaced, all the way down.
        data: What it takes by name: ``image``, and ``mask`` and others where it takes them.
        generator: Source of all randomness.

    Returns:
        What the transform returns: equal for generators in equal states, whatever the transform has done before.

    Example:
        >>> import albumentations as A
        >>> image = np.arange(6, dtype=np.uint8).reshape(1, 6)
        >>> one, other = (
        ...     apply_transform(A.RandomCrop(1, 1), {"image": image}, generator=np.random.default_rng(3))["image"]
        ...     for _ in range(2)
        ... )
        >>> one == other
        array([[ True]])
    """
    transform.set_random_state(generator, Random(int(generator.integers(SEEDS))))  # noqa: S311  # no secret
    result: dict[str, Any] = transform(**data)
    return result


@final
class Keyed(Dataset[Any]):
    """A data set whose augmentation is a function of (seed, epoch, index): the same whatever the number of workers.

    It is asked for (epoch, index), by ``ResumableSampler(dataset, keyed=True)``, and makes a generator of that. So a
    sample is augmented alike in any worker, persistent or not, on any rank, and in a run that was resumed inside an
    epoch; and differently in every epoch. (The generators of albumentations itself are copied into every worker: all
    of them would draw the same, and the same again in the next epoch.)

    Args:
        dataset: Where the samples are. A sample is an image, a tuple that begins with one, or a dict that holds it
            under ``"image"`` and is given to the transform by name. An image is (H, W), (H, W, C), or of PIL.
        transform: A transform or ``Compose`` of albumentations.
        seed: Seed of the noise, >= 0. None: ``PL_GLOBAL_SEED`` when a sample is asked for, else 0.
        occurrence: Which of several: two views of one data set differ when these do.

    Returns:
        A data set of the length of ``dataset``, with its images transformed and the rest of a sample as it was.

    Raises:
        TypeError: ``transform`` is not of albumentations, or a number no integer; or, of a sample, it is not asked for
            by (epoch, index), or holds no image.
        ValueError: A number is negative, or ``PL_GLOBAL_SEED`` is no number.

    Example:
        >>> import albumentations as A
        >>> images = [np.arange(6, dtype=np.uint8).reshape(1, 6)] * 2
        >>> dataset = Keyed(images, A.Compose([A.RandomCrop(1, 1)]), seed=3)
        >>> dataset[0, 1] == dataset[0, 1], len(dataset)
        (array([[ True]]), 2)
    """

    def __init__(
        self,
        dataset: "Dataset[Any] | Sequence[Any]",
        transform: "A.BasicTransform | A.BaseCompose",
        *,
        seed: int | None = None,
        occurrence: int = 0,
    ) -> None:
        if not isinstance(transform, A.BasicTransform | A.BaseCompose):
            remedy = "Wrap others with augment.from_torchvision or augment.from_timm."
            raise TypeError(message("Keyed", "transform", "be of albumentations", transform, remedy))
        self.dataset, self.transform = dataset, transform
        self.seed = None if seed is None else non_negative_int("Keyed", "seed", seed)
        self.occurrence = non_negative_int("Keyed", "occurrence", occurrence)

    def __len__(self) -> int:
        return len(self.dataset)  # type: ignore[arg-type]  # torch's Dataset declares no length

    @override
    def __getitem__(self, index: object) -> Any:
        if not isinstance(index, tuple) or len(index) != KEY_LENGTH:
            remedy = "Pass DataLoader(..., sampler=ResumableSampler(dataset, keyed=True))."
            raise TypeError(message("Keyed", "index", "be (epoch, index)", index, remedy))
        epoch, position = index
        seed = _global_seed() if self.seed is None else self.seed
        stream = StreamKey(seed, 0, epoch, position, purpose="Keyed", occurrence=self.occurrence)
        return self._transformed(self.dataset[position], generator(stream))

    def _transformed(self, sample: object, noise: np.random.Generator) -> object:
        if isinstance(sample, Mapping):
            data = {**sample, "image": as_pixels("Keyed", sample.get("image"))}
            return apply_transform(self.transform, data, generator=noise)
        image, *rest = sample if isinstance(sample, tuple | list) else (sample,)
        data = {"image": as_pixels("Keyed", image)}
        transformed = apply_transform(self.transform, data, generator=noise)["image"]
        return (transformed, *rest) if isinstance(sample, tuple | list) else transformed


def _global_seed() -> int:
    setting = os.environ.get("PL_GLOBAL_SEED", "0")
    if not setting.isdecimal():
        raise ValueError(message("Keyed", "PL_GLOBAL_SEED", "be an integer of at least 0", setting))
    return int(setting)
