"""A search end to end: files, going on, what it refuses."""

import csv
import itertools
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from lightning_regkit.tuning import Among, Between, Budget, Proposal, Row, SearchResult, Setup, Verdict, search
from tests.tuning.support import CPU, Digits, Net


class Wide(Net):
    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.width = width

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        super().validation_step(batch, batch_idx)
        self.log("width", float(self.width))
        self.log("nan", torch.tensor(float("nan")))


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "trials.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_search_goes_on_where_it_was(tmp_path: Path) -> None:
    setup, module, data = Setup(folder=tmp_path, trainer=CPU.trainer), Net(), Digits()
    space = {"lr": Between(1e-3, 1e-1), "weight_decay": Among((1e-4, 0.0))}
    search(module, data, space, budget=Budget(num_trials=1, epochs=1), setup=setup)
    first = table(tmp_path)
    result = search(module, data, space, budget=Budget(num_trials=3, epochs=1), setup=setup)
    assert table(tmp_path)[0] == first[0]
    assert [row["number"] for row in table(tmp_path)] == ["0", "1", "2"]
    assert result.best is not None
    assert result.best.best == max(row.best or 0 for row in result.rows)
    assert result.verdict.is_healthy
    assert set(result.importances) == {"lr", "weight_decay"}
    assert json.loads((tmp_path / "coarse.json").read_text())["best"]["values"] == result.best.values
    assert (tmp_path / "coarse.png").read_bytes().startswith(b"\x89PNG")


def test_every_kind_of_hyperparameter() -> None:
    space = {"module.width": Among((5,)), "Mixup.alpha": Among((0.2,)), "optimizer": Among(("adamw",))}
    budget = Budget(num_trials=1, epochs=1, monitor="width")
    result = search(Wide, Digits(), space, budget=budget, setup=CPU)
    assert [row.best for row in result.rows] == [5]


def test_without_a_score_there_is_no_best() -> None:
    budget = Budget(num_trials=1, epochs=1, monitor="nan", mode="min")
    result = search(Wide(), Digits(), budget=budget, setup=CPU)
    assert (result.best, result.verdict.cause) == (None, "no score")


def test_the_picture_takes_any_value(tmp_path: Path) -> None:
    from matplotlib.figure import Figure

    values = [{"a": (None, "x", 1.0)[k], "lr": (0.5, 0.001, 0.25)[k], "one": 7} for k in range(3)]
    rows = [Row("s", k, "complete", 0, values[k], 1, float(k), 1) for k in range(3)]
    rows.append(Row("s", 3, "failed", 0, {}))
    importances = {"one": 0.0, "lr": 0.25, "a": 1.0}
    result = SearchResult(tuple(rows), rows[2], importances, Proposal({}, ""), Verdict("healthy", ""))
    axes = Figure().add_subplot()
    result.draw(axes)
    panels: Any = axes.child_axes
    assert [panel.get_title() for panel in panels] == ["a: 100%", "lr: 25%", "one: 0%"]
    offsets = [panel.collections[0].get_offsets().tolist() for panel in panels]
    assert offsets[1:] == [[[2, 0], [0, 1], [1, 2]], [[0, 0], [0, 1], [0, 2]]]
    assert [label.get_text() for label in panels[1].get_xticklabels()] == ["0.001", "0.5"]
    assert [label.get_text() for label in panels[2].get_xticklabels()] == ["7"]


def test_a_picture_of_many_hyperparameters_has_rows(tmp_path: Path) -> None:
    from matplotlib.figure import Figure

    names = "abcdefg"
    rows = tuple(Row("s", k, "complete", 0, dict.fromkeys(names, float(k)), 1, float(k), 1) for k in range(2))
    result = SearchResult(rows, rows[0], dict.fromkeys(names, 0.5), Proposal({}, ""), Verdict("healthy", ""))
    axes = Figure().add_subplot()
    result.draw(axes)
    boxes = [panel.get_position() for panel in axes.child_axes]
    assert len({round(box.y0, 6) for box in boxes}) == 3
    assert len({round(box.x0, 6) for box in boxes}) == 3
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))


def test_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="space must be of lr"):
        search(Net(), Digits(), {"rate": Among((1,))})
    monkeypatch.setitem(sys.modules, "optuna", None)
    for name in [name for name in sys.modules if name.startswith("lightning_regkit.tuning._")]:
        if name.rpartition(".")[2] in {"_study", "_objective", "_rows"}:
            monkeypatch.delitem(sys.modules, name)
    import lightning_regkit.tuning as package

    monkeypatch.delattr(package, "_study", raising=False)
    text = r"^tuning\.search: optuna must be installed\. Run pip install 'optuna>=5'\.$"
    with pytest.raises(ImportError, match=text):
        search(Net(), Digits())
