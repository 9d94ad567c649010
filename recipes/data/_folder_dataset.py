"""The images of a folder, decoded when they are asked for."""

from abc import ABC
from collections.abc import Callable
from typing import Any, Final, final

import cv2
import numpy as np
from torch.utils.data import Dataset
from typing_extensions import override

import lightning_regkit as rk
from recipes.data._batches import Sample
from recipes.data._broken import BrokenImageError, Ledger
from recipes.data._decode import Encoded, open_image
from recipes.data._folder_index import FolderIndex
from recipes.data._image_options import ImageOptions
from recipes.data._jpeg import Pixels
from recipes.data._regions import exact_crop, fast_crop

__all__ = ["EvaluationImages", "FolderImages", "TrainingImages", "central_crop"]

MIRRORED: Final = 0.5
REMEDY: Final = 'Replace it, or pass FolderOptions(on_error="skip").'


class FolderImages(Dataset[Any], ABC):
    """Images and labels of an index.

    Args:
        index: Which files.
        ledger: Account of the files that were skipped; None to skip none.
    """

    def __init__(self, index: FolderIndex, ledger: Ledger | None) -> None:
        self.index, self.ledger = index, ledger

    def __len__(self) -> int:
        return len(self.index)

    def read(self, position: int, prepare: Callable[[Encoded], Pixels]) -> Sample | None:
        """Return an image and its label; None, entered in the ledger, if the file is broken.

        Args:
            position: Which file.
            prepare: Decodes it.

        Raises:
            BrokenImageError: The file is broken, and files are not to be skipped, or not so many.
        """
        try:
            return prepare(open_image(self.index.path(position))), self.index.label(position)
        except BrokenImageError as error:
            if self.ledger is None:
                raise BrokenImageError(f"{error} {REMEDY}") from error
            self.ledger.note(position, error)
            return None


@final
class TrainingImages(FolderImages):
    """Random crops, each a function of (seed, epoch, position): asked for by (epoch, position).

    In place of a broken image comes the next of the index that is whole, cropped as the broken one would have been.

    Args:
        index: Which files.
        options: How they are cropped.
        seed: Of the run, >= 0.
        ledger: Account of the files that were skipped; None to skip none.
    """

    def __init__(self, index: FolderIndex, options: ImageOptions, seed: int, ledger: Ledger | None) -> None:
        super().__init__(index, ledger)
        self.options, self.seed = options, seed

    @override
    def __getitem__(self, key: tuple[int, int]) -> Sample:
        epoch, position = key

        def prepare(image: Encoded) -> Pixels:
            return self._crop(image, np.random.default_rng([self.seed, epoch, position]))

        shown = position
        while (sample := self.read(shown, prepare)) is None:  # until the ledger raises
            shown = (shown + 1) % len(self)
        return sample

    def _crop(self, image: Encoded, generator: np.random.Generator) -> Pixels:
        options = self.options
        region = options.training_region(image.size_px, generator)
        pixels = (exact_crop if options.exact else fast_crop)(image, region, options.crop_px)
        if generator.random() < MIRRORED:
            pixels = cv2.flip(pixels, 1)  # type: ignore[assignment]  # it never says of what type
        if options.transform is None:
            return pixels
        transform = options.transform
        transformed: Pixels = rk.augment.apply_transform(transform, {"image": pixels}, generator=generator)["image"]  # type: ignore[arg-type]
        return transformed


@final
class EvaluationImages(FolderImages):
    """One view of each image; None in place of a broken one.

    Args:
        index: Which files.
        prepare: Decodes one.
        ledger: Account of the files that were skipped; None to skip none.
    """

    def __init__(self, index: FolderIndex, prepare: Callable[[Encoded], Pixels], ledger: Ledger | None) -> None:
        super().__init__(index, ledger)
        self.prepare = prepare

    @override
    def __getitem__(self, position: int) -> Sample | None:
        return self.read(position, self.prepare)


def central_crop(options: ImageOptions, image: Encoded) -> Pixels:
    """Return the center of an image, as its options say; always exact.

    Args:
        options: Shorter side after resizing, and side of the crop.
        image: The file.
    """
    return exact_crop(image, options.central_region(image.size_px), options.crop_px)
