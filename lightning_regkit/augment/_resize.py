"""Images of another size."""

import numpy as np
import torch
from torch.nn import functional as F

from lightning_regkit.augment._images import Pixels

__all__ = ["resize"]


def resize(image: Pixels, size_px: tuple[int, int]) -> Pixels:
    """Resize one image, antialiased and bilinear, as torchvision resizes tensors.

    OpenCV's ``INTER_LINEAR`` skips pixels when it shrinks, and its ``INTER_AREA`` of uint8 takes several times as long.

    Args:
        image: (H, W) or (H, W, C), uint8 or float32; not modified.
        size_px: (height, width) in pixels, >= 1.

    Returns:
        Pixels of that size, of the dtype and channels of ``image``; ``image`` itself where nothing changes.

    Example:
        >>> resize(np.array([[0, 100], [100, 200]], dtype=np.uint8), (1, 1))
        array([[100]], dtype=uint8)
    """
    if image.shape[:2] == size_px:
        return image
    pixels = torch.from_numpy(np.require(np.atleast_3d(image), requirements=["C", "W"]))
    batch = pixels.unsqueeze(0).permute(0, 3, 1, 2)  # (1, C, H, W), channels last, which torch is fast at
    resized = F.interpolate(batch, size=size_px, mode="bilinear", align_corners=False, antialias=True)
    result: Pixels = resized[0].permute(1, 2, 0).contiguous().numpy()
    return result if image.ndim == result.ndim else result[..., 0]
