"""What the comparison of ensembles trains and tests with one seed."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, final

import lightning.pytorch as pl
from lightning.pytorch.callbacks import EMAWeightAveraging

import lightning_regkit as rk
from recipes._ensemble_tasks import TASKS, Settings
from recipes.classifier import ImageClassifier
from recipes.data.digits import NUM_CLASSES  # both have ten

__all__ = ["Curve", "Row", "measure"]

Curve = tuple[rk.ensemble.CurveRow, ...]
Row = tuple[str, float, Curve]

#: Models apart have seeds s, s + 100, ... and the split of s, or they would know each other's test images.
SPLITS: Final = 100


@final
class _Runs:
    """The runs of one seed."""

    def __init__(self, seed: int, settings: Settings, folder: Path) -> None:
        self.seed, self.settings, self.folder, self.task = seed, settings, folder, TASKS[settings.data]
        self.data = self.task.data(settings.train_size, seed % SPLITS)

    def snapshots(self, name: str, control: str | None, *others: pl.Callback) -> tuple[pl.Trainer, Curve]:
        """Train one run that takes members, and test them."""
        callback = rk.callbacks.SnapshotEnsemble(self.settings.members, self.folder / name, control=control)
        trainer = self._trained(self.seed, self.settings.epochs, self.task.rates[name], [*others, callback])
        trainer.test(trainer.lightning_module, self.data, verbose=False)
        return trainer, callback.curve

    def apart(self, epochs: int, rate: float) -> Curve:
        """Train as many models apart, and test them together."""
        paths = [self.folder / f"{epochs}-{index}.ckpt" for index in range(self.settings.members)]
        for index, path in enumerate(paths):
            trainer = self._trained(self.seed + SPLITS * index, epochs, rate, [_cosine()])
            trainer.save_checkpoint(path)
        return self.together(trainer.lightning_module, paths)

    def together(self, model: pl.LightningModule, paths: list[Path]) -> Curve:
        """Test what is in the files together."""
        callback = rk.callbacks.EnsembleCheckpoints(paths)
        self._trainer(1, [callback]).test(model, self.data, verbose=False)
        return callback.curve

    def _trained(self, seed: int, epochs: int, rate: float, callbacks: list[pl.Callback]) -> pl.Trainer:
        pl.seed_everything(seed, verbose=False)
        optimizer: dict[str, Any] = {"name": "momentum", "lr": rate, "weight_decay": 5e-4}
        options = {"in_chans": 1, "width": self.task.width}
        model = ImageClassifier("resnet20_small", NUM_CLASSES, optimizer, model_options=options)
        model.network.to(memory_format=self.task.memory_format)
        trainer = self._trainer(epochs, callbacks)
        trainer.fit(model, self.data)
        return trainer

    def _trainer(self, epochs: int, callbacks: list[pl.Callback]) -> pl.Trainer:
        return pl.Trainer(
            accelerator="auto",
            devices=1,
            precision=self.task.precision,
            max_epochs=epochs,
            callbacks=callbacks,
            logger=False,
            limit_val_batches=0,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )


def _cosine() -> pl.Callback:
    return rk.callbacks.ScheduleLR(rk.schedules.Cosine())


def measure(seed: int, settings: Settings) -> list[Row]:
    """Train and test every variant with one seed.

    Args:
        seed: Decides the split, the initial weights and the order.
        settings: What all runs share.

    Returns:
        Name, training budget and curve of each. ``single`` is the last member of the run without cycles: one model, a
        whole budget, one cosine; ``single, EMA`` is the moving average of the weights of that run.
    """
    with TemporaryDirectory() as name:
        runs = _Runs(seed, settings, Path(name))
        average = EMAWeightAveraging(decay=runs.task.ema_decay)
        trainer, plain = runs.snapshots("no_cycle", "no_cycle", _cosine(), average)
        trainer.save_checkpoint(averaged := runs.folder / "averaged.ckpt")
        short, rates = max(settings.epochs // settings.members, 1), runs.task.rates
        return [
            ("single", 1.0, plain[:1]),
            ("single, EMA", 1.0, runs.together(trainer.lightning_module, [averaged])),
            ("no cycle", 1.0, plain),
            ("single cycle", 1.0, runs.snapshots("single_cycle", "single_cycle")[1]),
            ("snapshot", 1.0, runs.snapshots("snapshot", None)[1]),
            ("apart, one budget in all", 1.0, runs.apart(short, rates["short"])),
            ("apart, a budget each", float(settings.members), runs.apart(settings.epochs, rates["no_cycle"])),
        ]
