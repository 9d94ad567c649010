"""Fractional max pooling in any LightningModule."""

from typing import Final, Literal, final

from torch import nn
from typing_extensions import override

from lightning_regkit import regularizers
from lightning_regkit._checks import message, one_of
from lightning_regkit.callbacks._model_surgery import ModelSurgery
from lightning_regkit.regularizers._where import Which, as_where

__all__ = ["FractionalPooling"]

OWNER: Final = "FractionalPooling"


@final
class FractionalPooling(ModelSurgery):
    """Draw the regions of max pooling anew for every batch in training.

    The layers become :class:`~lightning_regkit.regularizers.FractionalPooling`, of the same output size unless there is
    a ``ratio``. In evaluation the regions are fixed; ``MonteCarloDropout`` averages over drawn ones. Acts in every
    stage, before optimizers are made; prints where; undone at its end. Draws from torch's global generator, as dropout
    does. Writes the module tree. Saves nothing.

    Args:
        where: Which layers, as for ``Surgery``: a class, a name pattern, or ``Where``; they must be ``nn.MaxPool2d``.
        regions: ``"pseudorandom"`` places that are evenly spread, or steps in ``"random"`` order.
        ratio: Size that comes in over size that goes out, > 1, in regions of 2 x 2 as in the paper, for networks that
            take any size; None keeps each layer's sizes and regions, which must overlap.

    Raises:
        TypeError: An argument, or in a stage a layer, is of the wrong kind.
        ValueError: An argument is out of range; or in a stage, there is no such layer; without ``ratio``, its regions
            do not overlap, are not square, dilated or returned with indices; or none is called.

    Example:
        >>> import lightning_regkit as rk
        >>> pooled = rk.callbacks.FractionalPooling()  # Trainer(callbacks=[pooled])

    Reference:
        Graham, "Fractional Max-Pooling", 2014, section 2.
    """

    def __init__(
        self,
        where: Which = nn.MaxPool2d,
        *,
        regions: Literal["pseudorandom", "random"] = "pseudorandom",
        ratio: float | None = None,
    ) -> None:
        one_of(OWNER, "regions", regions, ("pseudorandom", "random"))
        self.regions = regions
        self.ratio = ratio
        if ratio is not None:
            regularizers.FractionalPooling(ratio)  # refuses a bad one
        super().__init__(as_where(OWNER, where), None)

    @override
    def make(self, found: dict[str, nn.Module]) -> dict[str, nn.Module]:
        return {name: self._like(layer) for name, layer in found.items()}

    def _like(self, layer: nn.Module) -> nn.Module:
        if not isinstance(layer, nn.MaxPool2d):
            raise TypeError(message(OWNER, "where", "choose nn.MaxPool2d layers", type(layer).__name__))
        if self.ratio is not None:
            return regularizers.FractionalPooling(self.ratio, regions=self.regions)
        pooling = regularizers.FractionalPooling.like(layer, regions=self.regions)
        if pooling.kernel_px <= pooling.ratio:
            condition = "choose pooling whose regions overlap, or there is nothing to draw"
            raise ValueError(message(OWNER, "where", condition, layer, "Pass ratio=1.5 if the network takes any size."))
        return pooling
