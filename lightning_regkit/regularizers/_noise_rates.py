"""The rates of layers of noise, and writing multiples of them."""

from collections.abc import Iterable
from typing import Final, final

from torch import nn

from lightning_regkit._checks import fraction, message

__all__ = ["NoiseRates"]

#: What the rate is called: torch and torchvision, and this package; timm's DropPath and DropBlock; its PatchDropout.
NAMES: Final = ("p", "drop_prob", "prob")


@final
class NoiseRates:
    """The rates that some layers have now, which a schedule multiplies.

    Args:
        layers: Layers of noise; those without a rate, such as pooling, are left out.
        owner: Public name of what the user called.

    Example:
        >>> dropout = nn.Dropout(0.4)
        >>> NoiseRates([dropout, nn.RReLU()]).write(0.5)
        >>> dropout.p
        0.2
    """

    def __init__(self, layers: Iterable[nn.Module], *, owner: str = "regularizers") -> None:
        self._owner = owner
        self._base = [(layer, name, vars(layer)[name]) for layer in layers for name in NAMES if name in vars(layer)]

    @property
    def base(self) -> list[float]:
        """The rates that factors multiply, in the order of the layers."""
        return [rate for _, _, rate in self._base]

    def write(self, factor: float) -> None:
        """Set every rate to ``factor`` times what it was at first.

        Raises:
            ValueError: A product is no probability.
        """
        for layer, name, rate in self._base:
            setattr(layer, name, fraction(self._owner, f"the schedule's factor times {name}", rate * factor))

    def refuse_none(self) -> None:
        """Refuse a schedule where there is nothing to multiply, with ``ValueError``."""
        if not self._base:
            raise ValueError(message(self._owner, "schedule", "be None where no new layer has a rate", "a schedule"))
