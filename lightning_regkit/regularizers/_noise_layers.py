"""The layers of a network that are noise in training, and how they are switched on at test."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from torch import nn

from lightning_regkit.regularizers._noise_layer import NoiseLayer

__all__ = ["noise_layers", "sampling"]

_OF_TORCH: Final = (
    nn.Dropout,
    nn.Dropout1d,
    nn.Dropout2d,
    nn.Dropout3d,
    nn.AlphaDropout,
    nn.FeatureAlphaDropout,
    nn.FractionalMaxPool2d,
    nn.FractionalMaxPool3d,
    nn.RReLU,
)
#: By name, so that neither library is loaded for it.
_OF_OTHERS: Final = frozenset(
    {
        *(("torchvision", name) for name in ("DropBlock2d", "DropBlock3d", "StochasticDepth")),
        *(("timm", name) for name in ("DropBlock2d", "DropPath", "PatchDropout", "PatchDropoutWithIndices")),
    }
)


def noise_layers(module: nn.Module) -> dict[str, nn.Module]:
    """Find the layers that are noise in training: dropout of all kinds, DropConnect, dropped paths, fractional pooling.

    Batch statistics are noise too, but their average at test is in the layer: normalization is not among them.

    Args:
        module: The root.

    Returns:
        Layers by dotted name, in order of definition, each once. Noise that functions draw, such as ``F.dropout``, is
        in no layer.

    Example:
        >>> list(noise_layers(nn.Sequential(nn.Linear(2, 2), nn.Dropout(), nn.BatchNorm1d(2))))
        ['1']
    """
    return {name: layer for name, layer in module.named_modules() if _is_noise(layer)}


@contextmanager
def sampling(layers: Iterable[nn.Module]) -> Iterator[None]:
    """Make just these layers random, whatever the mode of the network, and put them back as they were.

    Args:
        layers: Some that :func:`noise_layers` found; their submodules stay as they are.

    Returns:
        A context; it may be nested.

    Example:
        >>> dropout = nn.Dropout(0.5).eval()
        >>> with sampling([dropout]):
        ...     dropout.training
        True
        >>> dropout.training
        False
    """
    flags = [(layer, "is_sampling" if isinstance(layer, NoiseLayer) else "training") for layer in layers]
    before = [(layer, flag, vars(layer)[flag]) for layer, flag in flags]
    try:
        for layer, flag in flags:
            setattr(layer, flag, True)
        yield
    finally:
        for layer, flag, value in reversed(before):
            setattr(layer, flag, value)


def _is_noise(layer: nn.Module) -> bool:
    if isinstance(layer, (NoiseLayer, *_OF_TORCH)):
        return True
    return any((base.__module__.split(".")[0], base.__name__) in _OF_OTHERS for base in type(layer).__mro__)
