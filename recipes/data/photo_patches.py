"""The smallest folder of photographs that runs the whole way of ImageNet."""

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final, final

from typing_extensions import override

from recipes.data._folder_data import FolderData
from recipes.data._folder_options import FolderOptions
from recipes.data._image_options import ImageOptions
from recipes.data._photos import PARTS, SOURCES, write_patches

__all__ = ["PhotoPatchesData"]

OWNER: Final = "PhotoPatchesData"
IMAGES: Final = ImageOptions(crop_px=64, resize_px=(73, 137), test_resize_px=73)
MARKER: Final = ".photo_patches.json"
CONTENT: Final = {"version": 1, "classes": list(SOURCES), "parts": PARTS}


@final
class PhotoPatchesData(FolderData):
    """Patches of ten photographs that ship inside scikit-image and scikit-learn: which one is it of?

    1,000 patches of left halves are for training, 250 of right halves for validation and test, each of 96 to 160 pixels
    a side. They are written once as JPEG files, and read as ``ImageFolderData`` reads ImageNet: index, decoding,
    crops, batches and refusals are the same.

    Args:
        root: Folder to write them to; a new one, or one that this class wrote.
        batch_size: Images in a batch of one process; the last batch of an epoch may be smaller.
        num_workers: Processes that decode; 0 for the process that trains.
        images: Crops, noise, view at test, mean and standard deviation; None for crops of 64 pixels.
        folder: Broken files, list of files, seed; None for ``FolderOptions()``.

    Raises:
        ValueError: A number is out of range.
        FileExistsError: In ``prepare_data``, ``root`` holds something else.

    Example:
        >>> data = PhotoPatchesData("outputs/photo_patches", batch_size=50)
        >>> # trainer.fit(model, data); trainer.test(model, data)
    """

    def __init__(
        self,
        root: str = "outputs/photo_patches",
        batch_size: int = 50,
        num_workers: int = 2,
        images: ImageOptions | None = None,
        folder: FolderOptions | None = None,
    ) -> None:
        super().__init__(root, batch_size, num_workers, images or IMAGES, folder or FolderOptions())

    @override
    def make(self) -> None:
        """Write the files, unless they are there; all of them or none."""
        if not _is_made(self.root):
            self.root.parent.mkdir(parents=True, exist_ok=True)
            part = Path(tempfile.mkdtemp(dir=self.root.parent, prefix=f".{self.root.name}."))
            try:
                part.chmod(0o755)  # mkdtemp's own is for one user
                write_patches(part)
                (part / MARKER).write_text(json.dumps(CONTENT))
                _rename(part, self.root)
            finally:
                shutil.rmtree(part, ignore_errors=True)


def _is_made(root: Path) -> bool:
    if not root.is_dir() or not any(root.iterdir()):
        return False
    marker = root / MARKER
    if marker.is_file() and json.loads(marker.read_text()) == CONTENT:
        return True
    raise FileExistsError(
        f"{OWNER}: root must be a new folder, or what this class wrote, got {str(root)!r}. Pass another."
    )


def _rename(part: Path, root: Path) -> None:
    try:
        os.replace(part, root)  # an empty folder gives way
    except OSError:
        if not _is_made(root):  # by another machine that shares the disk
            raise
