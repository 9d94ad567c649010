"""Files that are no whole image: what is said of them, and how many may be skipped."""

import logging
from typing import Final, final

import torch

__all__ = ["BrokenImageError", "Ledger", "broken"]

OWNER: Final = "ImageFolderData"
#: 0.1 %.
LIMIT: Final = 1000

log = logging.getLogger(__name__)


class BrokenImageError(ValueError):
    """A file is no whole image; one line with its path."""


def broken(path: str, reason: object) -> BrokenImageError:
    """Word the error of one file.

    Args:
        path: The file.
        reason: What is wrong with it.

    Example:
        >>> str(broken("val/dog/1.jpg", "it is empty"))
        "ImageFolderData: 'val/dog/1.jpg' cannot be read: it is empty."
    """
    return BrokenImageError(f"{OWNER}: {path!r} cannot be read: {' '.join(str(reason).split())}.")


@final
class Ledger:
    """Which images of a part were skipped: one account for all workers of this process, over all epochs.

    Args:
        num_images: Images of the part, at least 1.

    Example:
        >>> ledger = Ledger(2000)
        >>> ledger.note(7, broken("train/cat/7.jpg", "it is empty"))
        >>> ledger.skipped
        [7]
    """

    def __init__(self, num_images: int) -> None:
        self._flags = torch.zeros(num_images, dtype=torch.uint8).share_memory_()

    @property
    def skipped(self) -> list[int]:
        """Positions of the images that were skipped so far, in order."""
        positions: list[int] = self._flags.nonzero().flatten().tolist()
        return positions

    def note(self, position: int, error: BrokenImageError) -> None:
        """Enter one image; say so the first time.

        Args:
            position: Which one.
            error: What is wrong with it.

        Raises:
            BrokenImageError: More than 0.1 % of the images are entered.
        """
        is_new = not self._flags[position]
        self._flags[position] = 1
        count, num_images = int(self._flags.sum(dtype=torch.int64)), len(self._flags)
        if count * LIMIT > num_images:
            text = f'on_error="skip" is for at most 0.1 % of the images, got {count:,} of {num_images:,}.'
            raise BrokenImageError(f"{error} {text} Replace them.") from error
        if is_new:
            log.warning("%s It is skipped, %s of %s so far.", error, f"{count:,}", f"{num_images:,}")
