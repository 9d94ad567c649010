"""What makes a resumed run equal the uninterrupted one, in every checkpoint the Trainer writes."""

import warnings
from contextlib import ExitStack
from typing import Any

from typing_extensions import override

from lightning_regkit._lightning import CHECKPOINT_KEY, RunState, pl, say
from lightning_regkit.callbacks._data_order import DataOrder

__all__ = ["ContinuedRun"]

OWNER = "ExactResume"


class ContinuedRun(pl.callbacks.ModelCheckpoint):
    """Saves and restores what Lightning leaves out; when files are written is left to the subclass.

    Args:
        dirpath: Folder of the files.
    """

    def __init__(self, dirpath: str) -> None:
        super().__init__(dirpath=dirpath, save_top_k=0)
        self._is_exact, self._is_running = True, False
        self._run = RunState()
        self._order = DataOrder(OWNER)
        self._quiet = ExitStack()

    @override
    def state_dict(self) -> dict[str, Any]:
        return {}  # the files are named anew in every run

    @override
    def on_save_checkpoint(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", checkpoint: dict[str, Any]
    ) -> None:
        plans = self._order.save()
        entry: dict[str, Any] = {"plans": plans}
        if plans:  # a finder saves, and restores, before the fit has begun
            entry.update(self._run.save(trainer, pl_module), is_exact=self._is_exact)
        checkpoint.setdefault(CHECKPOINT_KEY, {})[OWNER] = entry

    @override
    def on_load_checkpoint(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", checkpoint: dict[str, Any]
    ) -> None:
        if trainer.state.fn != "fit" or self._is_running:  # a finder restores in mid-fit what it has saved
            return
        saved, loops = checkpoint.get(CHECKPOINT_KEY, {}).get(OWNER), checkpoint["loops"]["fit_loop"]
        if saved is None:
            raise ValueError(
                f"{OWNER}: the checkpoint must have been saved with {OWNER} among the callbacks, got one without. "
                f"Go on without {OWNER}, or load its weights only and start a new fit."
            )
        if not saved["plans"]:
            return
        place = self._run.load(trainer, loops, saved)
        self._order.load(saved["plans"], place, saved["world_size"])
        if saved["world_size"] != trainer.world_size:
            self._order.change_world(trainer, loops, is_window_open=saved["is_window_open"])
            counts = f"{saved['world_size']} processes wrote the checkpoint, {trainer.world_size} go on"
            say(OWNER, f"{counts}: the samples keep their order, noise and running metrics start anew.")
        if not saved["is_exact"]:
            say(
                OWNER,
                "the checkpoint was saved inside a batch, which is trained on again: the run goes on, not exactly.",
            )

    @override
    def on_fit_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._is_exact = True
        self._order.attach(trainer)
        self._run.start_fit(trainer)

    @override
    def on_train_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._is_running = True
        self._order.refuse_replaced(trainer)
        # Lightning sees no state of the loader's own and says so; its sampler has been positioned.
        self._quiet.enter_context(warnings.catch_warnings())
        warnings.filterwarnings("ignore", message="You're resuming from a checkpoint that ended before the epoch")
        self._run.start_training(trainer, pl_module, self._order.draws)

    @override
    def on_train_batch_start(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", batch: Any, batch_idx: int
    ) -> None:
        self._quiet.close()
        self._order.entered()
        self._run.start_batch(trainer)

    @override
    def on_train_batch_end(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._run.end_batch(trainer, pl_module)

    @override
    def on_train_epoch_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        self._run.end_epoch(trainer, pl_module)

    @override
    def on_validation_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        """Leave out what the base class does here."""

    @override
    def on_train_end(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        """Leave out what the base class does here."""

    @override
    def teardown(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", stage: str) -> None:
        self._close()

    def _close(self) -> None:
        self._is_running = False
        self._quiet.close()
        self._order.detach()
