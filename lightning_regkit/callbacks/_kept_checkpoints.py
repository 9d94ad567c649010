"""The files of the best models, as a ``ModelCheckpoint`` to the outside."""

from dataclasses import dataclass
from functools import partial
from os import PathLike, fspath
from os.path import abspath
from typing import Any, final

from typing_extensions import override

from lightning_regkit._lightning import pl
from lightning_regkit._lightning._endings import free_file, versions
from lightning_regkit._lightning._observed import score
from lightning_regkit.stopping import Kept, Shelf, place
from lightning_regkit.stopping._rule import Mode
from lightning_regkit.stopping._shelf import Keep, check_keep

__all__ = ["OWNER", "Files", "KeptCheckpoints"]

OWNER = "BestEpochCheckpoint"


@final
@dataclass(frozen=True)
class Files:
    """Which files are kept, and where.

    Args:
        keep: Most files, or ``"all"``.
        dirpath: Folder of the files; None for Lightning's.
        filename: Their name, as Lightning formats it; None for ``{epoch}-{step}``.
    """

    keep: Keep
    dirpath: str | PathLike[str] | None
    filename: str | None

    def __post_init__(self) -> None:
        check_keep(OWNER, self.keep)


class KeptCheckpoints(pl.callbacks.ModelCheckpoint):
    """Writes and removes files as told; when, and what is the best, is left to the subclass.

    Args:
        monitor: Name of the metric.
        mode: ``"min"`` or ``"max"``.
        files: Which files, and where.
    """

    def __init__(self, monitor: str, mode: Mode, *, files: Files) -> None:
        folder = None if files.dirpath is None else fspath(files.dirpath)
        count = -1 if files.keep == "all" else files.keep
        super().__init__(folder, files.filename, monitor, mode=mode, save_top_k=count)
        self.keep: Keep = files.keep
        self._mode: Mode = mode
        self._shelf = Shelf()
        self._written: set[str] = set()

    @override
    def state_dict(self) -> dict[str, Any]:
        shelf = [(kept.path, kept.value) for kept in self._shelf.all]
        return {**super().state_dict(), "shelf": shelf, "has_best": self._shelf.best is not None}

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        kept = tuple(Kept(path, value) for path, value in state_dict["shelf"])
        self._set_shelf(Shelf(kept[0], kept[1:]) if state_dict["has_best"] else Shelf(None, kept))
        self.last_model_path = state_dict["last_model_path"]

    def _store(self, trainer: "pl.Trainer", value: float, *, is_best: bool) -> None:
        """Save the model if it is worth it, and then remove what is one too many."""
        put = partial(place, is_best=is_best, mode=self._mode, keep=self.keep)
        draft = put(self._shelf, Kept("", value))
        self.current_score = score(value)
        if "" not in draft.paths:
            return
        dropped = [path for path in self._shelf.paths if path not in draft.paths]
        surplus = [path for path in dropped if self._should_remove_checkpoint(trainer, path, "")]
        names = {**self._monitor_candidates(trainer), str(self.monitor): self.current_score}
        paths = versions(lambda version: self.format_checkpoint_name(names, ver=version))
        path = free_file(trainer, paths, ours=surplus, exists=self._fs.exists)
        self._set_shelf(put(self._shelf, Kept(path, value)))
        self._write(trainer, path)
        for old in surplus:
            if old != path:
                self._remove_checkpoint(trainer, old)

    def _store_last(self, trainer: "pl.Trainer") -> str:
        """Save the state of now under Lightning's name for it, and return the path."""
        resumed = str(trainer.ckpt_path)
        ours = {self.last_model_path, resumed, abspath(resumed)}
        paths = versions(lambda version: self.format_checkpoint_name({}, self.CHECKPOINT_NAME_LAST, ver=version))
        self.last_model_path = free_file(trainer, paths, ours=ours, exists=self._fs.exists)
        self._write(trainer, self.last_model_path)
        return self.last_model_path

    def _write(self, trainer: "pl.Trainer", path: str) -> None:
        self._written.add(path)
        self._save_checkpoint(trainer, path)

    def _set_shelf(self, shelf: Shelf) -> None:
        """Put the models on the shelf, and in the attributes of ``ModelCheckpoint`` that others read."""
        self._shelf = shelf
        self.best_k_models = {kept.path: score(kept.value) for kept in shelf.all}
        self.best_model_path = "" if shelf.best is None else shelf.best.path
        self.best_model_score = None if shelf.best is None else score(shelf.best.value)
        if len(shelf.all) == self.save_top_k:
            self.kth_best_model_path = shelf.paths[-1]
            self.kth_value = self.best_k_models[self.kth_best_model_path]
