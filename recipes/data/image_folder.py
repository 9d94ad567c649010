"""A folder of JPEG files, such as ImageNet's, fast enough to keep an accelerator busy."""

from typing import final

from typing_extensions import override

from recipes.data._broken import BrokenImageError
from recipes.data._folder_data import FolderData
from recipes.data._folder_options import FolderOptions
from recipes.data._image_options import ImageOptions

__all__ = ["BrokenImageError", "FolderOptions", "ImageFolderData", "ImageOptions"]


@final
class ImageFolderData(FolderData):
    """Images in ``train/<class>/*`` and ``val/<class>/*``, or ``val/*`` with a file of labels.

    A model gets pairs of images (B, 3, crop, crop), float32, standardized, channels last in memory, and labels (B,),
    int64: positions of the classes in alphabetical order. Loaders give bytes: the rest is done where the batch is, in
    ``on_after_batch_transfer``. Where whole images are asked for, a model gets lists of images (3, H, W).

    Training images come in the order of ``ResumableSampler``; their crops and noise are functions of (seed, epoch,
    image), the same for any number of workers and after a resume. Evaluation sees every image once, over all
    processes. ``test`` and ``predict`` run on the validation part. Checkpoints hold the classes; others are refused.

    Args:
        root: Holds ``train`` and ``val``.
        batch_size: Images in a batch of one process; the last batch of an epoch may be smaller.
        num_workers: Processes that decode, best as many as there are cores; 0 for the process that trains.
        images: Crops, noise, view at test, mean and standard deviation; None for ``ImageOptions()``.
        folder: Broken files, labels of a flat ``val``, list of files, seed; None for ``FolderOptions()``.

    Raises:
        ValueError: A number is out of range; or in ``setup``, the folder is not what it should be.
        FileNotFoundError: In ``setup``, a folder is missing.
        BrokenImageError: From a loader, a file is no whole image.

    Example:
        >>> data = ImageFolderData("/data/imagenet", batch_size=256, num_workers=8)
        >>> # trainer.fit(model, data); trainer.test(model, data)

    Reference:
        O. Russakovsky et al. ImageNet Large Scale Visual Recognition Challenge. IJCV 115, 2015.
    """

    def __init__(
        self,
        root: str,
        batch_size: int = 256,
        num_workers: int = 2,
        images: ImageOptions | None = None,
        folder: FolderOptions | None = None,
    ) -> None:
        super().__init__(root, batch_size, num_workers, images or ImageOptions(), folder or FolderOptions())

    @override
    def make(self) -> None:
        """Leave the folder as it is."""
