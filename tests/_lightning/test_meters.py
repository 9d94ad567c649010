"""Sums and metrics of half an epoch, carried into the other half: bit for bit those of a whole one."""

from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchmetrics import CatMetric, MaxMetric, MeanMetric, MetricCollection
from typing_extensions import override

from lightning_regkit._lightning._meters import (
    log_results,
    logged_results,
    merge_results,
    metric_states,
    restore_metric_states,
)
from tests.support import Items, trainer

VALUES = [0.1, 0.7, 0.3, 0.9, 0.2, 0.6, 0.4, 0.8]
Saved = dict[str, Any]


class Meters(pl.LightningModule):
    """Logs a batch's mean in every way there is; ``early`` is logged in the first batch alone."""

    def __init__(self, first: int = 0) -> None:
        super().__init__()
        self.first = first
        self.weight = nn.Parameter(torch.zeros(()))
        self.logged, self.own, self.seen = MeanMetric(), MeanMetric(), CatMetric()
        self.early_metric, self.unused, self.checked = MeanMetric(), MeanMetric(), MeanMetric()
        self.nested = MetricCollection({"most": MaxMetric(), "mean": MeanMetric()})
        self.steps: list[float] = []
        self.ends: dict[str, Any] = {}

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        value = batch.mean()
        self.log("mean", value, on_step=False, on_epoch=True)
        self.log("both", value, on_step=True, on_epoch=True, prog_bar=True)
        self.log("step", value)
        for name in ("sum", "max", "min"):
            self.log(name, value, on_step=False, on_epoch=True, reduce_fx=name, batch_size=len(batch))
        self.logged(value)
        self.log("logged", self.logged, on_step=True, on_epoch=True)
        for metric in (self.own, self.seen, self.nested):
            metric.update(value)
        if self.first + batch_idx == 0:
            for name in ("mean", "sum", "max", "min"):
                self.log(f"early_{name}", value, on_step=False, on_epoch=True, reduce_fx=name, logger=False)
            self.log("early_both", value, on_step=True, on_epoch=True)
            self.early_metric(value)
            self.log("early_metric", self.early_metric, on_step=False, on_epoch=True)
        return self.weight * value

    def on_train_epoch_end(self) -> None:
        self.ends = {"own": self.own.compute(), "seen": self.seen.compute(), **self.nested.compute()}

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


class Checked(Meters):
    """Validates too; one metric of its own is updated there and in training."""

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        self.checked(batch.mean())
        self.log("checked", self.checked)
        self.own.update(batch.mean())


class Save(pl.Callback):
    """Copies both at the end of one batch."""

    def __init__(self, batch: int) -> None:
        self.batch = batch
        self.saved: Saved = {}

    @override
    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        if trainer.fit_loop.batch_idx == self.batch:
            self.saved = state_of(trainer, pl_module)


class Continue(pl.Callback):
    """Puts both back, as a resumed run does."""

    def __init__(self, saved: Saved) -> None:
        self.saved = saved
        self.left: list[set[str]] = []

    @override
    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        restore_metric_states(pl_module, self.saved["metrics"])

    @override
    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        merge_results(trainer, self.saved["results"])
        self.left.append(set(self.saved["results"]))

    @override
    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        log_results(pl_module, self.saved["results"])
        assert self.saved["results"] == {}


def state_of(trainer: pl.Trainer, pl_module: pl.LightningModule) -> Saved:
    return {"metrics": metric_states(trainer, pl_module), "results": logged_results(trainer)}


def batches(values: list[float]) -> DataLoader[Any]:
    return DataLoader(Items([torch.tensor([value, value / 3]) for value in values]), batch_size=2)


def fit(model: Meters, values: list[float], *callbacks: pl.Callback) -> pl.Trainer:
    run = trainer(max_epochs=1, callbacks=list(callbacks), limit_val_batches=0)
    run.fit(model, batches(values))
    return run


def loaded(saved: Saved, folder: Path) -> Saved:
    torch.save(saved, folder / "meters.pt")
    again: Saved = torch.load(folder / "meters.pt", weights_only=True)
    return again


EARLY = {"early_mean", "early_sum", "early_max", "early_min", "early_both", "early_metric"}


def tables(run: pl.Trainer, model: Meters) -> list[dict[str, Any]]:
    """Return what is known at the end of an epoch, less the last step's values of ``early_both``."""
    metrics: list[Any] = [run.callback_metrics, run.logged_metrics, run.progress_bar_metrics, model.ends]
    step = {"early_both", "early_both_step"}  # the name without a suffix is that of the step
    return [{name: float_or_list(value) for name, value in each.items() if name not in step} for each in metrics]


def float_or_list(value: Any) -> Any:
    return value.tolist() if isinstance(value, Tensor) else value


@pytest.mark.parametrize("done", [1, 2, 3])
def test_half_an_epoch_goes_on_to_the_end_of_a_whole_one(done: int, tmp_path: Path) -> None:
    save, whole = Save(done - 1), Meters()
    expected = fit(whole, VALUES, save)
    rest, go_on = Meters(first=done), Continue(loaded(save.saved, tmp_path))
    got = fit(rest, VALUES[2 * done :], go_on)
    for one, other in zip(tables(got, rest), tables(expected, whole), strict=True):
        assert one == other
    for left in go_on.left:
        assert {key.removeprefix("training_step.").split(".")[0] for key in left} == EARLY


def test_they_differ_where_nothing_is_carried() -> None:
    whole, rest = Meters(), Meters(first=2)
    pairs = zip(tables(fit(whole, VALUES), whole), tables(fit(rest, VALUES[4:]), rest), strict=True)
    assert [one != other for one, other in pairs] == [True] * 4


class At(pl.Callback):
    """Copies both at named hooks; of the module's names, those with something in them."""

    def __init__(self) -> None:
        self.metrics: dict[str, set[str]] = {}
        self.results: dict[str, set[str]] = {}

    def note(self, hook: str, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        saved = state_of(trainer, pl_module)
        hook = f"{hook} of {trainer.current_epoch}"
        self.metrics[hook] = set(saved["metrics"])
        self.results[hook] = {key.removeprefix("training_step.").split(".")[0] for key in saved["results"]}

    @override
    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.note("start", trainer, pl_module)

    @override
    def on_validation_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        self.note("validation", trainer, pl_module)

    @override
    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.note("validation end", trainer, pl_module)

    @override
    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.note("end", trainer, pl_module)


def test_what_lightning_is_about_to_reset_is_left_out() -> None:
    at = At()
    run = trainer(max_epochs=2, callbacks=[at], num_sanity_val_steps=0)
    run.fit(Checked(), batches(VALUES), batches(VALUES[:4]))
    own = {"own", "seen", "nested.most", "nested.mean"}
    assert at.metrics == {
        "start of 0": set(),
        "validation of 0": own | {"logged", "early_metric"},
        "validation end of 0": own | {"logged", "early_metric"},
        "end of 0": own,
        "start of 1": own,
        "validation of 1": own | {"logged", "early_metric"},
        "validation end of 1": own | {"logged", "early_metric"},
        "end of 1": own,
    }


def test_only_sums_of_this_training_epoch_are_described() -> None:
    at = At()
    run = trainer(max_epochs=2, callbacks=[at], num_sanity_val_steps=0)
    run.fit(Checked(), batches(VALUES), batches(VALUES[:4]))
    whole = {"mean", "both", "sum", "max", "min", "logged", *EARLY}
    for epoch in (0, 1):
        assert at.results[f"start of {epoch}"] == set()
        assert at.results[f"validation of {epoch}"] == whole


def test_a_sum_is_described_as_it_is_logged() -> None:
    save = Save(1)
    fit(Meters(), VALUES, save)
    by_name = {entry["name"]: entry for entry in save.saved["results"].values()}
    values = [torch.tensor([value, value / 3]).repeat(1) for value in VALUES[:4]]
    first, second = torch.stack(values[:2]).mean(), torch.stack(values[2:]).mean()
    both = by_name["both_epoch"]
    assert {name: both[name] for name in both if name != "states"} == {
        "metric": None,
        "name": "both_epoch",
        "prog_bar": True,
        "logger": True,
        "sync_dist": False,
        "reduce_fx": "mean",
    }
    assert [state.tolist() for state in both["states"]] == [(first * 2 + second * 2).item(), 4]
    for name, expected in (("sum", first + second), ("max", max(first, second)), ("min", min(first, second))):
        assert [state.tolist() for state in by_name[name]["states"]] == [expected.item()]
        assert by_name[name]["reduce_fx"] == name
    assert (by_name["logged_epoch"]["metric"], by_name["logged_epoch"]["states"]) == ("logged", None)
    assert by_name["early_sum"]["logger"] is False
    assert by_name["early_metric"]["name"] == "early_metric"


def test_copies_do_not_change_with_the_metric() -> None:
    model, run = Meters(), trainer(max_epochs=1)
    for metric in (model.own, model.seen):
        metric.update(torch.tensor(2.0))
    saved = metric_states(run, model)
    for metric in (model.own, model.seen):
        metric.update(torch.tensor(4.0))
    assert set(saved) == {"own", "seen"}
    assert {name: entry["count"] for name, entry in saved.items()} == {"own": 1, "seen": 1}
    assert saved["own"]["states"]["mean_value"].item() == 2.0
    assert [value.item() for value in saved["seen"]["states"]["value"]] == [2.0]

    assert (model.own.compute().item(), model.seen.compute().tolist()) == (3.0, [2.0, 4.0])
    restore_metric_states(model, saved)
    assert (model.own.update_count, model.own.compute().item(), model.seen.compute().item()) == (1, 2.0, 2.0)
    model.own.reset()
    assert (model.own.update_count, model.own.mean_value.item()) == (0, 0.0), "its default is what it was"


def test_sums_are_added_once() -> None:
    saves = [Save(1), Save(3)]
    fit(Meters(), VALUES, *saves)
    pending = saves[0].saved["results"]

    class Again(pl.Callback):
        def __init__(self) -> None:
            self.sums: list[float] = []

        @override
        def on_train_batch_end(self, trainer: pl.Trainer, *arguments: Any) -> None:
            for _ in range(2):
                merge_results(trainer, pending)
            results = logged_results(trainer)
            self.sums.append(results["training_step.sum"]["states"][0].item())
            assert trainer.fit_loop.epoch_loop._results["training_step.sum"].compute().item() == self.sums[-1]

    again = Again()
    fit(Meters(first=2), VALUES[4:], again)
    assert again.sums[-1] == saves[1].saved["results"]["training_step.sum"]["states"][0].item()
