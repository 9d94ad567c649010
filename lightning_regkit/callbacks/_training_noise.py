"""The base of callbacks that change training batches."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from lightning_regkit import _durations
from lightning_regkit._lightning import BatchSeam, Example, Explained, Keys, Progress, pl

if TYPE_CHECKING:
    import numpy as np

    from lightning_regkit._durations import Horizon
    from lightning_regkit.callbacks._target_style import TargetStyle

__all__ = ["TrainingNoise"]


class TrainingNoise(pl.Callback, Explained, ABC):
    """Noise on training batches, through the batch seam; validation, sanity checks and trial runs never see it.

    Acts in ``on_after_batch_transfer`` of the module or DataModule that owns it, after their own override. Writes the
    batch. Saves its seed. Each rank, epoch and batch has a random stream of its own.

    Args:
        keys: Where inputs and targets are.
        until: Where in the run the noise ends; None for never.
        style: What labels are made before, noise or not; None leaves them alone.
    """

    def __init__(self, keys: Keys, *, until: int | str | None = None, style: "TargetStyle | None" = None) -> None:
        if until is not None:
            _durations.parse(until, owner=keys.owner, argument="until")
        self.keys = keys
        self.until = until
        self.style = style
        self._seam = BatchSeam(self, self._receive, keys)
        self._progress = Progress(keys.owner)
        self._end: int | None = None

    @abstractmethod
    def transform(self, example: Example, generator: "np.random.Generator") -> Example:
        """Return the noisy example; all randomness comes from ``generator``."""

    def change(self, example: Example, generator: "np.random.Generator") -> Example:
        """Return the noisy example, or the one given where the noise has ended; labels in its style either way."""
        example = example if self.style is None else self.style.prepare(example)
        is_over = self._end is not None and self._progress.step >= self._end
        return example if is_over else self.transform(example, generator)

    def announce(self) -> None:  # most have nothing to say
        """Say at the start of a fit which setting is likely to be a mistake."""

    def begin(self, trainer: "pl.Trainer") -> None:
        """Learn at the start of training how long it is, where anything depends on that."""
        if self.follows_progress:
            self._progress.attach(trainer)
            self.find_out(self._progress.horizon)

    def find_out(self, horizon: "Horizon") -> None:
        """Work out what depends on the length of the run."""
        self._end = self._end_in(horizon)

    def end(self) -> None:
        """Let go of the Trainer."""
        self._progress.detach()

    @property
    def follows_progress(self) -> bool:
        """Whether anything about it depends on how far the run is."""
        return self.until is not None

    def span(self, horizon: "Horizon") -> str:
        """Say where it ends, as the end of a sentence; empty where it never does."""
        return "" if self.until is None else f", up to step {self._end_in(horizon)}"

    @override
    def on_fit_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._seam.attach(trainer, pl_module)
        self.announce()
        if self.style is not None:
            self.style.announce(pl_module)

    @override
    def on_train_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._seam.streams.start(trainer)
        self.begin(trainer)

    @override
    def on_exception(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", exception: BaseException) -> None:
        self._seam.detach()
        self.end()

    @override
    def teardown(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", stage: str) -> None:
        self._seam.detach()
        self.end()

    @override
    def on_save_checkpoint(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", checkpoint: dict[str, Any]
    ) -> None:
        self._seam.streams.save(trainer, checkpoint)

    @override
    def on_load_checkpoint(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", checkpoint: dict[str, Any]
    ) -> None:
        self._seam.streams.load(trainer, checkpoint)

    def _receive(self, example: Example, generator: "np.random.Generator") -> Example:
        return self.change(example, generator)

    def _end_in(self, horizon: "Horizon") -> int | None:
        if self.until is None:
            return None
        return _durations.steps(self.until, horizon, owner=self.keys.owner, argument="until")
