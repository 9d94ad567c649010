"""Residual branches that are dropped at random."""

from importlib.util import find_spec
from typing import Final, Literal, final

from torch import nn
from typing_extensions import override

from lightning_regkit._checks import fraction, message, one_of
from lightning_regkit.callbacks._model_surgery import ModelSurgery
from lightning_regkit.regularizers import followed_by, linear_rates, residual_branches
from lightning_regkit.regularizers._where import Which, as_where
from lightning_regkit.schedules import ScheduleSpec

__all__ = ["StochasticDepth"]

OWNER: Final = "StochasticDepth"


@final
class StochasticDepth(ModelSurgery):
    """Drop whole residual branches in training, the later the more often: y = x + b / (1 - p) f(x).

    b is 0 with probability p_l = rate * l / L in block l of L, else 1; in evaluation y = x + f(x). A
    ``torchvision.ops.StochasticDepth`` follows the last layer of each branch. Names in checkpoints, parameters and
    optimizers are as without it. Acts in every stage, before optimizers are made; prints where; undone at its end.
    Draws from torch's global generator, as dropout does. Writes the module tree and, with ``schedule``, the rates.
    Saves nothing.

    Args:
        rate: Of the last block, in [0, 1).
        where: Which layers end the branches, as for ``Surgery``: a name pattern such as ``"*.bn2"``, a class, or
            ``Where``; None finds them in the ResNet blocks of torchvision and timm.
        mode: ``"row"``: b for each example; ``"batch"``: one for all.
        schedule: A spec of ``rk.schedules``: what all rates are multiplied by at each optimizer step; None leaves them.

    Raises:
        ImportError: torchvision is not installed.
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range; or in a stage, there is no such block, or one drops its path already.
        UnknownTotalError: In fit, the schedule needs the run's length and the run has none.

    Example:
        >>> import lightning_regkit as rk
        >>> depth = rk.callbacks.StochasticDepth(0.2)  # Trainer(callbacks=[depth])

    Reference:
        Huang et al., "Deep Networks with Stochastic Depth", ECCV 2016, equations 2 and 4.

    Differs from the paper:
        Branches that stay are divided by 1 - p in training, not multiplied by it at test; each example draws for
        itself; where the sum goes through a ReLU, f ends before it, as in the paper.
    """

    def __init__(
        self,
        rate: float = 0.2,
        where: Which | None = None,
        *,
        mode: Literal["row", "batch"] = "row",
        schedule: ScheduleSpec | None = None,
    ) -> None:
        if fraction(OWNER, "rate", rate) == 1:
            raise ValueError(message(OWNER, "rate", "be below 1, or the last branch never trains", rate))
        if find_spec("torchvision") is None:
            raise ImportError(f"{OWNER}: torchvision must be installed, for its layer is used. pip install torchvision")
        self.rate, self.mode = rate, one_of(OWNER, "mode", mode, ("batch", "row"))
        super().__init__(None if where is None else as_where(OWNER, where), schedule)

    @override
    def find(self, module: nn.Module) -> dict[str, nn.Module]:
        return residual_branches(module, owner=OWNER) if self.where is None else super().find(module)

    @override
    def make(self, found: dict[str, nn.Module]) -> dict[str, nn.Module]:
        from torchvision import ops  # noqa: PLC0415  # not among this package's requirements

        rates = linear_rates(self.rate, len(found))
        return {
            name: followed_by(layer, ops.StochasticDepth(rate, self.mode))
            for (name, layer), rate in zip(found.items(), rates, strict=True)
        }
