"""Everything there is to watch in a training, in every logger."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, final

from typing_extensions import override

from lightning_regkit._checks import message
from lightning_regkit._lightning import Explained, Plan, pl, refuse_sharded
from lightning_regkit._lightning._loggers import LogPlace, RowWriter, logger_names
from lightning_regkit._lightning._logging_steps import logged_step
from lightning_regkit.callbacks._center_gaps import logged_gaps
from lightning_regkit.callbacks._center_settings import OWNER, CenterSettings
from lightning_regkit.callbacks._center_sheet import Sheets
from lightning_regkit.callbacks._watched_epochs import WatchedEpochs
from lightning_regkit.monitoring import axis_step
from lightning_regkit.monitoring._position import Axis, epochs_done

if TYPE_CHECKING:
    from lightning_regkit.monitoring import Position

__all__ = ["CommandCenter"]


@final
class CommandCenter(WatchedEpochs, Explained):
    """Log, in the steps that the Trainer logs, what tells whether training is healthy, to each of its loggers.

    Learning rate, momentum and weight decay of each group; training loss; norm of the gradients, and of the clipped
    ones; length of the update over that of the weights; share of dead units and of saturated outputs; samples per
    second and the share of time spent waiting for data; a sheet of images as training gets them; validation minus
    training after each epoch.

    Acts around logging steps, on rank 0; in others it adds no operation. Writes to loggers only. Saves the samples and
    seconds done. No communication between ranks: figures of a batch are those of rank 0's, samples those of all.

    Args:
        x_axis: What rows are drawn over: ``"step"``, ``"samples"``, ``"epoch"`` or ``"seconds"``. All are logged beside
            each row; TensorBoard, which has one axis, is given this one.
        prefix: What all names start with, before a slash.
        gaps: Pairs of metrics that the module logs, ``{"loss": ("train_loss", "val_loss")}``; None takes all that are
            logged as ``train_NAME`` or ``train/NAME`` and as ``val_NAME`` or ``val/NAME``.
        per_layer: Whether single layers and weights have figures too, beside those of all together.
        images: Images on a sheet; 0 for no sheets.
        images_every: How often there is one: ``"1ep"``, ``"500step"``; it waits for the next logging step.
        inputs_key: Name, position or dotted path of the images in a batch; None finds them, or makes no sheet.
        targets_key: The same for the targets, which are written under it.

    Raises:
        TypeError: An argument is of the wrong kind; or in fit, the strategy shards the module.
        ValueError: An argument is out of range; or in fit, there is no logger, or what ``gaps`` names is not logged.
        BatchLayoutError: In fit, what a key names is not in the batch.

    Example:
        >>> import lightning_regkit as rk
        >>> center = rk.callbacks.CommandCenter(x_axis="samples")  # Trainer(callbacks=[..., center])

    Reference:
        Karpathy et al., "CS231n: Deep Learning for Computer Vision", notes "Neural Networks Part 3", section
        "Babysitting the Learning Process": what to watch, and 1e-3 for the update over the weights.
    """

    def __init__(
        self,
        x_axis: Axis = "step",
        prefix: str = "center",
        *,
        gaps: Mapping[str, tuple[str, str]] | None = None,
        per_layer: bool = True,
        images: int = 16,
        images_every: int | str = "1ep",
        inputs_key: str | int | None = None,
        targets_key: str | int | None = None,
    ) -> None:
        super().__init__(OWNER, per_layer=per_layer)
        self.settings = CenterSettings(x_axis, prefix, gaps, images, images_every)
        self._sheets = Sheets(images, inputs_key, targets_key)
        self._writer = RowWriter(prefix, x_axis)
        self._last_sheet: tuple[int, int] | None = None

    @override
    def explain(self, plan: Plan) -> str:
        names = ", ".join(logger_names(plan.trainer)) or "no logger, which is refused"
        every = plan.trainer.log_every_n_steps  # type: ignore[attr-defined]  # set by the logger connector
        return f"logs every {every} steps to {names}, over {self.settings.x_axis}"

    @override
    def on_fit_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        refuse_sharded(OWNER, trainer)
        if not trainer.loggers:
            remedy = "Pass logger=True, or a list of loggers, to the Trainer."
            raise ValueError(message(OWNER, "logger", "be there to log to", value=False, remedy=remedy))
        self._last_sheet = None

    @override
    def log_row(self, trainer: "pl.Trainer", row: dict[str, float], batch: Any, batch_idx: int) -> None:
        step, epoch = logged_step(trainer), trainer.current_epoch
        done = epochs_done(epoch, batch_idx + 1, trainer.num_training_batches)
        place = self._place(self.odometer.position(step, done))
        self._writer.write(trainer, row, place)
        if self.settings.is_sheet_due(epoch, step, self._last_sheet):
            self._last_sheet = epoch, step
            for image, caption in self._sheets.make(batch):
                self._writer.write_image(trainer, image, caption, place)

    @override
    def log_epoch(self, trainer: "pl.Trainer", position: "Position") -> None:
        found = logged_gaps(trainer, self.settings.gaps)
        if found and trainer.is_global_zero:
            self._writer.write(trainer, found, self._place(position))

    def _place(self, position: "Position") -> LogPlace:
        return LogPlace(position.step, axis_step(position, self.settings.x_axis), position.fields)
