"""Small folders of images, and files of every kind that goes wrong, or looks as if it would."""

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import simplejpeg
import skimage.data
from PIL import Image

Pixels: TypeAlias = np.ndarray[Any, np.dtype[np.uint8]]


@cache
def _astronaut() -> Pixels:
    pixels: Pixels = skimage.data.astronaut()  # type: ignore[no-untyped-call]  # it has no types
    return pixels


def photo(height: int, width: int, number: int = 0) -> Pixels:
    """Return a part of a photograph, another one for every number."""
    whole = _astronaut()
    top, left = np.random.default_rng([number]).integers((512 - height + 1, 512 - width + 1))
    return np.ascontiguousarray(whole[top : top + height, left : left + width])


def jpeg(pixels: Pixels, subsampling: str = "420", quality: int = 90) -> bytes:
    if subsampling == "Gray":
        gray = np.ascontiguousarray(pixels[..., :1])
        return bytes(simplejpeg.encode_jpeg(gray, quality, "GRAY", "Gray"))
    return bytes(simplejpeg.encode_jpeg(pixels, quality, "RGB", subsampling))


def saved(pixels: Pixels, kind: str, mode: str = "RGB", **options: Any) -> bytes:
    """Encode by Pillow."""
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, kind, **options)
    return file.getvalue()


def rotated() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees before it is shown
    return saved(photo(40, 60), "JPEG", exif=exif)


def damaged() -> bytes:
    """A file that ends in order, and lacks its last pixels."""
    return jpeg(photo(80, 60))[:-300] + b"\xff\xd9"


def deep() -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((20, 30), 40_000, dtype=np.uint16)).save(file, "PNG")
    return file.getvalue()


#: Files that torchvision and timm load, whatever their names.
FINE: Final[dict[str, Callable[[], bytes]]] = {
    "plain": lambda: jpeg(photo(40, 60)),
    "gray": lambda: jpeg(photo(40, 60), "Gray"),
    "CMYK": lambda: saved(photo(40, 60), "JPEG", "CMYK"),
    "RGB inside": lambda: saved(photo(40, 60), "JPEG", keep_rgb=True),
    "progressive": lambda: saved(photo(40, 60), "JPEG", progressive=True),
    "restart markers": lambda: saved(photo(40, 60), "JPEG", restart_marker_rows=1),
    "PNG named .JPEG": lambda: saved(photo(40, 60), "PNG"),
    "palette": lambda: saved(photo(40, 60), "PNG", "P"),
    "transparent": lambda: saved(photo(40, 60), "PNG", "RGBA"),
    "WebP": lambda: saved(photo(40, 60), "WEBP"),
    "rotated by EXIF": rotated,
    "1 x 1": lambda: jpeg(photo(1, 1)),
    "1 x 90": lambda: jpeg(photo(1, 90)),
    "bytes before the end": lambda: jpeg(photo(40, 60))[:-2] + b"\0" * 7 + b"\xff\xd9",
    "bytes behind the end": lambda: jpeg(photo(40, 60)) + b"more",
}
#: Files that are no whole image -> what is said.
BROKEN: Final[dict[str, tuple[Callable[[], bytes], str]]] = {
    "empty": (lambda: b"", "it is empty"),
    "text": (lambda: b"404 not found\n", "it is no image of BMP, GIF, JPEG, PNG, PPM, TIFF, WEBP"),
    "truncated": (lambda: jpeg(photo(80, 60))[:-900], "image file is truncated"),
    "without an end": (lambda: jpeg(photo(80, 60))[:-2], "image file is truncated"),
    "truncated in the header": (lambda: jpeg(photo(80, 60))[:200], ""),
    "the first bytes alone": (lambda: jpeg(photo(80, 60))[:4], ""),
    "damaged": (damaged, "Corrupt JPEG data: premature end of data segment"),
    "truncated PNG": (lambda: saved(photo(80, 60), "PNG")[:-3000], ""),
    "truncated CMYK": (lambda: saved(photo(80, 60), "JPEG", "CMYK")[:-900], "image file is truncated"),
    "16 bits": (deep, "its pixels have more than 8 bits, mode 'I;16' of Pillow"),
}


def write_folder(root: Path, counts: dict[str, tuple[int, ...]], size_px: tuple[int, int] = (40, 60)) -> Path:
    """Write ``<part>/<class letter>/<number>.JPEG``, as many as ``counts`` says for each class of each part."""
    number = 0
    for part, each in counts.items():
        for label, count in enumerate(each):
            folder = root / part / "abcdefgh"[label]
            folder.mkdir(parents=True)
            for _ in range(count):
                (folder / f"{number:04}.JPEG").write_bytes(jpeg(photo(*size_px, number)))
                number += 1
    return root
