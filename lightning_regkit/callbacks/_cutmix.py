"""CutMix on the training batches of any LightningModule."""

from typing import TYPE_CHECKING, Final, Literal, final

from typing_extensions import override

from lightning_regkit._lightning import Example, Keys, Plan, say
from lightning_regkit.callbacks._images import image_size, refuse_maps
from lightning_regkit.callbacks._mixing import Mixing, MixingOptions
from lightning_regkit.callbacks._target_style import TargetStyle
from lightning_regkit.mixing import CutMixDraw, apply_cutmix, check_cutmix_alpha, draw_cutmix
from lightning_regkit.schedules import ScheduleSpec

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

__all__ = ["CutMix"]

#: Concentrations below it are those of mixup recipes.
LOW_ALPHA: Final = 0.5


@final
class CutMix(Mixing):
    """Train on images with a box of another pasted in, and targets mixed by the areas.

    Integer labels become a :class:`~lightning_regkit.mixing.MixedTarget`: registered losses see the mixture, metrics
    and everything else the dominant label. Floating targets are mixed linearly. ``training_step`` stays as it is.

    Acts on each training batch after its transfer to the device. Writes a new batch, the loader's own is untouched.
    Saves the seed of its noise. Each rank draws its own boxes and partners; a resumed run continues the same draws.

    Args:
        alpha: Concentration of lam ~ Beta(alpha, alpha), at least 0.01; or a spec of ``rk.schedules`` whose value at
            the current step it is: where that is below 0.01, nothing is mixed. Below 0.5 a line says that 1 is usual.
        per: ``"batch"``: one box for all images of a batch; ``"sample"``: one for each.
        probability: Share of the batches that are mixed, in (0, 1].
        until: Where mixing ends, such as ``"0.9run"``, ``"270ep"`` or ``"1000step"``; None for never.
        targets: ``"labels"``, or ``"probabilities"``: integer labels of every training batch become plain (B, K)
            tensors, for losses that want those.
        num_classes: K, for ``targets="probabilities"`` only.
        label_smoothing: Smoothing of those probabilities, in [0, 1].
        inplace: Whether the inputs are overwritten: faster, but a data set that lives on the device would be mixed up.
        inputs_key: Name, position or dotted path of the inputs in the batch, where the usual names do not find them.
        targets_key: The same for the targets.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range, or means nothing beside the others; in fit, the inputs are no images
            (B, C, H, W).
        BatchLayoutError: In fit, the batch holds no recognizable inputs and targets.
        UnknownTotalError: In fit, ``until`` or the spec needs the run's length and the run has none.
        UnmixedTargetsError: In fit, ``training_step`` made its loss without showing it the mixed targets.

    Example:
        >>> import lightning_regkit as rk
        >>> cutmix = rk.callbacks.CutMix(alpha=1.0, until="0.9run")  # Trainer(callbacks=[cutmix, ...])

    Reference:
        Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features", ICCV 2019,
        equations 1 and 2.
    """

    def __init__(
        self,
        alpha: float | ScheduleSpec = 1.0,
        *,
        per: Literal["batch", "sample"] = "batch",
        probability: float = 1.0,
        until: int | str | None = None,
        targets: Literal["labels", "probabilities"] = "labels",
        num_classes: int | None = None,
        label_smoothing: float = 0.0,
        inplace: bool = False,
        inputs_key: str | int | None = None,
        targets_key: str | int | None = None,
    ) -> None:
        keys = Keys("CutMix", inputs_key, targets_key)
        style = TargetStyle("CutMix", targets, num_classes, label_smoothing)
        super().__init__(alpha, MixingOptions(keys, style, per, probability, until, inplace))

    @override
    def explain(self, plan: Plan) -> str:
        return f"every training image has a box of another pasted in, {self.law(plan)}"

    @override
    def transform(self, example: Example, generator: "np.random.Generator") -> Example:
        refuse_maps("CutMix", example.targets)
        return super().transform(example, generator)

    @override
    def announce(self) -> None:
        if not isinstance(self.alpha, ScheduleSpec) and self.alpha < LOW_ALPHA:
            say("CutMix", f"alpha={self.alpha:g} pastes almost nothing or almost all; cutmix usually wants 1.0.")

    @override
    def _check_alpha(self, alpha: float) -> float:
        return check_cutmix_alpha("CutMix", alpha)

    @override
    def _mix(self, inputs: "Tensor", alpha: float, generator: "np.random.Generator") -> "tuple[Tensor, CutMixDraw]":
        size_px = image_size("CutMix", inputs)
        draw = draw_cutmix(len(inputs), size_px=size_px, alpha=alpha, generator=generator, per=self.options.per)
        return apply_cutmix(inputs, draw, inplace=self.options.inplace), draw
