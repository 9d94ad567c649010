"""The base of transforms that come from another library."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import torch
from PIL import Image
from typing_extensions import override

from lightning_regkit._checks import message
from lightning_regkit.augment._albumentations import albumentations as A
from lightning_regkit.augment._global_generators import global_generators_seeded
from lightning_regkit.augment._images import Pixels

__all__ = ["Foreign"]

OTHER_TARGETS: Final = ("mask", "masks", "bboxes", "keypoints")
SEEDS: Final = 2**63
NUM_DIMS: Final = 3


class Foreign(A.ImageOnlyTransform, ABC):
    """Calls a transform of images alone, with the process-wide generators seeded from the generator of this one.

    Args:
        owner: Public name of what the user called.
        transform: Takes and returns one image.
        p: Share of the images that are changed.
    """

    def __init__(self, owner: str, transform: Callable[[Any], Any], p: float = 1.0) -> None:
        super().__init__(p=p)
        self.owner, self.transform = owner, transform

    @abstractmethod
    def convert(self, image: Pixels) -> object:
        """Return what the transform takes for ``image``."""

    @override
    def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        if ignored := [name for name in OTHER_TARGETS if name in data]:
            remedy = "It would leave the others as they are, wherever it moves the pixels."
            raise ValueError(message(self.owner, "data", "hold images alone", ignored, remedy))
        return {"seed": int(self.random_generator.integers(SEEDS))}

    @override
    def apply(self, img: Pixels, seed: int, **params: Any) -> Pixels:
        with global_generators_seeded(seed):
            changed = self.transform(self.convert(img))
        pixels = _pixels(self.owner, changed)
        return pixels[..., 0] if img.ndim < NUM_DIMS and pixels.shape[2] == 1 else pixels


def _pixels(owner: str, changed: object) -> Pixels:
    if isinstance(changed, torch.Tensor) and changed.ndim == NUM_DIMS:
        tensor: Pixels = changed.permute(1, 2, 0).numpy()
        return tensor
    if isinstance(changed, Image.Image):
        return np.atleast_3d(np.array(changed))  # a copy: what PIL shares cannot be written
    kind = tuple(changed.shape) if isinstance(changed, torch.Tensor) else type(changed).__name__
    raise TypeError(message(owner, "transform", "return a tensor (C, H, W) or a PIL image", kind))
