"""CutMix: a box of every image comes from another."""

from dataclasses import dataclass
from typing import Any, Final, Literal, final

import numpy as np
from torch import Tensor

from lightning_regkit._checks import message, one_of, positive_int
from lightning_regkit.mixing._alpha import check_cutmix_alpha
from lightning_regkit.mixing._mixture import PER, check_partner
from lightning_regkit.mixing._paste import paste
from lightning_regkit.mixing._regions import check_boxes, check_images, check_size_px, clip_boxes

__all__ = ["CutMixDraw", "apply_cutmix", "draw_cutmix"]

DRAW: Final = "mixing.draw_cutmix"


@final
@dataclass(frozen=True, eq=False)
class CutMixDraw:
    """The random part of CutMix for one batch.

    Args:
        boxes: Pasted pixels of every image as (top, left, height, width), int64 (B, 4), inside the image.
        partner: Index of the image they come from, int64 (B,), in [0, B).
        height: H of the images.
        width: W of the images.

    Raises:
        TypeError: A field is no array of that dtype.
        ValueError: The shapes are not (B, 4) and (B,), B >= 1, a box is not inside the image, or an index out of range.

    Example:
        >>> draw = CutMixDraw(np.array([[0, 0, 2, 2], [1, 1, 0, 0]]), np.array([1, 0]), height=4, width=4)
        >>> draw.lam
        array([0.75, 1.  ], dtype=float32)
    """

    boxes: np.ndarray[Any, np.dtype[np.int64]]
    partner: np.ndarray[Any, np.dtype[np.int64]]
    height: int
    width: int

    def __post_init__(self) -> None:
        check_boxes("CutMixDraw", self.boxes, ("B", "4"), (self.height, self.width))
        check_partner("CutMixDraw", self.partner)
        if len(self.boxes) != len(self.partner):
            shapes = (self.boxes.shape, self.partner.shape)
            raise ValueError(message("CutMixDraw", "boxes and partner", "be of one batch size", shapes))

    @property
    def lam(self) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Share of the **original** image that is left, 1 - area / (H W), float32 (B,)."""
        area = self.boxes[:, 2] * self.boxes[:, 3]
        share: np.ndarray[Any, np.dtype[np.float32]] = (1 - area / (self.height * self.width)).astype(np.float32)
        return share

    @property
    def batch_size(self) -> int:
        """Number of images B, >= 1."""
        return len(self.partner)


def draw_cutmix(
    batch_size: int,
    *,
    size_px: tuple[int, int],
    alpha: float,
    generator: np.random.Generator,
    per: Literal["batch", "sample"] = "batch",
) -> CutMixDraw:
    """Draw boxes with the proportions of the image, and a uniformly random permutation of partners.

    With u ~ Beta(alpha, alpha), the sides are floor(H sqrt(1 - u)) and floor(W sqrt(1 - u)), the center is uniform over
    all pixels, and the border cuts. So lam, the share really left, is at least u: .678 on average for alpha = 1.

    Args:
        batch_size: B, >= 1.
        size_px: (H, W) of the images in pixels.
        alpha: Concentration of the Beta law, at least 0.01; 1 is uniform.
        generator: Source of all randomness.
        per: One box for the ``"batch"``, or one for each ``"sample"``, independent of the others.

    Returns:
        A draw whose boxes are inside the image, may be empty, and whose ``partner`` is a permutation.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range.

    Example:
        >>> draw = draw_cutmix(2, size_px=(32, 32), alpha=1.0, generator=np.random.default_rng(0))
        >>> bool((draw.boxes[0] == draw.boxes[1]).all())
        True

    Reference:
        Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features", ICCV 2019,
        equation 2.

    Differs from the paper:
        lam is corrected for the border, as in the authors' code. Odd sides keep their whole length, as in timm; the
        authors' code loses a pixel. ``per="sample"`` is timm's ``elem``.
    """
    positive_int(DRAW, "batch_size", batch_size)
    size = check_size_px(DRAW, size_px)
    check_cutmix_alpha(DRAW, alpha)
    num_boxes = batch_size if one_of(DRAW, "per", per, PER) == "sample" else 1
    ratio = np.sqrt(1 - generator.beta(alpha, alpha, size=(num_boxes, 1)))
    length = (ratio * np.array(size)).astype(np.int64)  # (1 or B, 2)
    start = generator.integers(size, size=length.shape) - length // 2
    boxes = np.repeat(clip_boxes(start, length, size), batch_size // num_boxes, axis=0)
    return CutMixDraw(boxes, generator.permutation(batch_size), *size)


def apply_cutmix(inputs: Tensor, draw: CutMixDraw, *, inplace: bool = False) -> Tensor:
    """Paste into every image's box the same pixels of its partner.

    Args:
        inputs: Images (B, C, H, W), any floating dtype; modified only if ``inplace``.
        draw: From :func:`draw_cutmix` for the same B, H, W.
        inplace: Write into ``inputs``, which then must not be the data set itself.

    Returns:
        ``inputs`` if ``inplace``, else a new tensor of the dtype, shape, device and memory format of ``inputs``; every
        pixel is that of one of the two images. Made without waiting for the device.

    Raises:
        TypeError: ``inputs`` is not a floating tensor.
        ValueError: ``inputs`` is of another batch size, height or width than the draw, or not (B, C, H, W).

    Example:
        >>> import torch
        >>> draw = CutMixDraw(np.array([[0, 1, 1, 2]] * 2), np.array([1, 0]), height=1, width=3)
        >>> apply_cutmix(torch.arange(6.0).reshape(2, 1, 1, 3), draw).flatten(1)
        tensor([[0., 4., 5.],
                [3., 1., 2.]])

    Reference:
        Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features", ICCV 2019,
        equation 1.
    """
    check_images("mixing.apply_cutmix", inputs, draw.batch_size, (draw.height, draw.width))
    return paste(inputs, draw.boxes, draw.partner, inplace=inplace)
