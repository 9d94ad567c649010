"""The mean over crops at test."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, final

from typing_extensions import override

from lightning_regkit._lightning import Explained, Plan, say
from lightning_regkit.callbacks._averaged_prediction import READOUT, AveragedPrediction
from lightning_regkit.callbacks._crop_settings import CropSettings, layout_of
from lightning_regkit.callbacks._crop_views import CropViews
from lightning_regkit.crops import Layout
from lightning_regkit.marginalize import Readout

if TYPE_CHECKING:
    from torch import Tensor

    from lightning_regkit._lightning import pl
    from lightning_regkit._lightning._calls import Images
    from lightning_regkit._lightning._predictor import Predict
    from lightning_regkit.crops import ViewsRow

__all__ = ["MultiCrop"]

OWNER: Final = "MultiCrop"


@final
class MultiCrop(AveragedPrediction, Explained):
    """Test the mean of what the network predicts of a fixed set of crops.

    Each batch, a tensor (B, C, H, W) or a list of images (C, H, W) of unequal size, is resized once a scale, on its
    device; crops that coincide go through the network once. The module's own metrics are those of the mean. Beside them
    comes the curve: what the first crops achieve, from the center outwards, and how long they take. Saves nothing.

    Args:
        layout: ``"ten"``: four corners, center, and their reflections; also ``"center"``, ``"five"``, ``"flip"``,
            ``"shifts"``, ``"multiscale_50"``, ``"multiscale_fcn"``, or a ``Layout`` of ``lightning_regkit.crops``.
        resize_px: Shorter sides images are resized to, ``[]`` for images as they are; None for the layout's own.
        crop_px: Side of the square crops; None for 224.
        allow_upscale: Whether images may be as large as the crops, or smaller.
        chunk: Images per forward, >= 1; None for as many as the batch has.
        stages: Some of ``"validate"`` (those inside fit too), ``"test"``, ``"predict"``.
        curve: Whether to draw the curve where there are targets, which waits for the device.
        per_view: Whether ``predict`` keeps the probabilities of every view.
        readout: Names in batches and module where they are unusual, and what is averaged; None for ``Readout()``.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range; or in an evaluation, images leave no crops to choose from, or the
            network takes no images of a size the layout has.
        NotAveragedError: In an evaluation, the step did not call its predictor on the batch's inputs.

    Example:
        >>> import lightning_regkit as rk
        >>> fifty = rk.callbacks.MultiCrop("multiscale_50")  # Trainer(callbacks=[fifty]).test(module, loader)

    Reference:
        Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural Networks", NeurIPS 2012, section 4.1;
        He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, section 3.4.
    """

    level: ClassVar[int] = 1

    def __init__(
        self,
        layout: str | Layout = "ten",
        *,
        resize_px: Sequence[int] | None = None,
        crop_px: int | None = None,
        allow_upscale: bool = False,
        chunk: int | None = None,
        stages: Sequence[str] = ("test", "predict"),
        curve: bool = True,
        per_view: bool = False,
        readout: Readout | None = None,
    ) -> None:
        super().__init__(OWNER, stages=stages, readout=readout or READOUT)
        self.layout = layout_of(OWNER, layout, resize_px, crop_px)
        self._settings = CropSettings(OWNER, self.layout, allow_upscale, chunk, curve, per_view, self.readout)
        self._views = CropViews(self._settings, "")
        self.curves: dict[int, tuple[ViewsRow, ...]] = {}

    @property
    def curve(self) -> "tuple[ViewsRow, ...]":
        """What the first views achieved in the last evaluation that drew a curve, on its first loader; () before."""
        return self.curves.get(0, ())

    @property
    def view_probabilities(self) -> "Tensor | None":
        """What each view of the layout predicted of each sample of the last ``predict``, (N, V, K), on this process."""
        return self._views.probabilities

    @override
    def explain(self, plan: Plan) -> str:
        in_fit = "in its validations too" if "validate" in self.stages else "nothing in fit"
        return f"{in_fit}; at {', '.join(self.stages)} the mean over {self._settings.describe()}"

    @override
    def setup(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", stage: str) -> None:
        if stage in self.stages or (stage == "fit" and "validate" in self.stages):
            say(OWNER, f"{self._settings.describe()}.")

    @override
    def average(self, predict: "Predict", inputs: "Images") -> "Tensor":
        return self.mean(self._views.scores(predict, inputs, is_last=self._seam.is_outermost))

    @override
    def _start(self, stage: str, pl_module: "pl.LightningModule") -> None:
        self._views = CropViews(self._settings, stage)
        super()._start(stage, pl_module)

    @override
    def _end(self, pl_module: "pl.LightningModule", batch: Any, batch_idx: int, dataloader_idx: int) -> None:
        super()._end(pl_module, batch, batch_idx, dataloader_idx)
        self._views.end(batch, dataloader_idx)

    @override
    def _log(self, pl_module: "pl.LightningModule") -> None:
        self.curves = self._views.finish(pl_module) or self.curves
