"""What the tests of this package share: images whose pixels say where they were."""

import torch
from torch import Tensor

from lightning_regkit.crops import View


def numbered(height: int, width: int) -> Tensor:
    """Image (1, 1, H, W) whose pixels are all different."""
    return torch.arange(float(height * width)).reshape(1, 1, height, width)


def slow_loop(image: Tensor, view: View) -> list[list[float]]:
    """What a view of an image (1, 1, H, W) of its own size shows, pixel by pixel."""
    rows = image[0, 0].tolist()
    box = view.box
    shown = [
        [
            rows[_inside(row, len(rows))][_inside(column, len(rows[0]))]
            for column in range(box.left, box.left + box.width)
        ]
        for row in range(box.top, box.top + box.height)
    ]
    return [row[::-1] for row in shown] if view.is_mirrored else shown


def _inside(place: int, length: int) -> int:
    """Reflect a place outside 0 ... length - 1 at the edge pixel."""
    place = abs(place)
    return place if place < length else 2 * (length - 1) - place
