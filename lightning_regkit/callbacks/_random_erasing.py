"""Random erasing on the training batches of any LightningModule."""

from typing import TYPE_CHECKING, final

from typing_extensions import override

from lightning_regkit._lightning import Example, Keys, Plan
from lightning_regkit.callbacks._images import image_size
from lightning_regkit.callbacks._training_noise import TrainingNoise
from lightning_regkit.mixing import (
    ErasingShape,
    apply_random_erasing,
    check_fill,
    draw_random_erasing,
)
from lightning_regkit.mixing._chance import check_probability, keep_some

if TYPE_CHECKING:
    import numpy as np

__all__ = ["RandomErasing"]


@final
class RandomErasing(TrainingNoise):
    """Erase rectangles of half of the training images, of a random area and aspect, inside the image.

    Acts on each training batch after its transfer to the device (so after normalization: ``fill=0`` is the mean color).
    Writes a new batch, the loader's own is untouched. Saves the seed of its noise. Each rank draws its own rectangles;
    a resumed run continues the same draws.

    Args:
        area: Least and largest area of a rectangle as a share of the image, in (0, 1].
        aspect: Least and largest height / width of a rectangle, above 0.
        holes: Rectangles of an image, >= 1; they may overlap.
        fill: Value of the erased pixels, in the units of the inputs; or one for each channel.
        probability: Share of the images that lose anything, in (0, 1]: 0.5 in the paper and in torchvision.
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
        >>> erasing = rk.callbacks.RandomErasing(probability=0.25)  # Trainer(callbacks=[erasing, ...])

    Reference:
        Zhong et al., "Random Erasing Data Augmentation", AAAI 2020, algorithm 1.
    """

    def __init__(
        self,
        area: tuple[float, float] = (0.02, 0.33),
        aspect: tuple[float, float] = (0.3, 3.3),
        *,
        holes: int = 1,
        fill: float | tuple[float, ...] = 0.0,
        probability: float = 0.5,
        until: int | str | None = None,
        inplace: bool = False,
        inputs_key: str | int | None = None,
    ) -> None:
        super().__init__(Keys("RandomErasing", inputs_key, needs_targets=False), until=until)
        self.shape = ErasingShape(area, aspect, holes)
        self.fill = check_fill("RandomErasing", fill)
        self.probability = check_probability("RandomErasing", probability)
        self.inplace = inplace

    @override
    def explain(self, plan: Plan) -> str:
        (least, most), holes = self.shape.area, self.shape.holes
        what = "one rectangle" if holes == 1 else f"{holes} rectangles"
        whose = "every training image loses" if self.probability == 1 else f"{self.probability:.0%} of images lose"
        size = f"{what} of {least:g} to {most:g} of its area"
        color = " ".join(f"{value:g}" for value in self.fill)
        return f"{whose} {size}, filled with {color}{self.span(plan.horizons[0])}"

    @override
    def transform(self, example: Example, generator: "np.random.Generator") -> Example:
        inputs = example.inputs
        size_px = image_size("RandomErasing", inputs)
        draw = draw_random_erasing(len(inputs), size_px=size_px, shape=self.shape, generator=generator)
        draw = keep_some(draw, self.probability, generator)
        return Example(apply_random_erasing(inputs, draw, fill=self.fill, inplace=self.inplace), example.targets)
