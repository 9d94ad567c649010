"""What reaches the optimizers: momentum, weight decay, plateaus, added groups; other schedulers; resumes."""

import math
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import BackboneFinetuning, BaseFinetuning, ModelCheckpoint, StochasticWeightAveraging
from torch import nn
from torch.optim import lr_scheduler
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import ConcatDataset, DataLoader

from lightning_regkit.callbacks import ExactResume, ScheduleLR
from lightning_regkit.samplers import ResumableSampler
from lightning_regkit.schedules import Constant, Cosine, Linear, Mirrored, OneCycle, Plateau, ScheduleSpec, simulate
from tests.callbacks.test_schedule_lr import Recording, line, lines_said
from tests.support import NUM_CLASSES, SIDE_PX, Classifier, loader, trainer

pytestmark = pytest.mark.usefixtures("logs_of_lightning")

RESUMING = pytest.mark.filterwarnings(
    "ignore:You're resuming from a checkpoint that ended before the epoch",
    "ignore:Be aware that when using `ckpt_path`:UserWarning",
)


class Tracked(Classifier):
    """Two groups, one without decay; remembers every option of every step."""

    def __init__(self, kind: Any = torch.optim.SGD, make: Any = None, **options: Any) -> None:
        super().__init__()
        self.kind, self.make, self.options = kind, make, {"lr": 0.1, **options}
        self.used: dict[str, list[list[float]]] = {"lr": [], "momentum": [], "weight_decay": []}

    def configure_optimizers(self) -> Any:
        weight, bias = self.net[1].weight, self.net[1].bias
        groups = [{"params": [weight], "lr_scale": 0.5}, {"params": [bias], "lr": 0.01, "weight_decay": 0.0}]
        optimizer = self.kind(groups, **self.options)
        optimizer.register_step_pre_hook(self._remember)
        return optimizer if self.make is None else self.make(self, optimizer)

    def _remember(self, optimizer: torch.optim.Optimizer, *_: object) -> None:
        for name, seen in self.used.items():
            groups = optimizer.param_groups
            key = "betas" if name == "momentum" and "betas" in groups[0] else name
            seen.append([float(group[key][0] if key == "betas" else group.get(key, 0)) for group in groups])
        assert optimizer.param_groups[0]["lr_scale"] == 0.5, "information is left alone"


def scaled(base: tuple[float, ...], factors: list[float]) -> list[list[float]]:
    return [pytest.approx([value * factor for value in base], rel=1e-12) for factor in factors]  # type: ignore[misc]


@pytest.mark.parametrize(
    ("kind", "options", "momentum"),
    [
        (torch.optim.SGD, {"momentum": 0.9, "weight_decay": 0.5}, 0.9),
        (torch.optim.RMSprop, {"momentum": 0.8, "weight_decay": 0.5}, 0.8),
        (torch.optim.AdamW, {"betas": (0.95, 0.99), "weight_decay": 0.5}, 0.95),
    ],
)
def test_momentum_and_weight_decay_have_their_own_curves(kind: Any, options: dict[str, Any], momentum: float) -> None:
    model = Tracked(kind, **options)
    schedule = ScheduleLR(Linear(), warmup=3, momentum=Mirrored(Cosine(), 0.5), weight_decay=Cosine(0.1))
    trainer(max_epochs=2, callbacks=[schedule]).fit(model, loader())
    cosine = [(1 + math.cos(math.pi * step / 10)) / 2 for step in range(10)]  # over the whole run, warmup or not
    assert model.used["lr"] == [pytest.approx([line(step, 10, 3), line(step, 10, 3) / 10]) for step in range(10)]
    assert model.used["momentum"] == scaled((momentum, momentum), [1 - 0.5 * factor for factor in cosine])
    assert model.used["weight_decay"] == scaled((0.5, 0.0), [0.1 + 0.9 * factor for factor in cosine])


def test_what_is_not_scheduled_is_left_alone() -> None:
    model = Tracked(momentum=0.9, weight_decay=0.5)
    trainer(max_epochs=1, callbacks=[ScheduleLR(Linear())]).fit(model, loader())
    assert model.used["momentum"] == [[0.9, 0.9]] * 5
    assert model.used["weight_decay"] == [[0.5, 0.0]] * 5


def test_one_cycle_of_rate_and_momentum_is_that_of_torch() -> None:
    def with_torch(module: Classifier, optimizer: Any) -> Any:
        scheduler = OneCycleLR(optimizer, max_lr=[0.1, 0.01], total_steps=11, pct_start=4 / 11)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    theirs = Tracked(make=with_torch, momentum=0.95)
    trainer(max_epochs=2).fit(theirs, loader())
    ours = Tracked(momentum=0.95)
    momentum = Mirrored(OneCycle([3], start_factor=0.0, final_factor=0.0), 0.85 / 0.95)
    trainer(max_epochs=2, callbacks=[ScheduleLR(OneCycle([3]), momentum=momentum)]).fit(ours, loader())
    for name in ("lr", "momentum"):
        for one, other in zip(ours.used[name], theirs.used[name], strict=True):
            assert one == pytest.approx(other, rel=1e-9)


def test_an_optimizer_without_the_option_is_refused() -> None:
    for name, kind in (("momentum", "SGD"), ("weight_decay", "SGD")):
        model = Classifier()
        options: dict[str, ScheduleSpec] = {name: Cosine()}
        with pytest.raises(ValueError, match=name) as caught:
            trainer(max_epochs=1, callbacks=[ScheduleLR(Constant(), **options)]).fit(model, loader())
        assert str(caught.value) == (
            f"ScheduleLR: {name} must drive optimizers that have one above 0, got '{kind}'. "
            f"Remove {name}=, or set it there."
        )
        assert model.rates == []


def test_a_spec_for_each_optimizer() -> None:
    model = Recording()
    trainer(max_epochs=2, callbacks=[ScheduleLR([Linear(), Cosine()], warmup=2)]).fit(model, loader())
    assert model.used[0] == pytest.approx([line(step, 10, 2) for step in range(10)])
    assert model.used[1] == pytest.approx(list(simulate(Cosine(), total_steps=10, warmup=2)[:10]))
    with pytest.raises(ValueError, match="spec") as caught:
        trainer(max_epochs=2, callbacks=[ScheduleLR([Linear(), Cosine()])]).fit(Classifier(), loader())
    assert str(caught.value) == (
        "ScheduleLR: spec must list one for each of 1 optimizers, "
        "got [Linear(final_factor=0.0), Cosine(final_factor=0.0)]."
    )


class Watched(Tracked):
    """Logs the metric of each validation, or of each epoch, from a table of steps."""

    def __init__(self, values: dict[int, float], **options: Any) -> None:
        super().__init__(**{"momentum": 0.9, **options})
        self.values = values

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_loss", self.values[self.trainer.global_step])


#: Steps done when the validation is made -> the metric. The sanity check has the best of all.
VALUES = {0: -9.0, 5: 3.0, 10: 3.0, 15: 2.0, 20: 2.5, 25: 2.0, 30: 1.0}
#: With patience 0: the second, fourth and fifth are no improvements.
MULTIPLIERS = [1.0] * 10 + [0.5] * 10 + [0.25] * 5 + [0.125] * 5
PLATEAU = Plateau("val_loss", factor=0.5, patience=0)


def test_a_plateau_multiplies_any_schedule(caplog: pytest.LogCaptureFixture) -> None:
    model = Watched(VALUES)
    schedule = ScheduleLR(Linear(), momentum=Cosine(), plateau=PLATEAU)
    trainer(max_epochs=6, callbacks=[schedule]).fit(model, loader(), loader(2))
    expected = [line(step, 30) * multiplier for step, multiplier in enumerate(MULTIPLIERS)]
    assert [lr for lr, _ in model.used["lr"]] == pytest.approx(expected)
    assert [lr for _, lr in model.used["lr"]] == pytest.approx([rate / 10 for rate in expected])
    assert model.used["momentum"][29] == pytest.approx([0.9 * (1 + math.cos(math.pi * 29 / 30)) / 2] * 2), "rates only"
    assert [text for text in lines_said(caplog) if "no better" in text] == [
        f"ScheduleLR: no better val_loss in 1 evaluations: the rate is x{factor:g} its schedule from here on."
        for factor in (0.5, 0.25, 0.125)
    ]


@pytest.mark.parametrize(
    ("options", "multipliers"),
    [
        ({"check_val_every_n_epoch": 2}, [1.0] * 20 + [1.0] * 10),  # sees 3.0, 2.5 and 1.0 only
        ({"patience": 1}, [1.0] * 25 + [0.5] * 5),
        ({"patience": 10}, [1.0] * 30),
    ],
)
def test_patience_counts_validations(options: dict[str, Any], multipliers: list[float]) -> None:
    model, plateau = Watched(VALUES), Plateau("val_loss", factor=0.5, patience=options.pop("patience", 0))
    trainer(max_epochs=6, callbacks=[ScheduleLR(Constant(), plateau=plateau)], **options).fit(
        model, loader(), loader(2)
    )
    assert [lr for lr, _ in model.used["lr"]] == [0.1 * multiplier for multiplier in multipliers]


def test_without_validation_every_epoch_counts() -> None:
    class Logs(Tracked):
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            self.log("loss", 1.0, on_step=False, on_epoch=True)
            return super().training_step(batch, batch_idx)

    model = Logs()
    schedule = ScheduleLR(Constant(), plateau=Plateau("loss", factor=0.5, patience=0))
    trainer(max_epochs=3, callbacks=[schedule]).fit(model, loader())
    assert [lr for lr, _ in model.used["lr"]] == [0.1] * 10 + [0.05] * 5


def test_a_metric_that_is_not_logged_is_refused() -> None:
    schedule = ScheduleLR(Constant(), plateau=Plateau("val_los"))
    with pytest.raises(ValueError, match="monitor") as caught:
        trainer(max_epochs=1, callbacks=[schedule]).fit(Watched(VALUES), loader(), loader(2))
    assert str(caught.value) == (
        "ScheduleLR: monitor must name a metric that is logged by then, got 'val_los'. Logged are: val_loss."
    )


@RESUMING
@pytest.mark.parametrize("done", [12, 20, 23])
def test_timm_871_a_plateau_goes_on_after_a_resume(done: int, tmp_path: Path) -> None:
    def run(*callbacks: pl.Callback, **options: Any) -> Watched:
        model = Watched(VALUES)
        with torch.no_grad():
            model.net[1].weight.fill_(0.1)
            model.net[1].bias.fill_(0.0)
        schedule = ScheduleLR(Linear(), plateau=Plateau("val_loss", factor=0.5, patience=1, cooldown=1))
        train: DataLoader[Any] = DataLoader(ConcatDataset([loader(2).dataset] * 5), batch_size=2)  # equal batches
        run = trainer(max_epochs=6, callbacks=[schedule, *callbacks], enable_checkpointing=bool(callbacks))
        run.fit(model, train, loader(2), **options)
        return model

    options: dict[str, Any] = {"filename": "{step}", "save_top_k": -1}
    keep = [ModelCheckpoint(tmp_path, every_n_train_steps=1, **options)] if done % 5 else []
    keep += [] if done % 5 else [ModelCheckpoint(tmp_path, every_n_epochs=1, **options)]
    whole = run(*keep)
    resumed = run(ckpt_path=tmp_path / f"step={done}.ckpt", weights_only=True)
    assert whole.used["lr"][24] != whole.used["lr"][25], "it acts on the way"
    assert resumed.used["lr"] == whole.used["lr"][done:]
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_new_fit_forgets_the_plateau_and_a_test_run_changes_nothing(tmp_path: Path) -> None:
    class Tested(Watched):
        def test_step(self, batch: Any, batch_idx: int) -> None:
            self._evaluate(batch)

    schedule, model = ScheduleLR(Constant(), plateau=PLATEAU), Tested(VALUES)
    for _ in range(2):
        model.used["lr"].clear()
        run = trainer(max_epochs=3, callbacks=[schedule])
        run.fit(model, loader(), loader(2))
        assert [lr for lr, _ in model.used["lr"]] == [0.1] * 10 + [0.05] * 5
    path = tmp_path / "last.ckpt"
    run.save_checkpoint(path)
    schedule._clock.steps = [99]
    run.test(model, loader(), ckpt_path=path, weights_only=True, verbose=False)
    assert schedule._clock.steps == [99]


@RESUMING
def test_nothing_of_an_earlier_fit_stands_in_for_what_a_checkpoint_lacks(tmp_path: Path) -> None:
    keep = ModelCheckpoint(tmp_path, filename="last")
    trainer(max_epochs=1, callbacks=[keep], enable_checkpointing=True).fit(Watched(VALUES), loader(), loader(2))
    schedule = ScheduleLR(Linear(), plateau=PLATEAU)
    trainer(max_epochs=3, callbacks=[schedule]).fit(Watched(VALUES), loader(), loader(2))
    assert schedule._clock.steps == [15]
    model = Watched(VALUES)
    trainer(max_epochs=2, callbacks=[schedule]).fit(
        model, loader(), loader(2), ckpt_path=tmp_path / "last.ckpt", weights_only=True
    )
    assert [lr for lr, _ in model.used["lr"]] == pytest.approx([line(step, 10) for step in range(5, 10)])


class Scheduled(Tracked):
    """Makes a scheduler and returns it, or keeps it to itself."""

    def __init__(self, scheduler: Any, *, is_returned: bool = True) -> None:
        def make(module: Scheduled, optimizer: Any) -> Any:
            module.scheduler = scheduler(optimizer)
            return {"optimizer": optimizer, "lr_scheduler": module.scheduler} if is_returned else optimizer

        super().__init__(make=make)
        self.scheduler: Any = None


SCHEDULERS: dict[str, Any] = {
    "StepLR": lambda optimizer: lr_scheduler.StepLR(optimizer, 1),
    "LinearLR": lr_scheduler.LinearLR,
    "SequentialLR": lambda optimizer: lr_scheduler.SequentialLR(
        optimizer, [lr_scheduler.LinearLR(optimizer), lr_scheduler.StepLR(optimizer, 1)], [2]
    ),
    "ReduceLROnPlateau": lambda optimizer: {
        "scheduler": lr_scheduler.ReduceLROnPlateau(optimizer, patience=0),
        "monitor": "lr",
    },
}


@pytest.mark.parametrize("name", SCHEDULERS)
def test_existing_schedulers_are_replaced_from_the_first_step(name: str, caplog: pytest.LogCaptureFixture) -> None:
    model = Scheduled(SCHEDULERS[name])
    with pytest.raises(ValueError, match="replace_existing=True"):
        trainer(max_epochs=2, callbacks=[ScheduleLR(Linear())]).fit(model, loader())
    assert model.used["lr"] == []
    run = trainer(max_epochs=2, callbacks=[ScheduleLR(Linear(), replace_existing=True)])
    run.fit(model, loader())
    assert model.used["lr"] == [pytest.approx([line(step, 10), line(step, 10) / 10]) for step in range(10)]
    assert f"ScheduleLR: drives the rates in place of {name}." in lines_said(caplog)


def test_a_scheduler_kept_aside_is_replaced_and_its_writing_is_refused() -> None:
    class Steps(Scheduled):
        def on_train_epoch_end(self) -> None:
            self.scheduler.step()

    model = Scheduled(lr_scheduler.LinearLR, is_returned=False)
    trainer(max_epochs=2, callbacks=[ScheduleLR(Linear(), replace_existing=True)]).fit(model, loader())
    assert [lr for lr, _ in model.used["lr"]] == pytest.approx([line(step, 10) for step in range(10)])

    model = Steps(lr_scheduler.LinearLR, is_returned=False)
    with pytest.raises(RuntimeError, match="lr of group 0 must be left to it"):
        trainer(max_epochs=2, callbacks=[ScheduleLR(Linear(), replace_existing=True)]).fit(model, loader())
    assert len(model.used["lr"]) == 6


@RESUMING
@pytest.mark.parametrize("has_scheduler", [True, False], ids=["still makes it", "no longer makes it"])
def test_a_run_saved_with_the_scheduler_goes_on_without_it(has_scheduler: bool, tmp_path: Path) -> None:
    keep = ModelCheckpoint(tmp_path, filename="last")
    first = Scheduled(lr_scheduler.LinearLR)
    trainer(max_epochs=1, callbacks=[keep], enable_checkpointing=True).fit(first, loader())
    assert [lr for lr, _ in first.used["lr"]] == pytest.approx([0.1 / 3] * 5), "torch's own, per epoch"
    model = Scheduled(lr_scheduler.LinearLR) if has_scheduler else Tracked()
    schedule = ScheduleLR(Linear(), replace_existing=has_scheduler)
    trainer(max_epochs=2, callbacks=[schedule]).fit(
        model, loader(), ckpt_path=tmp_path / "last.ckpt", weights_only=True
    )
    assert [lr for lr, _ in model.used["lr"]] == pytest.approx([line(step, 10) for step in range(5, 10)])


class Unfreezes(BaseFinetuning):
    def freeze_before_training(self, pl_module: Any) -> None:
        self.freeze(pl_module.net[1])

    def finetune_function(self, pl_module: Any, epoch: int, optimizer: torch.optim.Optimizer) -> None:
        if epoch == 1:
            self.unfreeze_and_add_param_group(pl_module.net[1], optimizer, lr=0.2)


class TwoLayers(Classifier):
    def __init__(self) -> None:
        super().__init__()
        width = SIDE_PX * SIDE_PX
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(width, width), nn.Linear(width, NUM_CLASSES))
        self.used: list[list[float]] = []

    def configure_optimizers(self) -> torch.optim.Optimizer:
        optimizer = torch.optim.SGD(self.net[2].parameters(), lr=0.1)
        optimizer.register_step_pre_hook(self._remember)
        return optimizer

    def _remember(self, optimizer: torch.optim.Optimizer, *_: object) -> None:
        self.used.append([group["lr"] for group in optimizer.param_groups])


@RESUMING
def test_a_group_added_during_the_fit_is_scaled_from_its_first_step_and_after_a_resume(tmp_path: Path) -> None:
    keep = ModelCheckpoint(tmp_path, filename="{step}", every_n_train_steps=1, save_top_k=-1)
    model = TwoLayers()
    trainer(max_epochs=3, callbacks=[ScheduleLR(Linear(), warmup=2), Unfreezes(), keep], enable_checkpointing=True).fit(
        model, loader()
    )
    rates = [line(step, 15, 2) for step in range(15)]
    expected = [[rate] for rate in rates[:5]] + [[rate, 2 * rate] for rate in rates[5:]]
    assert model.used == [pytest.approx(step) for step in expected]
    for done in (7, 10):
        resumed = TwoLayers()
        trainer(max_epochs=3, callbacks=[ScheduleLR(Linear(), warmup=2), Unfreezes()]).fit(
            resumed, loader(), ckpt_path=tmp_path / f"step={done}.ckpt", weights_only=True
        )
        assert resumed.used == model.used[done:]


def test_fine_tuning_comes_after() -> None:
    with pytest.raises(ValueError, match="position must be before that of BaseFinetuning"):
        trainer(max_epochs=1, callbacks=[Unfreezes(), ScheduleLR(Linear())]).fit(TwoLayers(), loader())


def test_a_callback_that_writes_the_rate_of_its_group_is_refused_before_the_first_step() -> None:
    class Backbone(TwoLayers):
        def __init__(self) -> None:
            super().__init__()
            self.backbone = self.net[1]

    model = Backbone()
    with pytest.raises(ValueError, match="callbacks must leave the rates to it, got 'BackboneFinetuning'"):
        trainer(max_epochs=4, callbacks=[ScheduleLR(Linear()), BackboneFinetuning(1)]).fit(model, loader())
    assert model.used == []
    trainer(max_epochs=2, callbacks=[ScheduleLR(Linear()), BackboneFinetuning(1)]).fit(model, loader())
    base = line(5, 10) / 10  # a tenth of the rate in use is what it adds its group with
    expected = [[line(step, 10), base * line(step, 10) / 0.1] for step in range(5, 10)]
    assert model.used[5:] == [pytest.approx(rates) for rates in expected]


def test_an_average_that_sets_rates_is_refused_before_the_first_step() -> None:
    model = Classifier()
    with pytest.raises(ValueError, match="callbacks must leave the rates to it, got 'StochasticWeightAveraging'"):
        trainer(max_epochs=5, callbacks=[ScheduleLR(Linear()), StochasticWeightAveraging(0.05)]).fit(model, loader())
    assert model.rates == []


def test_momentum_of_one_optimizer_of_two() -> None:
    class Two(Recording):
        def configure_optimizers(self) -> Any:
            return [
                torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.5),
                torch.optim.SGD(self.parameters(), lr=1.0),
            ]

        def training_step(self, batch: Any, batch_idx: int) -> None:
            for seen, optimizer in zip(self.used, self.trainer.optimizers, strict=True):
                seen.append(optimizer.param_groups[0]["momentum"])
            super().training_step(batch, batch_idx)

    model = Two()
    with pytest.raises(ValueError, match="momentum must drive optimizers that have one above 0, got 'SGD'"):
        trainer(max_epochs=1, callbacks=[ScheduleLR(Linear(), momentum=Linear())]).fit(model, loader())
    trainer(max_epochs=1, callbacks=[ScheduleLR(Linear(), momentum=[Linear(), None])]).fit(model, loader())
    assert model.used[0][::2] == pytest.approx([0.5 * (1 - step / 5) for step in range(5)])
    assert model.used[1][::2] == [0.0] * 5


@RESUMING
def test_with_exact_resume_the_validation_after_the_last_batch_is_not_lost(tmp_path: Path) -> None:
    def run(*callbacks: pl.Callback, **options: Any) -> list[list[float]]:
        model, images = Watched(VALUES), loader().dataset
        schedule = ScheduleLR(Linear(), plateau=PLATEAU)
        own = trainer(max_epochs=4, callbacks=[schedule, *callbacks], enable_checkpointing=True)
        own.fit(model, DataLoader(images, batch_size=2, sampler=ResumableSampler(images)), loader(2), **options)
        return model.used["lr"]

    before = ModelCheckpoint(tmp_path / "all", filename="{step}", every_n_train_steps=5, save_top_k=-1)
    whole = run(before, ExactResume(every=None, dirpath=tmp_path / "first"))
    path = tmp_path / "all" / "step=10.ckpt"
    resumed = run(ExactResume(every=None, dirpath=tmp_path / "second"), ckpt_path=path, weights_only=True)
    assert whole[9][0] == pytest.approx(line(9, 20))
    assert whole[10][0] == pytest.approx(line(10, 20) / 2), "lowered by the validation after the checkpoint"
    assert resumed == whole[10:]
