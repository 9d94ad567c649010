"""Max pooling whose regions are drawn."""

from math import floor, sqrt
from typing import Final, Literal, Self, final

import torch
from torch import Tensor, nn
from torch.nn import functional
from typing_extensions import override

from lightning_regkit._checks import message, one_of, positive_float, positive_int
from lightning_regkit.regularizers._noise_layer import NoiseLayer
from lightning_regkit.regularizers._regions import pool_regions, pseudorandom_starts, random_starts

__all__ = ["FractionalPooling"]

#: Which of the pseudorandom sequences is the fixed one in evaluation.
FIXED: Final = 0.5


@final
class FractionalPooling(NoiseLayer):
    """Max pooling by a ratio that need not be an integer, over regions that are drawn anew for every batch.

    In evaluation the regions are fixed, the pseudorandom ones with u = 1/2; an average over the noise draws them.

    Args:
        ratio: Size that comes in over size that goes out, > 1; sizes are rounded down.
        kernel_px: Side of the square regions, >= 1. They overlap where it is larger than the ratio.
        regions: ``"pseudorandom"``: of evenly spread places, drawn for every image and channel by
            ``nn.FractionalMaxPool2d``; ``"random"``: of steps in random order, the same for the batch.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range; or in a call, the image is too small.

    Example:
        >>> import torch
        >>> tuple(FractionalPooling(2**0.5)(torch.zeros(1, 3, 25, 30)).shape)
        (1, 3, 17, 21)

    Reference:
        Graham, "Fractional Max-Pooling", 2014, section 2.

    Differs from the paper:
        Regions have one size, as torch's. The paper's overlapping ones have one pixel more than the step to the next.
    """

    def __init__(
        self,
        ratio: float = sqrt(2),
        *,
        kernel_px: int = 2,
        regions: Literal["pseudorandom", "random"] = "pseudorandom",
    ) -> None:
        super().__init__()
        if positive_float("FractionalPooling", "ratio", ratio) <= 1:
            raise ValueError(message("FractionalPooling", "ratio", "be above 1", ratio))
        self.ratio = ratio
        self.kernel_px = positive_int("FractionalPooling", "kernel_px", kernel_px)
        self.regions = one_of("FractionalPooling", "regions", regions, ("pseudorandom", "random"))
        self._pool: nn.MaxPool2d | None = None

    @classmethod
    def like(cls, pool: nn.MaxPool2d, *, regions: Literal["pseudorandom", "random"] = "pseudorandom") -> Self:
        """Make one that gives every image the size that ``pool`` does, with regions as large as its kernel.

        Regions lie within the image, so that small images, of which ``pool`` sees a padded border, have smaller ones.

        Args:
            pool: Pooling with a square kernel and one stride, above 1; not dilated.
            regions: As for the layer.

        Raises:
            ValueError: The pooling is of another kind.

        Example:
            >>> import torch
            >>> tuple(FractionalPooling.like(nn.MaxPool2d(3, 2, padding=1))(torch.zeros(1, 64, 112, 112)).shape)
            (1, 64, 56, 56)
        """
        if not (_is_square(pool.kernel_size) and _is_square(pool.stride)) or _sides(pool.stride)[0] == 1:
            raise ValueError(message("FractionalPooling", "pool", "have square regions and one stride above 1", pool))
        if set(_sides(pool.dilation)) != {1} or pool.return_indices:
            raise ValueError(message("FractionalPooling", "pool", "be neither dilated nor return indices", pool))
        layer = cls(_sides(pool.stride)[0], kernel_px=_sides(pool.kernel_size)[0], regions=regions)
        vars(layer)["_pool"] = pool
        return layer.train(pool.training)

    @override
    def forward(self, inputs: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C, h, w)."""
        size, output = (inputs.shape[2], inputs.shape[3]), self._output_px(inputs.shape[2], inputs.shape[3])
        kernel = min(self.kernel_px, *(side - out + 1 for side, out in zip(size, output, strict=True)))
        if min(*output, kernel) < 1:
            condition = f"be large enough for a ratio of {self.ratio:g}"
            raise ValueError(message("FractionalPooling", "images", condition, size))
        if self.is_noisy and self.regions == "pseudorandom":
            return functional.fractional_max_pool2d(inputs, kernel, output_size=output)
        sides = zip(size, output, strict=True)
        if self.is_noisy:
            starts = [random_starts(side, out, kernel, inputs.device) for side, out in sides]
        else:
            starts = [pseudorandom_starts(side, out, kernel, FIXED) for side, out in sides]
        return pool_regions(inputs, (starts[0], starts[1]), kernel)

    @override
    def extra_repr(self) -> str:
        shown = f"ratio={self.ratio:.4g}" if self._pool is None else f"like {self._pool}"
        return f"{shown}, kernel_px={self.kernel_px}, regions={self.regions!r}"

    def _output_px(self, height: int, width: int) -> tuple[int, int]:
        if self._pool is None:
            return floor(height / self.ratio), floor(width / self.ratio)
        pool, image = self._pool, torch.empty(1, 1, height, width, device="meta")
        pooled = functional.max_pool2d(image, pool.kernel_size, pool.stride, pool.padding, ceil_mode=pool.ceil_mode)
        return pooled.shape[2], pooled.shape[3]


def _sides(size: int | tuple[int, ...]) -> tuple[int, ...]:
    return size if isinstance(size, tuple) else (size, size)


def _is_square(size: int | tuple[int, ...]) -> bool:
    return len(set(_sides(size))) == 1
