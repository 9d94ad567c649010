"""ScaleLR in real fits: scaled once, before anybody reads the rates, whatever else is in the list."""

from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import (
    BatchSizeFinder,
    GradientAccumulationScheduler,
    LearningRateFinder,
    ModelCheckpoint,
)
from lightning.pytorch.tuner.tuning import Tuner
from torch.nn import functional
from torch.utils.data import ConcatDataset, DataLoader

from lightning_regkit import optim
from lightning_regkit.callbacks import ScaleLR, ScheduleLR
from lightning_regkit.schedules import Constant, Linear
from tests._lightning.test_horizon import TwoOptimizers
from tests.support import Classifier, Items, images, loader, trainer

pytestmark = pytest.mark.usefixtures("logs_of_lightning")

LINE = (
    "ScaleLR: linear rule, k = 2: global batch 4 = 2 x 1 devices x 2 accumulated, reference 2; lr 0.1 -> 0.2; "
    "ScheduleLR(start_factor=0.5) warms up from the reference rate"
)


def lines_said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.getMessage().startswith("ScaleLR")]


def rates_of(model: Classifier, *callbacks: pl.Callback, data: Any = None, **options: Any) -> list[float]:
    trainer(max_epochs=1, callbacks=list(callbacks), **options).fit(model, data or loader())
    return model.rates


def test_defaults() -> None:
    scale = ScaleLR()
    assert (scale.reference_batch, scale.rule, scale.batch_size) == (256, None, None)


@pytest.mark.parametrize(
    ("settings", "error", "text"),
    [
        ({"reference_batch": 0}, ValueError, "reference_batch must be a positive integer, got 0."),
        ({"reference_batch": "256"}, TypeError, "reference_batch must be a positive integer, got '256'."),
        ({"rule": "cubic"}, ValueError, "rule must be one of linear, sqrt, got 'cubic'."),
        ({"batch_size": -1}, ValueError, "batch_size must be a positive integer, got -1."),
    ],
)
def test_bad_arguments(settings: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error) as refused:
        ScaleLR(**settings)
    assert str(refused.value) == f"ScaleLR: {text}"


# By hand: 0.1 for a batch of 2; what enters a step is loader x accumulation, or what the user says of the loader.
@pytest.mark.parametrize(
    ("scale", "options", "rate"),
    [
        (ScaleLR(2), {}, 0.1),
        (ScaleLR(2), {"accumulate_grad_batches": 2}, 0.2),
        (ScaleLR(8), {"accumulate_grad_batches": 2}, 0.05),
        (ScaleLR(2), {"callbacks": [GradientAccumulationScheduler({0: 5})]}, 0.5),
        (ScaleLR(2, rule="sqrt"), {"accumulate_grad_batches": 4}, 0.2),
        (ScaleLR(2, batch_size=6), {}, 0.3),
        (ScaleLR(2, batch_size=6), {"accumulate_grad_batches": 2}, 0.6),
    ],
)
def test_the_rate_grows_with_the_batch(scale: ScaleLR, options: dict[str, Any], rate: float) -> None:
    others = options.pop("callbacks", [])
    rates = rates_of(Classifier(), scale, *others, **options)
    assert rates == pytest.approx([rate] * len(rates))
    assert rates


def test_the_rule_goes_by_the_optimizer() -> None:
    class Adaptive(Classifier):
        def configure_optimizers(self) -> Any:
            optimizer = optim.create(self, "adamw", lr=0.1)
            optimizer.register_step_pre_hook(self._record_rate)
            return optimizer

    assert rates_of(Adaptive(), ScaleLR(1), data=loader(8, 4)) == pytest.approx([0.2] * 2)


@pytest.mark.parametrize("is_first", [True, False], ids=["ScaleLR first", "ScheduleLR first"])
def test_the_schedule_starts_from_the_scaled_rate_in_either_order(is_first: bool) -> None:
    pair: list[pl.Callback] = [ScaleLR(1), ScheduleLR(Linear(), warmup=2, start_factor=0.5)]
    rates = rates_of(Classifier(), *(pair if is_first else pair[::-1]))
    # From the reference rate 0.1 up to 0.2 at step 2, then a line to 0 at step 5.
    assert rates == pytest.approx([0.1, 0.15, 0.2, 0.4 / 3, 0.2 / 3])


def test_one_line_is_said(caplog: pytest.LogCaptureFixture) -> None:
    rates_of(Classifier(), ScaleLR(2), accumulate_grad_batches=2)
    assert lines_said(caplog) == [LINE]


def test_it_leaves_no_trace_and_a_second_fit_scales_afresh() -> None:
    model, scale = Classifier(), ScaleLR(1)
    own = trainer(max_epochs=1, callbacks=[scale])
    own.fit(model, loader())
    assert "configure_optimizers" not in vars(model)
    own.fit_loop.max_epochs = 2
    own.fit(model, loader())
    assert model.rates == pytest.approx([0.2] * 10)


class Keeps(Classifier):
    """Returns the same optimizer in every fit."""

    def __init__(self) -> None:
        super().__init__()
        self.kept = super().configure_optimizers()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return self.kept


def test_an_optimizer_that_is_kept_is_scaled_once() -> None:
    model, scale = Keeps(), ScaleLR(1)
    rates_of(model, scale)
    rates_of(model, scale)
    assert model.rates == pytest.approx([0.2] * 10)
    model.rates.clear()
    assert rates_of(model, scale, data=loader(8, 4)) == pytest.approx([0.4] * 2), "from one batch to the other"


@pytest.mark.filterwarnings("ignore:You're resuming from a checkpoint that ended before the epoch")
@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")
@pytest.mark.parametrize("every", [3, 5], ids=["mid-epoch", "boundary"])
@pytest.mark.parametrize("others", [[], [ScheduleLR]], ids=["alone", "with a schedule"])
def test_a_resumed_run_equals_an_uninterrupted_one(
    every: int, others: list[Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def run(**options: Any) -> Classifier:
        model = Classifier(momentum=0.9)
        with torch.no_grad():
            model.net[1].weight.fill_(0.1)
            model.net[1].bias.fill_(0.0)
        keep = ModelCheckpoint(tmp_path, filename="{step}", every_n_train_steps=every, save_top_k=-1)
        callbacks = [*(other(Linear(), warmup=2) for other in others), ScaleLR(1), keep]
        data: DataLoader[Any] = DataLoader(ConcatDataset([loader(2).dataset] * 5), batch_size=2)  # equal batches
        trainer(max_epochs=2, callbacks=callbacks, enable_checkpointing=True).fit(model, data, **options)
        return model

    whole = run()
    resumed = run(ckpt_path=tmp_path / f"step={every}.ckpt", weights_only=True)
    assert max(whole.rates) == pytest.approx(0.2)
    assert resumed.rates == whole.rates[every:]
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)
    assert not any("checkpoint" in line for line in lines_said(caplog))


@pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`:UserWarning")
@pytest.mark.parametrize(("others", "rate"), [([], 0.2), ([ScheduleLR(Constant())], 0.4)], ids=["alone", "schedule"])
def test_another_batch_on_resume_is_said(
    others: list[Any], rate: float, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keep = ModelCheckpoint(tmp_path, filename="last")
    rates_of(Classifier(), ScaleLR(1), keep, enable_checkpointing=True)
    model, scale = Classifier(), ScaleLR(1)
    own = trainer(max_epochs=2, callbacks=[*others, scale])
    own.fit(model, loader(20, 4), ckpt_path=tmp_path / "last.ckpt", weights_only=True)
    assert model.rates == pytest.approx([rate] * 5)
    said = (
        "ScaleLR: the checkpoint was of batches of 2, this run has 4: without ScheduleLR the rates of the checkpoint "
        "go on."
    )
    assert lines_said(caplog)[-1] == said
    own.fit_loop.max_epochs = 3
    own.fit(model, loader(20, 4))
    assert lines_said(caplog).count(said) == 1, "the next fit is no resumed one"


@pytest.mark.parametrize("is_first", [True, False])
def test_a_rate_that_the_finder_found_is_for_this_batch_and_stays(is_first: bool, tmp_path: Path) -> None:
    model = Classifier(lr=0.5)
    finder = LearningRateFinder(num_training_steps=30, min_lr=1e-3, max_lr=1e-1)
    pair: list[pl.Callback] = [ScaleLR(1), finder]
    rates_of(model, *(pair if is_first else pair[::-1]), data=loader(80), default_root_dir=tmp_path)
    assert model.lr != 0.5, "the finder found another"
    assert model.rates[-40:] == pytest.approx([model.lr] * 40)


def test_a_finder_before_the_fit_leaves_nothing(tmp_path: Path) -> None:
    model = Classifier(lr=0.5)
    own = trainer(max_epochs=1, callbacks=[ScaleLR(1)], default_root_dir=tmp_path)
    Tuner(own).lr_find(model, loader(80), num_training=30, min_lr=1e-3, max_lr=1e-1, update_attr=True)
    assert "configure_optimizers" not in vars(model)
    model.rates.clear()
    own.fit(model, loader(80))
    assert model.rates == pytest.approx([2 * model.lr] * 40), "scaled once"


def test_several_optimizers_each_by_its_own_rule(caplog: pytest.LogCaptureFixture) -> None:
    class Two(TwoOptimizers):
        def configure_optimizers(self) -> Any:
            return [torch.optim.SGD(self.parameters(), lr=0.1), torch.optim.Adam(self.parameters(), lr=0.01)]

        def training_step(self, batch: Any, batch_idx: int) -> None:
            self.rates += [optimizer.param_groups[0]["lr"] for optimizer in self.optimizers()]  # type: ignore[union-attr]
            super().training_step(batch, batch_idx)

    assert rates_of(Two(), ScaleLR(1), data=loader(4, 4)) == pytest.approx([0.4, 0.02])
    assert [line.split(",")[0] for line in lines_said(caplog)] == ["ScaleLR: linear rule", "ScaleLR: sqrt rule"]


def test_equal_optimizers_share_a_line(caplog: pytest.LogCaptureFixture) -> None:
    rates_of(TwoOptimizers(), ScaleLR(1))
    assert len(lines_said(caplog)) == 1


def test_at_the_reference_batch_the_run_is_that_without_it() -> None:
    class Hooked(Classifier):
        def train_dataloader(self) -> Any:
            return loader(shuffle=True)

    def weights(callbacks: list[Any]) -> torch.Tensor:
        pl.seed_everything(1, verbose=False)
        model = Hooked()
        trainer(max_epochs=2, callbacks=callbacks).fit(model)
        return model.state_dict()["net.1.weight"]

    assert torch.equal(weights([ScaleLR(2)]), weights([]))
    assert not torch.equal(weights([ScaleLR(1)]), weights([]))


def test_an_unknown_batch_size_is_refused_unless_it_is_given() -> None:
    ready: Any = DataLoader(Items([images(4)]), batch_size=None)
    model = Classifier()
    with pytest.raises(ValueError, match=r"^ScaleLR: train_dataloader must be one DataLoader"):
        rates_of(model, ScaleLR(1), data=ready)
    assert "configure_optimizers" not in vars(model), "an exception leaves no trace either"
    assert rates_of(model, ScaleLR(1, batch_size=4), data=ready) == pytest.approx([0.4])


class Resizes(Classifier):
    def __init__(self, sizes: list[int]) -> None:
        super().__init__()
        self.sizes = sizes

    def train_dataloader(self) -> Any:
        return loader(12, self.sizes[self.current_epoch])


def test_a_batch_size_that_changes_is_refused() -> None:
    model = Resizes([2, 4])
    with pytest.raises(ValueError, match="stay") as refused:
        trainer(max_epochs=2, callbacks=[ScaleLR(1)], reload_dataloaders_every_n_epochs=1).fit(model)
    text = "ScaleLR: the global batch must stay 2, got 4. Set the batch size before the fit."
    assert str(refused.value) == text
    assert len(model.rates) == 6


def test_a_batch_size_that_a_finder_changes_is_refused_before_the_first_step(tmp_path: Path) -> None:
    class Sized(Classifier):
        batch_size = 2

        def train_dataloader(self) -> Any:
            return loader(64, self.batch_size)

    model = Sized()
    finder = BatchSizeFinder(steps_per_trial=1, max_trials=1, init_val=8)
    with pytest.raises(ValueError, match=r"^ScaleLR: the global batch must stay 2, got 8"):
        trainer(max_epochs=1, callbacks=[ScaleLR(1), finder], default_root_dir=tmp_path).fit(model)


def test_a_returned_scheduler_is_refused() -> None:
    class Scheduled(Classifier):
        def configure_optimizers(self) -> Any:
            optimizer = super().configure_optimizers()
            return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1)]

    with pytest.raises(ValueError, match=r"^ScaleLR: configure_optimizers must attach no torch scheduler"):
        rates_of(Scheduled(), ScaleLR(1))


def test_evaluation_does_not_ask_for_training_data() -> None:
    trainer(callbacks=[ScaleLR(1)]).test(Classifier(), loader(), verbose=False)


def test_it_acts_on_the_loss_as_the_rule_says() -> None:
    """One step of k times the rate on k batches at once is k steps on them, for gradients that do not change."""

    class Slope(Classifier):
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            return functional.linear(batch[0].flatten(1), self.net[1].weight).mean()

    small, large = Slope(), Slope()
    large.load_state_dict(small.state_dict())
    rates_of(small, data=loader(8, 2))
    rates_of(large, ScaleLR(2), data=loader(8, 8))
    torch.testing.assert_close(small.net[1].weight, large.net[1].weight)
