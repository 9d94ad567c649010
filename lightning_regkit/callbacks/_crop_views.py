"""The scores of every view of every batch of one evaluation, and who looks at them."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, final

from lightning_regkit.callbacks._any_size import AnySize
from lightning_regkit.callbacks._crop_curve import CropCurve
from lightning_regkit.callbacks._readout_keys import readout_keys
from lightning_regkit.callbacks._viewed_samples import ViewedSamples
from lightning_regkit.crops import apply_views, by_size, distinct, from_center, repeated, together
from lightning_regkit.marginalize import predict_views

if TYPE_CHECKING:
    from torch import Tensor

    from lightning_regkit._lightning import pl
    from lightning_regkit._lightning._calls import Images
    from lightning_regkit._lightning._predictor import Predict
    from lightning_regkit.callbacks._crop_settings import CropSettings
    from lightning_regkit.crops import ViewsRow

__all__ = ["CropViews"]


@final
class CropViews:
    """Runs the views of batches; draws the curve and keeps probabilities where that is chosen.

    Args:
        settings: What the user chose.
        stage: Of the evaluation.
    """

    def __init__(self, settings: "CropSettings", stage: str) -> None:
        self._settings = settings
        readout, is_predict = settings.readout, stage == "predict"
        keys = readout_keys(settings.owner, readout, needs_targets=True)
        self._curve = CropCurve(keys, num_views=settings.layout.num_views, averaging=readout.averaging)
        self._samples = ViewedSamples(readout.activation)
        self._draws, self._keeps = settings.curve and not is_predict, settings.per_view and is_predict
        self._is_last = False

    @property
    def probabilities(self) -> "Tensor | None":
        """Those of every view, (N, V, K); None where none were kept."""
        return self._samples.probabilities

    def scores(self, predict: "Predict", inputs: "Images", *, is_last: bool) -> "Iterable[Tensor]":
        """Run the views of a batch.

        Args:
            predict: Runs the network.
            inputs: Images (B, C, H, W), or a list of B images (C, H, W).
            is_last: Whether the mean of these views is what the step gets.

        Returns:
            Scores (B, K) of every listed view, from the center outwards; those that coincide share them.

        Raises:
            ValueError: The images leave no crops to choose from; while it is read, the network takes none of that size,
                or returns maps.
        """
        self._is_last = is_last
        if self._settings.layout.needs_any_size:
            predict = AnySize(self._settings.owner, self._settings.layout.name, predict=predict)
        self._curve.begin()
        self._samples.begin()
        parts = [(places, self._viewed(predict, images, places, len(inputs))) for places, images in by_size(inputs)]
        scores = together(parts)
        if self._draws and not is_last:
            self._curve.decline()
        return self._curve.watched(scores) if self._draws and is_last else scores

    def end(self, batch: Any, dataloader_idx: int) -> None:
        """End a batch."""
        self._samples.end_batch()
        if self._draws and self._is_last:
            self._curve.add(batch, dataloader_idx)
        self._is_last = False

    def finish(self, pl_module: "pl.LightningModule") -> "dict[int, tuple[ViewsRow, ...]]":
        """Log the curve of each loader and return it; print it too, outside of a fit."""
        trainer = pl_module.trainer
        if trainer.sanity_checking:
            return {}
        return self._curve.finish(trainer, pl_module, is_printed=trainer.state.fn != "fit")

    def _viewed(
        self, predict: "Predict", images: "Tensor", places: Sequence[int], batch_size: int
    ) -> "Iterable[Tensor]":
        height, width = images.shape[2:]
        self._settings.refuse_cropped(height, width)
        listed = self._settings.layout.views(height, width)
        order = from_center(listed)
        crops = apply_views(images, distinct(order))
        views = predict_views(predict, crops, chunk=self._settings.chunk or batch_size)
        scores = repeated(order, map(self._settings.refuse_map, views))
        if self._draws and self._is_last:
            scores = self._curve.timed(scores, images.device)
        return self._samples.watched(scores, order, listed, places) if self._keeps and self._is_last else scores
