"""The base of callbacks that mix pairs of examples: what their arguments mean, whatever the way of mixing."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, final

from typing_extensions import override

from lightning_regkit._checks import one_of
from lightning_regkit._lightning import Example, Keys, Plan
from lightning_regkit.callbacks._guarded_noise import GuardedNoise
from lightning_regkit.callbacks._target_style import TargetStyle
from lightning_regkit.mixing import mix_targets
from lightning_regkit.mixing._alpha import MIN_ALPHA
from lightning_regkit.mixing._chance import check_probability, happens
from lightning_regkit.schedules import ScheduleSpec

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from lightning_regkit._durations import Horizon
    from lightning_regkit.mixing._mixture import Mixture
    from lightning_regkit.schedules import Schedule

__all__ = ["Mixing", "MixingOptions"]


@final
@dataclass(frozen=True)
class MixingOptions:
    """The arguments that all callbacks of this kind have, but ``alpha``.

    Args:
        keys: Where inputs and targets are.
        style: What the labels become.
        per: ``"batch"`` or ``"sample"``: what has a lam of its own.
        probability: Share of the batches that are mixed, in (0, 1].
        until: Where in the run the noise ends; None for never.
        inplace: Whether the inputs of the batch are overwritten.

    Raises:
        TypeError: ``probability`` is no number.
        ValueError: ``per`` or ``probability`` is out of range.
    """

    keys: Keys
    style: TargetStyle
    per: Literal["batch", "sample"] = "batch"
    probability: float = 1.0
    until: int | str | None = None
    inplace: bool = False

    def __post_init__(self) -> None:
        one_of(self.keys.owner, "per", self.per, ("batch", "sample"))
        check_probability(self.keys.owner, self.probability)


class Mixing(GuardedNoise):
    """Mixes every example of a batch with another of the same batch, and their targets alike.

    Args:
        alpha: Concentration of lam ~ Beta(alpha, alpha), or a spec whose value at the current step it is.
        options: All else.
    """

    def __init__(self, alpha: float | ScheduleSpec, options: MixingOptions) -> None:
        super().__init__(options.keys, until=options.until, style=options.style)
        self.alpha = alpha if isinstance(alpha, ScheduleSpec) else self._check_alpha(alpha)
        self.options = options
        self._schedule: Schedule | None = None

    @abstractmethod
    def _check_alpha(self, alpha: float) -> float:
        """Return a usable concentration, or refuse it."""

    @abstractmethod
    def _mix(self, inputs: "Tensor", alpha: float, generator: "np.random.Generator") -> "tuple[Tensor, Mixture]":
        """Return the mixed inputs, and the draw that mixed them."""

    @property
    @override
    def follows_progress(self) -> bool:
        return super().follows_progress or isinstance(self.alpha, ScheduleSpec)

    @override
    def find_out(self, horizon: "Horizon") -> None:
        super().find_out(horizon)
        self._schedule = self.alpha.build(horizon) if isinstance(self.alpha, ScheduleSpec) else None

    @override
    def transform(self, example: Example, generator: "np.random.Generator") -> Example:
        assert example.targets is not None  # noqa: S101  # its keys ask for targets
        alpha = self._alpha_now()
        if alpha < MIN_ALPHA or not happens(self.options.probability, generator):
            return example
        inputs, draw = self._mix(example.inputs, alpha, generator)
        return Example(inputs, mix_targets(example.targets, draw))

    def law(self, plan: Plan) -> str:
        """Say what lam is drawn from, how often, and how long."""
        alpha, horizon, probability = self.alpha, plan.horizons[0], self.options.probability
        value, of_step = "alpha", ""
        if isinstance(alpha, ScheduleSpec):
            of_step = f", alpha by {alpha.describe(horizon)}"
        else:
            value = f"{alpha:g}"
        share = "" if probability == 1 else f", with probability {probability:g}"
        each = " for each example" if self.options.per == "sample" else ""
        return f"lam ~ Beta({value}, {value}){each}{share}{of_step}{self.span(horizon)}"

    def _alpha_now(self) -> float:
        if not isinstance(self.alpha, ScheduleSpec):
            return self.alpha
        assert self._schedule is not None, "begin() comes first"  # noqa: S101  # for the type checker
        return self._schedule(self._progress.step)
