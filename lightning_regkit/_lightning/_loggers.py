"""Rows and images to every logger of a Trainer, each over the axis that it can draw over.

TensorBoard has one axis, of whole numbers, which is given the position asked for. Weights & Biases is told which column
is the axis. To every other logger the step is the step, and the other positions are columns beside it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from torch import Tensor

from lightning_regkit._files import write_whole

if TYPE_CHECKING:
    from lightning_regkit._lightning._namespace import pl

__all__ = ["LogPlace", "RowWriter", "logger_names"]


@final
@dataclass(frozen=True)
class LogPlace:
    """Where a row belongs.

    Args:
        step: The step that loggers count.
        axis_step: The whole number that stands for it where there is one axis.
        fields: Its other positions, by name.
    """

    step: int
    axis_step: int
    fields: Mapping[str, float]


def logger_names(trainer: "pl.Trainer") -> list[str]:
    """Return the class names of the loggers of a Trainer."""
    return [type(logger).__name__ for logger in trainer.loggers]


@final
class RowWriter:
    """Writes to all loggers; used on rank 0 alone.

    Args:
        prefix: What all names start with.
        axis: The name of the field that is the axis, or ``"step"``.
    """

    def __init__(self, prefix: str, axis: str) -> None:
        self._prefix, self._axis = prefix, axis
        self._told: list[object] = []

    def write(self, trainer: "pl.Trainer", row: Mapping[str, float], place: LogPlace) -> None:
        """Log a row of numbers."""
        metrics = {f"{self._prefix}/{name}": value for name, value in {**row, **place.fields}.items()}
        for logger in trainer.loggers:
            self._tell_axis(logger)
            logger.log_metrics(metrics, step=place.axis_step if _is(logger, "TensorBoardLogger") else place.step)

    def write_image(self, trainer: "pl.Trainer", image: Tensor, caption: str, place: LogPlace) -> None:
        """Log a picture and a text, to the loggers that take pictures; where there is none, as files beside the rows.

        Args:
            trainer: In a fit.
            image: uint8 (3, H, W), on any device.
            caption: Lines.
            place: Where it belongs.
        """
        pixels, name = image.permute(1, 2, 0).cpu().numpy(), f"{self._prefix}/images"
        takers: list[Any] = [each for each in trainer.loggers if _is(each, "TensorBoardLogger", "WandbLogger")]
        for logger in takers:
            if _is(logger, "WandbLogger"):
                self._tell_axis(logger)
                logger.log_image(name, [pixels], step=place.step, caption=[caption])
            else:
                logger.experiment.add_image(name, pixels, place.axis_step, dataformats="HWC")
                logger.experiment.add_text(f"{name}/targets", caption.replace("\n", "  \n"), place.axis_step)
        if not takers:
            file = _folder(trainer) / self._prefix / f"images-{place.step:08d}.png"
            content = BytesIO()
            import_module("PIL.Image").fromarray(pixels).save(content, "PNG")
            write_whole(file, content.getvalue())
            write_whole(file.with_suffix(".txt"), f"{caption}\n".encode())

    def _tell_axis(self, logger: Any) -> None:
        if self._axis != "step" and _is(logger, "WandbLogger") and not any(each is logger for each in self._told):
            logger.experiment.define_metric(column := f"{self._prefix}/{self._axis}")
            logger.experiment.define_metric(f"{self._prefix}/*", step_metric=column)
            self._told.append(logger)


def _folder(trainer: "pl.Trainer") -> Path:
    """Return where the first logger writes; not ``trainer.log_dir``, which asks all ranks."""
    first = trainer.loggers[0]
    return Path(first.log_dir or first.save_dir or trainer.default_root_dir)


def _is(logger: object, *names: str) -> bool:
    """Tell a logger's class by name: either distribution's may be in either's Trainer."""
    return any(base.__name__ in names for base in type(logger).__mro__)
