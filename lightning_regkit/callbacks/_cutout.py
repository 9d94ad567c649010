"""Cutout on the training batches of any LightningModule."""

from typing import TYPE_CHECKING, Final, final

from typing_extensions import override

from lightning_regkit._checks import finite_float, message
from lightning_regkit._lightning import Example, Keys, Plan
from lightning_regkit.callbacks._training_noise import TrainingNoise
from lightning_regkit.mixing import apply_cutout, check_length_frac, draw_cutout, length_px

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Cutout"]

IMAGE_NDIM: Final = 4


@final
class Cutout(TrainingNoise):
    """Erase one square of every training image, its center uniform over all pixels, clipped at the border.

    Acts on each training batch after its transfer to the device (so after normalization: ``fill=0`` is the mean color).
    Writes a new batch, the loader's own is untouched. Saves the seed of its noise. Each rank draws its own squares; a
    resumed run continues the same draws.

    Args:
        length_frac: Side of the square as a share of the images' shorter side, in (0, 1].
        fill: Value of the erased pixels, in the units of the inputs.
        inputs_key: Name, position or dotted path of the inputs in the batch, where the usual names do not find them.

    Raises:
        TypeError: ``length_frac`` or ``fill`` is no number; in fit, the inputs are not floating point.
        ValueError: ``length_frac`` is outside (0, 1] or ``fill`` not finite; in fit, the inputs are no images
            (B, C, H, W).
        BatchLayoutError: In fit, the batch holds no recognizable inputs.

    Example:
        >>> import lightning_regkit as rk
        >>> cutout = rk.callbacks.Cutout(length_frac=0.5)  # Trainer(callbacks=[cutout, ...])

    Reference:
        DeVries and Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout", 2017, section 3.
    """

    def __init__(self, length_frac: float = 0.5, *, fill: float = 0.0, inputs_key: str | int | None = None) -> None:
        super().__init__(Keys("Cutout", inputs_key, needs_targets=False))
        self.length_frac = check_length_frac("Cutout", length_frac)
        self.fill = finite_float("Cutout", "fill", fill)

    @override
    def explain(self, plan: Plan) -> str:
        square = f"one square of {self.length_frac:g} times the shorter side"
        return f"every training image loses {square}, filled with {self.fill:g}"

    @override
    def transform(self, example: Example, generator: "np.random.Generator") -> Example:
        inputs = example.inputs
        if inputs.ndim != IMAGE_NDIM:
            raise ValueError(message("Cutout", "inputs", "be images (B, C, H, W)", tuple(inputs.shape)))
        height, width = inputs.shape[-2:]
        length = length_px(self.length_frac, height=height, width=width)
        draw = draw_cutout(len(inputs), height=height, width=width, length_px=length, generator=generator)
        return Example(apply_cutout(inputs, draw, fill=self.fill), example.targets)
