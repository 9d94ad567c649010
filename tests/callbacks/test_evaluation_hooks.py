"""One set of methods for three stages, in real evaluations."""

from typing import Any

import pytest
from typing_extensions import override

from lightning_regkit.callbacks._evaluation_hooks import EvaluationHooks
from tests.support import Validated, loader, trainer


class Notes(EvaluationHooks):
    def __init__(self) -> None:
        super().__init__("Notes", ())
        self.notes: list[Any] = []

    @override
    def _start(self, stage: str, pl_module: Any) -> None:
        self.notes.append(("start", stage))

    @override
    def _begin(self, pl_module: Any, batch: Any, batch_idx: int, dataloader_idx: int) -> None:
        self.notes.append(("begin", len(batch[0]), batch_idx, dataloader_idx))

    @override
    def _end(self, pl_module: Any, batch: Any, batch_idx: int, dataloader_idx: int) -> None:
        self.notes.append(("end", len(batch[0]), batch_idx, dataloader_idx))

    @override
    def _log(self, pl_module: Any) -> None:
        self.notes.append("log")

    @override
    def _stop(self) -> None:
        self.notes.append("stop")


class Two(Validated):
    def validation_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        self._evaluate(batch)

    def test_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        self._evaluate(batch)

    def predict_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> Any:
        return self._evaluate(batch)


def run(stage: str, model: Validated, loaders: Any) -> list[Any]:
    notes = Notes()
    options = {} if stage == "predict" else {"verbose": False}
    getattr(trainer(callbacks=[notes]), stage)(model, loaders, **options)
    return notes.notes


@pytest.mark.parametrize("stage", ["validate", "test", "predict"])
def test_every_stage(stage: str) -> None:
    log = [] if stage == "predict" else ["log"]
    batches = [(name, 2, index, 0) for index in range(2) for name in ("begin", "end")]
    assert run(stage, Validated(), loader(4)) == [("start", stage), *batches, *log, "stop", "stop"]


@pytest.mark.parametrize("stage", ["validate", "test", "predict"])
def test_every_loader(stage: str) -> None:
    notes = run(stage, Two(), [loader(2), loader(2)])
    assert [note for note in notes if note[0] in {"begin", "end"}] == [
        (name, 2, 0, index) for index in range(2) for name in ("begin", "end")
    ]


def test_it_stops_where_something_raises() -> None:
    class Raises(Validated):
        def test_step(self, batch: Any, batch_idx: int) -> None:
            raise OSError("on fire")

    notes = Notes()
    with pytest.raises(OSError, match="on fire"):
        trainer(callbacks=[notes]).test(Raises(), loader(4), verbose=False)
    assert notes.notes == [("start", "test"), ("begin", 2, 0, 0), "stop"]
