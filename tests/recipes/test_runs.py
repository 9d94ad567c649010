from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_pre_hook

import lightning_regkit as rk
from recipes.classifier import ImageClassifier
from recipes.comparison import Run
from recipes.data import DigitsData
from recipes.runs import Recorder, train
from recipes.variants import VARIANTS, Retest, Settings, Variant
from tests.recipes.digits_recipes import recipe
from tests.support import trainer

PLAIN, REGULARIZED, SNAPSHOTS = VARIANTS


def quick(out: Path, **options: Any) -> Settings:
    return Settings(**{"seeds": 1, "epochs": 2, "train_size": 50, "out": out} | options)


def one(variant: Variant, seed: int, settings: Settings) -> Run:
    run, *_ = train(variant, seed, settings)
    return run


@pytest.fixture(autouse=True)
def _on_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pl.Trainer, "__init__", _cpu(pl.Trainer.__init__))


def _cpu(init: Any) -> Any:
    def on_cpu(self: pl.Trainer, **options: Any) -> None:
        init(self, **options | {"accelerator": "cpu"})

    return on_cpu


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_a_run_is_the_recipe_of_its_yaml(variant: Variant, seed: int, tmp_path: Path) -> None:
    """The same numbers come out of the YAML's model and data with the variant's rate and callbacks."""
    run, *_ = train(variant, seed, quick(tmp_path / "out", train_size=100))

    config = recipe("plain" if variant is PLAIN else "regularized")
    config["model"]["optimizer"]["lr"] = variant.lr
    pl.seed_everything(seed, verbose=False)
    model, data = ImageClassifier(**config["model"]), DigitsData(**config["data"]["init_args"] | {"seed": seed})
    running = trainer(max_epochs=2, callbacks=variant.callbacks(tmp_path / "by hand"))
    running.fit(model, data)
    (metrics,) = running.test(model, data, verbose=False)
    assert run.test_error == 100 * (1 - metrics["test_acc"])
    assert len(run.rates) == 8


def test_rates_are_those_in_use(tmp_path: Path) -> None:
    used: list[float] = []
    hook = register_optimizer_step_pre_hook(lambda optimizer, *_: used.append(optimizer.param_groups[0]["lr"]))
    try:
        run, *_ = train(REGULARIZED, 0, quick(tmp_path, epochs=20))
    finally:
        hook.remove()

    assert list(run.rates) == used
    assert len(used) == 40
    assert used[:3] == pytest.approx([factor * REGULARIZED.lr for factor in (0.5, 0.75, 1)])  # 2 steps of warmup
    assert used[2:] == sorted(used[2:], reverse=True)
    assert used[-1] < REGULARIZED.lr / 100


def test_the_plain_rate_is_constant(tmp_path: Path) -> None:
    assert set(one(PLAIN, 0, quick(tmp_path)).rates) == {PLAIN.lr}


def test_snapshots_are_taken_where_the_rate_is_0_and_tested_together(tmp_path: Path) -> None:
    run, *_ = train(SNAPSHOTS, 0, quick(tmp_path, epochs=20))

    folder = tmp_path / "members" / SNAPSHOTS.name / "seed-0"
    steps = sorted(int(path.stem.removeprefix("step-")) for path in folder.glob("*.safetensors"))
    assert [step for step, rate in enumerate(run.rates, start=1) if rate == 0] == steps
    assert steps[-1] == 40
    assert len(steps) > 1
    alone = trainer(callbacks=[rk.callbacks.SnapshotEnsemble(dirpath=folder)])
    model = ImageClassifier(**recipe("regularized")["model"])
    (metrics,) = alone.test(model, DigitsData(train_size=50, batch_size=25, seed=0), verbose=False)
    assert run.test_error == 100 * (1 - metrics["test_acc"])


def test_a_rerun_replaces_its_snapshots(tmp_path: Path) -> None:
    first, again = (train(SNAPSHOTS, 0, quick(tmp_path)) for _ in range(2))

    assert first == again


class Zeroed(pl.Callback):
    """At test all weights of the last layer are 0: every answer is class 0."""

    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, ImageClassifier)
        for weight in (head := pl_module.get_submodule("network.head")).parameters():
            nn.init.zeros_(weight)
        assert isinstance(head, nn.Linear)


def test_retests_are_of_the_weights_of_the_run_without_training_again(tmp_path: Path) -> None:
    steps: list[None] = []
    hook = register_optimizer_step_pre_hook(lambda *_: steps.append(None))
    same, zeroed = Retest("the same again", list), Retest("zeroed", lambda: [Zeroed()])
    try:
        run, again, other = train(Variant("any", 0.1, lambda _: [], (same, zeroed)), 3, quick(tmp_path))
    finally:
        hook.remove()

    assert len(steps) == 4
    assert again == Run("the same again", 3, run.test_error)
    assert (other.variant, other.seed, other.rates, other.val_errors) == ("zeroed", 3, (), ())
    data = DigitsData(train_size=50, seed=3)
    data.setup("test")
    others = (data.parts["test"].tensors[1] != 0).double().mean().item()
    assert other.test_error == pytest.approx(100 * others, abs=1e-4)


def test_retests_change_nothing_in_the_run_or_after_it(tmp_path: Path) -> None:
    alone = [one(REGULARIZED, seed, quick(tmp_path)) for seed in (0, 1)]
    retested = Variant(REGULARIZED.name, REGULARIZED.lr, REGULARIZED.callbacks, (Retest("again", list),))

    assert [train(retested, seed, quick(tmp_path))[0] for seed in (0, 1)] == alone


def test_equal_seeds_give_equal_runs_and_others_do_not(tmp_path: Path) -> None:
    first, again, other = (train(REGULARIZED, seed, quick(tmp_path))[0] for seed in (0, 0, 1))

    assert first == again
    assert first.val_errors != other.val_errors


def test_errors_are_percentages_of_wrong_images(tmp_path: Path) -> None:
    run = one(PLAIN, 0, quick(tmp_path))

    assert len(run.val_errors) == 2
    for error in run.val_errors:
        assert error * 300 / 100 == pytest.approx(round(error * 300 / 100), abs=1e-3)
    num_test = 1797 - 50 - 300
    assert run.test_error * num_test / 100 == pytest.approx(round(run.test_error * num_test / 100), abs=1e-2)
    assert 0 < run.test_error < 100


def test_says_when_an_epoch_is_over(tmp_path: Path) -> None:
    ticks: list[None] = []
    train(PLAIN, 0, quick(tmp_path, epochs=3), lambda: ticks.append(None))

    assert len(ticks) == 3


def test_a_rerun_replaces_its_tensorboard_file(tmp_path: Path) -> None:
    files = []
    for _ in range(2):
        train(PLAIN, 0, quick(tmp_path))
        files.append({path.name for path in (tmp_path / "tensorboard" / "plain" / "seed-0").glob("events.*")})

    assert len(files[0]) == len(files[1]) > 0
    assert not files[0] & files[1]


def test_recorder_turns_accuracy_into_percent_wrong() -> None:
    recorder, running = Recorder(lambda: None), trainer()
    running.callback_metrics["val_acc"] = torch.tensor(0.75)

    recorder.on_validation_epoch_end(running, pl.LightningModule())

    assert recorder.val_errors == [25.0]
