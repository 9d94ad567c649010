"""The base of this package's own layers of noise."""

from abc import ABC, abstractmethod

from torch import Tensor, nn
from typing_extensions import override

__all__ = ["NoiseLayer"]


class NoiseLayer(nn.Module, ABC):
    """A layer that is random in training and the expected network, or a fixed choice, in evaluation.

    It draws from the default generator of its device, as torch's dropout does: a checkpoint that has the state of that
    generator goes on with the same noise. ``is_sampling`` makes it random in evaluation too, for an average over the
    noise; :func:`sampling` sets it.

    Example:
        >>> class Sign(NoiseLayer):
        ...     def forward(self, inputs):
        ...         return -inputs if self.is_noisy else inputs
        >>> layer = Sign().eval()
        >>> layer(1), layer.is_noisy
        (1, False)
    """

    def __init__(self) -> None:
        super().__init__()
        self.is_sampling = False

    @property
    def is_noisy(self) -> bool:
        """Whether the next call draws."""
        return self.training or self.is_sampling

    @override
    @abstractmethod
    def forward(self, inputs: Tensor) -> Tensor:
        """Draw where ``is_noisy``."""
