"""Where the files of an image folder are and what happens to broken ones."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, final, get_args

from recipes.data._refusals import refuse_below

__all__ = ["FolderOptions"]

OnError: TypeAlias = Literal["raise", "skip"]

OWNER: Final = "FolderOptions"


@final
@dataclass(frozen=True)
class FolderOptions:
    """How the files of an image folder are found and read.

    Args:
        on_error: At a broken file, ``"raise"`` or ``"skip"``. In training the next image comes in its place; in
            evaluation its batch is shorter. Each file skipped is logged once; more than 0.1 % of a part are an error.
        train_size: Number of training images, which ``plan`` reckons with before the folder is there, and which the
            folder must have then, >= 1; None for what it has.
        val_labels: File with a line for each image of a flat ``val``: its name, and that of its class.
        cache: Folder where the list of files is kept; None for ``lightning_regkit`` in the user's cache.
        seed: Of order, crops and noise, >= 0; None for that of ``seed_everything``, else 0.
        repeats: How many views of an image follow each other in training, >= 1: an epoch then shows one in so many.

    Raises:
        ValueError: A word is unknown, or a number is out of range.

    Example:
        >>> FolderOptions(on_error="skip").seed
    """

    on_error: OnError = "raise"
    train_size: int | None = None
    val_labels: str | None = None
    cache: str | None = None
    seed: int | None = None
    repeats: int = 1

    def __post_init__(self) -> None:
        if self.on_error not in get_args(OnError):
            raise ValueError(f"{OWNER}: on_error must be one of raise, skip, got {self.on_error!r}.")
        for name, minimum in (("train_size", 1), ("seed", 0), ("repeats", 1)):
            if (value := vars(self)[name]) is not None:
                refuse_below(OWNER, name, value, minimum)
