"""Training images that grow, for any LightningModule that takes images of any size."""

from typing import TYPE_CHECKING, Final, final

from typing_extensions import override

from lightning_regkit import _durations
from lightning_regkit._checks import message, positive_int
from lightning_regkit._lightning import Example, Keys, Plan
from lightning_regkit.callbacks._images import image_size
from lightning_regkit.callbacks._training_noise import TrainingNoise
from lightning_regkit.mixing import SizeRamp, check_initial_frac, resize_inputs

if TYPE_CHECKING:
    import numpy as np

    from lightning_regkit._durations import Horizon

__all__ = ["ProgressiveSize"]

OWNER: Final = "ProgressiveSize"


@final
class ProgressiveSize(TrainingNoise):
    """Train on small images first, and let them grow: early steps cost less, and the last see whole images.

    Acts on each training batch after its transfer to the device. Writes a new batch of smaller images; validation and
    test see whole ones. The size is a function of the optimizer step: equal on all ranks, in all batches of an
    accumulation window and after a resume; nothing is drawn. List it before callbacks that mix or erase.

    Args:
        initial_frac: Share of each side to begin with, in (0, 1).
        start: Where images begin to grow, such as ``"0.2run"``, ``"5ep"`` or ``"1000step"``; 0 for the first step.
        until: Where they are whole, at ``start`` or later.
        multiple_px: Sides are multiples of so many pixels until they are whole, >= 1.
        inputs_key: Name, position or dotted path of the inputs in the batch, where the usual names do not find them.

    Raises:
        TypeError: An argument is of the wrong kind; in fit, the inputs are not floating point.
        ValueError: An argument is out of range; in fit, ``until`` is before ``start``, or inputs are no images.
        BatchLayoutError: In fit, the batch holds no recognizable inputs.
        UnknownTotalError: In fit, ``start`` or ``until`` needs the run's length and the run has none.

    Example:
        >>> import lightning_regkit as rk
        >>> growing = rk.callbacks.ProgressiveSize(0.5, until="0.8run")  # Trainer(callbacks=[growing, ...])

    Reference:
        Tan and Le, "EfficientNetV2: Smaller Models and Faster Training", ICML 2021, section 4.2, algorithm 1.
    """

    def __init__(
        self,
        initial_frac: float = 0.5,
        *,
        start: int | str = 0,
        until: int | str = "0.8run",
        multiple_px: int = 4,
        inputs_key: str | int | None = None,
    ) -> None:
        for argument, position in (("start", start), ("until", until)):
            _durations.parse(position, owner=OWNER, argument=argument)
        super().__init__(Keys(OWNER, inputs_key, needs_targets=False), until=until)
        self.initial_frac = check_initial_frac(OWNER, initial_frac)
        self.start = start
        self.multiple_px = positive_int(OWNER, "multiple_px", multiple_px)
        self._ramp: SizeRamp | None = None

    @override
    def find_out(self, horizon: "Horizon") -> None:
        super().find_out(horizon)
        self._ramp = self._ramp_in(horizon)

    @override
    def explain(self, plan: Plan) -> str:
        ramp = self._ramp_in(plan.horizons[0])
        sides = f"sides of training images grow from {ramp.initial_frac:g} of the whole at step {ramp.start_step}"
        return f"{sides} to the whole at step {ramp.end_step}, in multiples of {ramp.multiple_px} px"

    @override
    def transform(self, example: Example, generator: "np.random.Generator") -> Example:
        assert self._ramp is not None, "find_out() comes first"  # noqa: S101  # for the type checker
        size_px = self._ramp.size_px(self._progress.step, image_size(OWNER, example.inputs))
        return Example(resize_inputs(example.inputs, size_px), example.targets)

    def _ramp_in(self, horizon: "Horizon") -> SizeRamp:
        start = _durations.steps(self.start, horizon, owner=OWNER, argument="start")
        end = self._end_in(horizon)
        assert end is not None, "it always ends"  # noqa: S101  # for the type checker
        if end < start:
            raise ValueError(message(OWNER, "until", f"be at start, step {start}, or later", self.until))
        return SizeRamp(self.initial_frac, start, end, self.multiple_px)
