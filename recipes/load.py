"""What a run asks of its devices, by arithmetic alone."""

import math
from dataclasses import dataclass, replace
from typing import Final, final

from rich.table import Table

__all__ = ["Load", "scaling"]

SCALES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)
SECONDS: Final = 3600
MEGA: Final = 1e6


@final
@dataclass(frozen=True)
class Load:
    """What a run asks of its devices.

    Args:
        train_size: Training images.
        epochs: Passes over them.
        batch_size: Images on a device at once.
        devices: Devices of all machines.
        accumulated: Batches of one step.
        image_bytes: Bytes of an image on its way to the device.

    Example:
        >>> load = Load(1_281_167, 90, batch_size=32, devices=8, accumulated=1, image_bytes=224 * 224 * 3)
        >>> load.global_batch, load.steps, round(load.images_per_s(24))
        (256, 450450, 167)
    """

    train_size: int
    epochs: int
    batch_size: int
    devices: int
    accumulated: int
    image_bytes: int

    @property
    def global_batch(self) -> int:
        """Images that enter one optimizer step."""
        return self.batch_size * self.devices * self.accumulated

    @property
    def steps(self) -> int:
        """Optimizer steps; every epoch ends with one, and every device has as many images."""
        share = math.ceil(self.train_size / self.devices)
        return self.epochs * math.ceil(math.ceil(share / self.batch_size) / self.accumulated)

    def images_per_s(self, hours: float) -> float:
        """Training images a second that each device must take in to end after so many hours."""
        return self.epochs * self.train_size / self.devices / (hours * SECONDS)

    def bytes_per_s(self, hours: float) -> float:
        """Bytes a second that travel to each device then."""
        return self.images_per_s(hours) * self.image_bytes

    def said(self, hours: float) -> str:
        """Say it in a line."""
        return (
            f"{self.devices} devices, global batch {self.global_batch:,}, {self.steps:,} steps: to end in {hours:g} "
            f"hours, {self.images_per_s(hours):,.1f} images/s and {self.bytes_per_s(hours) / MEGA:,.2f} MB/s each"
        )


def scaling(load: Load, hours: float) -> Table:
    """Lay out what 1 to 256 devices would do with the same batch on each."""
    table = Table("devices", title=f"{load.epochs} epochs in {hours:g} hours, {load.batch_size} images on each device")
    for heading in ("global batch", "steps", "images/s on each", "MB/s to each"):
        table.add_column(heading, justify="right")
    for devices in SCALES:
        one = replace(load, devices=devices)
        numbers = f"{one.images_per_s(hours):,.1f}", f"{one.bytes_per_s(hours) / MEGA:,.2f}"
        table.add_row(str(devices), f"{one.global_batch:,}", f"{one.steps:,}", *numbers)
    return table
