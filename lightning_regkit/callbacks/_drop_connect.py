"""DropConnect in any LightningModule."""

from typing import Any, Final, Literal, cast, final

from torch import nn
from typing_extensions import override

from lightning_regkit import regularizers
from lightning_regkit._checks import fraction, message, one_of
from lightning_regkit.callbacks._model_surgery import ModelSurgery
from lightning_regkit.regularizers._where import Which, as_where
from lightning_regkit.schedules import ScheduleSpec

__all__ = ["DropConnect"]

OWNER: Final = "DropConnect"


@final
class DropConnect(ModelSurgery):
    """Drop weights at random in training: y = (M * W) x + m * b, entries of M, m being 0 with probability ``rate``.

    Those that stay are divided by 1 - rate; in evaluation y = W x + b. The layers become
    :class:`~lightning_regkit.regularizers.DropConnect`, with the same parameters under the same names. Acts in every
    stage, before optimizers are made; prints where; undone at its end. Draws from torch's global generator, as dropout
    does. Writes the module tree and, with ``schedule``, the rates. Saves nothing.

    Args:
        rate: Probability that a weight is dropped, in [0, 1).
        where: Which layers, as for ``Surgery``: a class (``nn.Linear``, ``nn.Conv2d``), a name pattern, or ``Where``.
        per: ``"sample"``: masks for each example, in B times the memory of the weights; ``"batch"``: one for all.
        sampler: What ``MonteCarloDropout`` draws at test: ``"bernoulli"`` masks, or sums that are ``"gaussian"``.
        schedule: A spec of ``rk.schedules``: what the rate is multiplied by at each optimizer step; None leaves it.

    Raises:
        TypeError: An argument is of the wrong kind; or in a stage, a layer is neither linear nor a convolution.
        ValueError: An argument is out of range; or in a stage, there is no such layer, or none is called.
        UnknownTotalError: In fit, the schedule needs the run's length and the run has none.

    Example:
        >>> import lightning_regkit as rk
        >>> dropped = rk.callbacks.DropConnect(0.5, where="*.fc")  # Trainer(callbacks=[dropped])

    Reference:
        Wan et al., "Regularization of Neural Networks using DropConnect", ICML 2013, sections 2 and 3.
    """

    def __init__(
        self,
        rate: float = 0.5,
        where: Which = nn.Linear,
        *,
        per: Literal["sample", "batch"] = "sample",
        sampler: Literal["bernoulli", "gaussian"] = "bernoulli",
        schedule: ScheduleSpec | None = None,
    ) -> None:
        if fraction(OWNER, "rate", rate) == 1:
            raise ValueError(message(OWNER, "rate", "be below 1, or no weight is left", rate))
        self.rate = rate
        self._options: dict[str, Any] = {
            "per": one_of(OWNER, "per", per, ("batch", "sample")),
            "sampler": one_of(OWNER, "sampler", sampler, ("bernoulli", "gaussian")),
        }
        super().__init__(as_where(OWNER, where), schedule)

    @override
    def make(self, found: dict[str, nn.Module]) -> dict[str, nn.Module]:
        layers = cast("dict[str, nn.Linear | nn.Conv2d]", found)  # or it refuses
        return {name: regularizers.DropConnect(layer, self.rate, **self._options) for name, layer in layers.items()}
