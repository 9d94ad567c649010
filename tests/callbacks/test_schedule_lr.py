"""ScheduleLR in real fits: the rates used are the rates declared, whatever the loop does."""

from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import (
    EarlyStopping,
    EMAWeightAveraging,
    GradientAccumulationScheduler,
    LearningRateFinder,
    LearningRateMonitor,
    ModelCheckpoint,
    StochasticWeightAveraging,
)
from lightning.pytorch.loggers import CSVLogger
from torch import Tensor
from torch.nn import functional
from torch.utils.data import ConcatDataset, DataLoader
from typing_extensions import override

from lightning_regkit._lightning import Explained, Plan
from lightning_regkit.callbacks import ScheduleLR
from lightning_regkit.errors import UnknownTotalError
from lightning_regkit.schedules import Constant, Cosine, Horizon, Linear, Milestones
from tests._lightning.test_horizon import Endless, TwoOptimizers
from tests.support import Classifier, loader, trainer

pytestmark = pytest.mark.usefixtures("logs_of_lightning")


def line(step: int, total: int, warmup: int = 0) -> float:
    """Return the rate of a line from 1 to 0 behind a warmup, for a base rate of 0.1, by hand."""
    if step < warmup:
        return 0.1 * (1 / warmup + (1 - 1 / warmup) * step / warmup)
    return 0.1 * (1 - (step - warmup) / (total - warmup))


def lines_said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.getMessage().startswith("ScheduleLR")]


@pytest.mark.parametrize(
    ("options", "total"),
    [
        ({"max_epochs": 2}, 10),
        ({"max_steps": 7}, 7),
        ({"max_epochs": 2, "accumulate_grad_batches": 2}, 6),
        ({"max_epochs": 2, "accumulate_grad_batches": 5}, 2),
        ({"max_epochs": 3, "callbacks": [GradientAccumulationScheduler({1: 2, 2: 4})]}, 10),
        ({"max_epochs": 2, "max_time": "00:01:00:00"}, 10),
        ({"max_epochs": 2, "limit_train_batches": 3}, 6),
    ],
)
def test_the_curve_is_as_declared_whatever_the_loop_does(options: dict[str, Any], total: int) -> None:
    model = Classifier()
    options = {**options, "callbacks": [ScheduleLR(Linear()), *options.get("callbacks", [])]}
    trainer(**options).fit(model, loader())
    assert model.rates == pytest.approx([line(step, total) for step in range(total)])


def test_warmup_in_front() -> None:
    model = Classifier()
    trainer(max_epochs=2, callbacks=[ScheduleLR(Linear(), warmup="0.5ep")]).fit(model, loader())
    assert model.rates == pytest.approx([line(step, 10, warmup=3) for step in range(10)])  # 2.5 steps, halves up
    assert max(model.rates) == 0.1, "the peak is used"

    model = Classifier()
    trainer(max_epochs=1, callbacks=[ScheduleLR(Constant(), warmup=4, start_factor=0.0)]).fit(model, loader())
    assert model.rates == pytest.approx([0, 0.025, 0.05, 0.075, 0.1])


def test_closures_and_skipped_steps() -> None:
    class Newton(Classifier):
        def configure_optimizers(self) -> torch.optim.Optimizer:
            optimizer = torch.optim.LBFGS(self.parameters(), lr=0.1, max_iter=4)
            optimizer.register_step_pre_hook(self._record_rate)
            return optimizer

    model = Newton()
    trainer(max_epochs=1, callbacks=[ScheduleLR(Linear())]).fit(model, loader())
    assert model.rates == pytest.approx([line(step, 5) for step in range(5)])


def test_steps_that_mixed_precision_skips_do_not_move_the_rate(caplog: pytest.LogCaptureFixture) -> None:
    class Overflows(Classifier):
        def training_step(self, batch: Any, batch_idx: int) -> Tensor:
            loss = super().training_step(batch, batch_idx)
            return loss * torch.inf if batch_idx in {1, 3} else loss

    scaler = torch.amp.GradScaler("cpu", init_scale=1.0)
    plugin = pl.plugins.MixedPrecision("16-mixed", "cpu", scaler)
    model = Overflows()
    trainer(max_epochs=1, callbacks=[ScheduleLR(Linear())], plugins=[plugin]).fit(model, loader())
    assert model.rates == pytest.approx([line(step, 5) for step in range(3)])
    assert lines_said(caplog)[-1] == "ScheduleLR: optimizer 0 ended at step 3 of the 5 planned."


class Recording(TwoOptimizers):
    """Two optimizers with base rates 0.1 and 1, the second stepping every ``every`` batches."""

    def __init__(self, every: int = 1) -> None:
        super().__init__()
        self.every = every
        self.used: list[list[float]] = [[], []]

    def configure_optimizers(self) -> Any:
        return [torch.optim.SGD(self.parameters(), lr=lr) for lr in (0.1, 1.0)]

    def training_step(self, batch: Any, batch_idx: int) -> None:
        for index, optimizer in enumerate(self.optimizers()):
            if index == 0 or (batch_idx + 1) % self.every == 0:
                self.used[index].append(optimizer.param_groups[0]["lr"])
                self.manual_backward(functional.cross_entropy(self(batch[0]), batch[1]))
                optimizer.step()


def test_several_optimizers_each_on_their_own_clock() -> None:
    model = Recording()
    trainer(max_epochs=2, callbacks=[ScheduleLR(Linear())]).fit(model, loader())
    assert model.used[0] == pytest.approx([line(step, 10) for step in range(10)])
    assert model.used[1] == pytest.approx([10 * line(step, 10) for step in range(10)])

    model = Recording(every=2)
    trainer(max_epochs=2, callbacks=[ScheduleLR(Linear(), total_steps=[10, 4])]).fit(model, loader())
    assert model.used[0] == pytest.approx([line(step, 10) for step in range(10)])
    assert model.used[1] == pytest.approx([10 * line(step, 4) for step in range(4)])

    with pytest.raises(ValueError, match="total_steps must be given"):
        trainer(max_epochs=2, callbacks=[ScheduleLR(Linear())]).fit(Recording(every=2), loader())


@pytest.mark.parametrize("is_first", [True, False], ids=["schedule first", "monitor first"])
def test_the_rate_logged_is_the_rate_used(is_first: bool, tmp_path: Path) -> None:
    pair: list[pl.Callback] = [ScheduleLR(Linear()), LearningRateMonitor(logging_interval="step")]
    logger = CSVLogger(tmp_path, flush_logs_every_n_steps=1)
    model = Classifier()
    callbacks = pair if is_first else pair[::-1]
    trainer(max_epochs=1, callbacks=callbacks, logger=logger, log_every_n_steps=1).fit(model, loader())
    logged = [
        float(row)
        for row in (Path(logger.log_dir) / "metrics.csv").read_text().split()[1:]
        for row in [row.split(",")[0]]
    ]
    assert logged == pytest.approx(model.rates)


@pytest.mark.filterwarnings("ignore:You're resuming from a checkpoint that ended before the epoch")
@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")
@pytest.mark.parametrize("every", [3, 5], ids=["mid-epoch", "boundary"])
def test_a_resumed_run_equals_an_uninterrupted_one(every: int, tmp_path: Path) -> None:
    def run(callbacks: list[pl.Callback], **options: Any) -> Classifier:
        model = Classifier(momentum=0.9)
        with torch.no_grad():
            model.net[1].weight.fill_(0.1)
            model.net[1].bias.fill_(0.0)
        data: DataLoader[Any] = DataLoader(ConcatDataset([loader(2).dataset] * 5), batch_size=2)  # equal batches
        trainer(max_epochs=2, callbacks=callbacks, enable_checkpointing=True).fit(model, data, **options)
        return model

    def keep() -> ModelCheckpoint:
        return ModelCheckpoint(tmp_path, filename="{step}", every_n_train_steps=every, save_top_k=-1)

    whole = run([ScheduleLR(Cosine(), warmup=2), keep()])
    path = tmp_path / f"step={every}.ckpt"
    resumed = run([ScheduleLR(Cosine(), warmup=2), keep()], ckpt_path=path, weights_only=True)
    assert resumed.rates == whole.rates[every:]
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`:UserWarning")
def test_on_resume_the_settings_in_the_code_win(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    keep = ModelCheckpoint(tmp_path, filename="last")
    trainer(max_epochs=1, callbacks=[ScheduleLR(Linear()), keep], enable_checkpointing=True).fit(Classifier(), loader())
    model = Classifier(lr=1.0)
    trainer(max_epochs=2, callbacks=[ScheduleLR(Constant())]).fit(
        model, loader(), ckpt_path=tmp_path / "last.ckpt", weights_only=True
    )
    assert model.rates == [1.0] * 5, "base rate and shape of the code"
    assert (
        "ScheduleLR: goes on with Constant(), warmup=0, start_factor=None, total_steps=None; "
        "the checkpoint had Linear(final_factor=0.0), warmup=0, start_factor=None, total_steps=None."
    ) in lines_said(caplog)


def test_the_plan_is_said_before_the_first_step(caplog: pytest.LogCaptureFixture) -> None:
    spec = Milestones(["1ep", "2ep"])
    trainer(max_epochs=2, callbacks=[ScheduleLR(spec, warmup=2)]).fit(Classifier(), loader())
    assert lines_said(caplog) == [
        "ScheduleLR: the plan\n"
        "total steps  10\n"
        "warmup       x0.5 at step 0, straight to x1 at step 2\n"
        "schedule     Milestones: x0.1 at step 5 (1ep); never reached: step 10 (2ep), the end of the run\n"
        "last step    x0.1 at step 9\n"
        "rates        at step 0, 2, 5, 7, 9\n"
        "  group 0    0.05, 0.1, 0.01, 0.01, 0.01"
    ]


def test_the_plan_of_optimizers_that_differ(caplog: pytest.LogCaptureFixture) -> None:
    trainer(max_epochs=2, callbacks=[ScheduleLR(Constant(), total_steps=[10, 4])]).fit(Recording(every=2), loader())
    first, second = lines_said(caplog)[0].split("optimizer 1\n")
    assert first.startswith("ScheduleLR: the plan\noptimizer 0\ntotal steps  10\n")
    assert second.startswith("total steps  4\n")


def test_the_plan_without_a_fit(caplog: pytest.LogCaptureFixture) -> None:
    run = trainer(max_epochs=2)

    def plan(*horizons: Horizon, optimizers: Any = ()) -> Plan:
        return Plan(run, list(optimizers), list(horizons))

    whole = Horizon(total_steps=10, epoch_ends=(5, 10))
    schedule = ScheduleLR(Milestones(["1ep", "2ep"]), warmup=2)
    text = schedule.explain(plan(whole, optimizers=[Classifier().configure_optimizers()]))
    trainer(max_epochs=2, callbacks=[schedule]).fit(Classifier(), loader())
    assert f"ScheduleLR: the plan\n{text}" in lines_said(caplog)
    assert isinstance(schedule, Explained)
    assert ScheduleLR(Constant(), total_steps=7).explain(plan(whole, whole)).startswith("total steps  7\n")

    optimizer = Classifier().configure_optimizers()
    with pytest.raises(ValueError, match="momentum must drive optimizers that have one above 0, got 'SGD'"):
        ScheduleLR(Constant(), momentum=Constant()).explain(plan(whole, optimizers=[optimizer]))
    torch.optim.lr_scheduler.StepLR(optimizer, 1)
    with pytest.raises(ValueError, match="must make no learning-rate scheduler"):
        ScheduleLR(Constant()).explain(plan(whole, optimizers=[optimizer]))
    ScheduleLR(Constant(), replace_existing=True).explain(plan(whole, optimizers=[optimizer]))


def test_the_plan_without_a_fit_has_rates_where_they_are_known() -> None:
    def plan(*callbacks: pl.Callback, optimizers: Any = ()) -> str:
        whole = Horizon(total_steps=10, epoch_ends=(5, 10))
        schedule: Any = callbacks[0]
        text: str = schedule.explain(Plan(trainer(callbacks=list(callbacks)), list(optimizers), [whole]))
        return text

    optimizer = Classifier(lr=0.3).configure_optimizers()
    rates = "\nrates        at step 0, 2, 5, 7, 9\n  group 0    0.3, 0.24, 0.15, 0.09, 0.03"
    assert plan(ScheduleLR(Linear()), optimizers=[optimizer]).endswith(rates)
    assert "rates" not in plan(ScheduleLR(Linear()))
    assert "rates" not in plan(ScheduleLR(Linear()), LearningRateFinder(), optimizers=[optimizer]), "it sets others"
    assert plan(ScheduleLR([Linear(), Cosine()])).splitlines()[::5] == ["optimizer 0", "optimizer 1"]
    assert plan(ScheduleLR(Linear(), total_steps=[10, 4])).splitlines()[6] == "total steps  4"
    with pytest.raises(ValueError, match="callbacks must leave the rates to it, got 'StochasticWeightAveraging'"):
        plan(ScheduleLR(Linear()), StochasticWeightAveraging(0.1), optimizers=[optimizer])


@pytest.mark.filterwarnings("ignore:.*Running in `fast_dev_run` mode")
def test_a_fast_dev_run_that_is_too_short_for_the_plan_goes_through(caplog: pytest.LogCaptureFixture) -> None:
    model, spec = Classifier(), Milestones(["30ep"])
    run = trainer(fast_dev_run=2, callbacks=[ScheduleLR(spec, warmup="5ep")])
    refusal = "ScheduleLR: warmup must be shorter than the run of 2 steps, got '5ep'. It takes 10 steps."
    said = f"leaves the rates as they are, for fast_dev_run is too short: {refusal}"
    plan = Plan(run, [model.configure_optimizers()], [Horizon(2, (2,))])
    assert ScheduleLR(spec, warmup="5ep").explain(plan) == said
    run.fit(model, loader())
    assert model.rates == [0.1, 0.1]
    assert f"ScheduleLR: the plan\n{said}" in lines_said(caplog)

    model = Classifier()
    trainer(fast_dev_run=2, callbacks=[ScheduleLR(Linear())]).fit(model, loader())
    assert model.rates == [0.1, 0.05], "what fits is driven"
    with pytest.raises(ValueError, match="list one for each of 1 optimizers"):
        trainer(fast_dev_run=2, callbacks=[ScheduleLR([Linear(), Linear()], warmup="5ep")]).fit(model, loader())


def test_an_early_end_is_said(caplog: pytest.LogCaptureFixture) -> None:
    class Stops(pl.Callback):
        @override
        def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
            trainer.should_stop = trainer.global_step >= 3

    trainer(max_epochs=2, callbacks=[ScheduleLR(Linear()), Stops()]).fit(Classifier(), loader())
    assert lines_said(caplog)[-1] == "ScheduleLR: optimizer 0 ended at step 3 of the 10 planned."


@pytest.mark.parametrize("is_first", [True, False], ids=["schedule first", "average first"])
def test_weight_averaging_changes_no_rate_and_averages_the_scheduled_weights(is_first: bool) -> None:
    def run(*callbacks: pl.Callback) -> Classifier:
        model = Classifier(momentum=0.9)
        with torch.no_grad():
            model.net[1].weight.fill_(0.1)
            model.net[1].bias.fill_(0.0)
        trainer(max_epochs=2, callbacks=list(callbacks)).fit(model, loader())
        return model

    weights: list[Tensor] = []

    class Notes(pl.Callback):
        @override
        def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
            weights.append(next(pl_module.parameters()).detach().clone())

    run(ScheduleLR(Linear()), Notes())
    pair = [ScheduleLR(Linear()), EMAWeightAveraging(decay=0.5)]
    model = run(*(pair if is_first else pair[::-1]))
    assert model.rates == pytest.approx([line(step, 10) for step in range(10)])
    average = weights[0]
    for weight in weights[1:]:
        average = 0.5 * average + 0.5 * weight
    torch.testing.assert_close(model.net[1].weight, average)


def test_momentum_and_decay_logged_are_those_used(tmp_path: Path) -> None:
    model = Classifier(momentum=0.9)
    logger = CSVLogger(tmp_path, flush_logs_every_n_steps=1)
    monitor = LearningRateMonitor(logging_interval="step", log_momentum=True)
    schedule = ScheduleLR(Constant(), momentum=Linear())
    trainer(max_epochs=1, callbacks=[monitor, schedule], logger=logger, log_every_n_steps=1).fit(model, loader())
    rows = [row.split(",") for row in (Path(logger.log_dir) / "metrics.csv").read_text().split()]
    at = rows[0].index("lr-SGD-momentum")
    assert [float(row[at]) for row in rows[1:]] == pytest.approx([0.9 * (1 - step / 5) for step in range(5)])


def test_base_rates_come_after_the_finder(tmp_path: Path) -> None:
    model = Classifier(lr=0.5)
    finder = LearningRateFinder(num_training_steps=30, min_lr=1e-3, max_lr=1e-1)
    trainer(max_epochs=1, callbacks=[ScheduleLR(Linear()), finder], default_root_dir=tmp_path).fit(model, loader(80))
    assert model.lr != 0.5, "the finder found another"
    real = model.rates[-40:]
    assert real == pytest.approx([model.lr * (1 - step / 40) for step in range(40)])


def test_a_schedule_longer_than_the_run_is_refused() -> None:
    with pytest.raises(ValueError, match="warmup") as caught:
        trainer(max_epochs=1, callbacks=[ScheduleLR(Cosine(), warmup="1ep")]).fit(Classifier(), loader())
    assert str(caught.value) == (
        "ScheduleLR: warmup must be shorter than the run of 5 steps, got '1ep'. It takes 5 steps."
    )
    with pytest.raises(ValueError, match="Milestones: positions must lie within the run of 5 steps, got '2ep'"):
        trainer(max_epochs=1, callbacks=[ScheduleLR(Milestones(["2ep"]))]).fit(Classifier(), loader())


def test_a_run_without_known_length_is_refused_when_it_matters() -> None:
    data = DataLoader(Endless(), batch_size=2)
    with pytest.raises(UnknownTotalError, match="Pass max_steps="):
        trainer(max_epochs=1, callbacks=[ScheduleLR(Cosine())]).fit(Classifier(), data)
    model = Classifier()
    trainer(max_epochs=1, callbacks=[ScheduleLR(Milestones([2]))]).fit(model, data)
    assert model.rates == pytest.approx([0.1, 0.1, 0.01])


def test_a_second_scheduler_is_refused() -> None:
    class Scheduled(Classifier):
        def configure_optimizers(self) -> Any:
            optimizer = super().configure_optimizers()
            return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1)]

    model = Scheduled()
    with pytest.raises(ValueError, match="scheduler") as caught:
        trainer(max_epochs=1, callbacks=[ScheduleLR(Constant())]).fit(model, loader())
    assert str(caught.value) == (
        "ScheduleLR: configure_optimizers must make no learning-rate scheduler, got 'StepLR'. "
        "Return the optimizer alone, pass replace_existing=True, or remove ScheduleLR."
    )
    assert model.rates == []


def test_two_schedules_are_refused() -> None:
    with pytest.raises(RuntimeError, match="more than one stateful callback of type `ScheduleLR`"):
        trainer(callbacks=[ScheduleLR(Constant()), ScheduleLR(Cosine())])


def test_an_exception_leaves_no_hook() -> None:
    class Breaks(Classifier):
        def training_step(self, batch: Any, batch_idx: int) -> Tensor:
            raise RuntimeError("in the middle")

    run = trainer(
        max_epochs=1, callbacks=[ScheduleLR(Constant()), EarlyStopping("none", check_on_train_epoch_end=True)]
    )
    with pytest.raises(RuntimeError, match="in the middle"):
        run.fit(Breaks(), loader())
    assert not run.optimizers[0]._optimizer_step_post_hooks


@pytest.mark.parametrize(
    ("arguments", "kind", "text"),
    [
        ({"spec": "cosine"}, TypeError, "spec must be a spec of lightning_regkit.schedules, got 'cosine'."),
        ({"spec": [Constant(), 3]}, TypeError, "spec must be a spec of lightning_regkit.schedules, got 3."),
        ({"momentum": 0.9}, TypeError, "momentum must be a spec of lightning_regkit.schedules, got 0.9."),
        ({"weight_decay": 0.1}, TypeError, "weight_decay must be a spec of lightning_regkit.schedules, got 0.1."),
        (
            {"plateau": "val_loss"},
            TypeError,
            "plateau must be a Plateau of lightning_regkit.schedules, got 'val_loss'. Write Plateau(\"val_loss\").",
        ),
        (
            {"warmup": "5 epochs"},
            ValueError,
            "warmup must be a duration such as '5ep', '500step' or '0.1run', got '5 epochs'.",
        ),
        ({"warmup": 0.1}, TypeError, "warmup must be a duration such as '5ep', '500step' or '0.1run', got 0.1."),
        ({"start_factor": 1.5}, ValueError, "start_factor must be a number in [0, 1], got 1.5."),
        ({"start_factor": "0"}, TypeError, "start_factor must be a number in [0, 1], got '0'."),
        ({"total_steps": 0}, ValueError, "total_steps must be a positive integer, got 0."),
        ({"total_steps": [5, "5"]}, TypeError, "total_steps must be a positive integer, got '5'."),
    ],
)
def test_arguments_are_checked_at_construction(arguments: dict[str, Any], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind) as caught:
        ScheduleLR(**{"spec": Constant(), **arguments})
    assert str(caught.value) == f"ScheduleLR: {text}"
