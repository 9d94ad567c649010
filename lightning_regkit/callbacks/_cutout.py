"""Cutout on the training batches of any LightningModule."""

from typing import TYPE_CHECKING, Literal, final

from typing_extensions import override

from lightning_regkit._checks import one_of, positive_int
from lightning_regkit._lightning import Example, Keys, Plan
from lightning_regkit.callbacks._images import image_size
from lightning_regkit.callbacks._training_noise import TrainingNoise
from lightning_regkit.mixing import (
    CutoutShape,
    apply_cutout,
    check_fill,
    check_length_frac,
    draw_cutout,
    length_px,
)
from lightning_regkit.mixing._chance import check_probability, keep_some

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Cutout"]


@final
class Cutout(TrainingNoise):
    """Erase squares of every training image, their centers uniform over all pixels, clipped at the border.

    Acts on each training batch after its transfer to the device (so after normalization: ``fill=0`` is the mean color).
    Writes a new batch, the loader's own is untouched. Saves the seed of its noise. Each rank draws its own squares; a
    resumed run continues the same draws.

    Args:
        length_frac: Side of the square as a share of the images' shorter side, in (0, 1].
        border: ``"clip"``: squares stick out of the image and are cut off; ``"inside"``: they lie inside it.
        holes: Squares of an image, >= 1; they may overlap.
        fill: Value of the erased pixels, in the units of the inputs; or one for each channel.
        probability: Share of the images that lose anything, in (0, 1].
        until: Where erasing ends, such as ``"0.9run"``, ``"270ep"`` or ``"1000step"``; None for never.
        inplace: Whether the inputs are overwritten: faster, but a data set that lives on the device would be erased.
        inputs_key: Name, position or dotted path of the inputs in the batch, where the usual names do not find them.

    Raises:
        TypeError: An argument is of the wrong kind; in fit, the inputs are not floating point.
        ValueError: An argument is out of range; in fit, the inputs are no images (B, C, H, W).
        BatchLayoutError: In fit, the batch holds no recognizable inputs.
        UnknownTotalError: In fit, ``until`` needs the run's length and the run has none.

    Example:
        >>> import lightning_regkit as rk
        >>> cutout = rk.callbacks.Cutout(length_frac=0.5)  # Trainer(callbacks=[cutout, ...])

    Reference:
        DeVries and Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout", 2017, section 3.
    """

    def __init__(
        self,
        length_frac: float = 0.5,
        *,
        border: Literal["clip", "inside"] = "clip",
        holes: int = 1,
        fill: float | tuple[float, ...] = 0.0,
        probability: float = 1.0,
        until: int | str | None = None,
        inplace: bool = False,
        inputs_key: str | int | None = None,
    ) -> None:
        super().__init__(Keys("Cutout", inputs_key, needs_targets=False), until=until)
        self.length_frac = check_length_frac("Cutout", length_frac)
        one_of("Cutout", "border", border, ("clip", "inside"))
        self.border = border
        self.holes = positive_int("Cutout", "holes", holes)
        self.fill = check_fill("Cutout", fill)
        self.probability = check_probability("Cutout", probability)
        self.inplace = inplace

    @override
    def explain(self, plan: Plan) -> str:
        squares = "one square" if self.holes == 1 else f"{self.holes} squares"
        whose = "every training image loses" if self.probability == 1 else f"{self.probability:.0%} of images lose"
        size = f"{squares} of {self.length_frac:g} times the shorter side"
        color = " ".join(f"{value:g}" for value in self.fill)
        return f"{whose} {size}, filled with {color}{self.span(plan.horizons[0])}"

    @override
    def transform(self, example: Example, generator: "np.random.Generator") -> Example:
        inputs = example.inputs
        height, width = image_size("Cutout", inputs)
        side = length_px(self.length_frac, height=height, width=width)
        shape = CutoutShape(side, border=self.border, holes=self.holes)
        draw = draw_cutout(len(inputs), size_px=(height, width), shape=shape, generator=generator)
        draw = keep_some(draw, self.probability, generator)
        return Example(apply_cutout(inputs, draw, fill=self.fill, inplace=self.inplace), example.targets)
