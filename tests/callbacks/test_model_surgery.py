"""Layers put into a module in real runs: there to the last step, gone afterwards, and nothing else changed."""

import copy
import math
import pickle
import re
import sys
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import pytorch_lightning
import torch
from lightning.pytorch.callbacks import EMAWeightAveraging, GradientAccumulationScheduler, ModelCheckpoint
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import ConcatDataset, DataLoader
from typing_extensions import override

from lightning_regkit.callbacks import (
    BestEpochCheckpoint,
    DropConnect,
    ExactResume,
    FractionalPooling,
    MonteCarloDropout,
    RecalibrateBatchNorm,
    SnapshotEnsemble,
    StochasticDepth,
    Surgery,
)
from lightning_regkit.callbacks._model_surgery import ModelSurgery
from lightning_regkit.errors import UnknownTotalError
from lightning_regkit.regularizers import followed_by, noise_layers
from lightning_regkit.schedules import Constant, Cosine, Linear, Milestones, Scaled
from tests.callbacks import interrupted
from tests.callbacks.interrupted import Noisy, Stops, is_same, outcome
from tests.callbacks.operated import (
    BLOCKS,
    Looks,
    Manual,
    Residual,
    Twice,
    assert_equal,
    fit,
    predicted,
    shape,
    skips_resume_advice,
    told,
)
from tests.support import NUM_CLASSES, SIDE_PX, images, loader, trainer

EACH: dict[str, Any] = {
    "stochastic depth": lambda **options: StochasticDepth(0.5, **options),
    "DropConnect": lambda **options: DropConnect(0.5, **options),
    "dropout": lambda **options: Surgery(dropped, nn.Conv2d, **options),
}


@pytest.fixture(autouse=True)
def _nothing_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests before these may have compiled, and then nothing would be watched."""
    utils = sys.modules.get("torch._dynamo.utils")
    if utils is not None:
        monkeypatch.delitem(utils.counters, "frames", raising=False)


def dropped(layer: nn.Module) -> nn.Module:
    return followed_by(layer, nn.Dropout2d(0.5))


def every(**options: Any) -> list[Any]:
    return [*(make(**options) for make in EACH.values()), FractionalPooling()]


def test_it_is_abstract() -> None:
    with pytest.raises(TypeError, match="abstract"):
        ModelSurgery(None, None)  # type: ignore[abstract]


@pytest.mark.parametrize("kind", EACH)
def test_training_is_noisy_and_prediction_is_not(kind: str) -> None:
    plain, noisy = Twice(), Twice()
    fit(plain)
    fit(noisy, EACH[kind]())
    assert plain.differences == [0] * 10
    assert all(noisy.differences)
    before = predicted(Residual())
    assert torch.equal(predicted(Residual(), EACH[kind]()), before)


@pytest.mark.parametrize("stage", ["fit", "validate", "test", "predict"])
def test_in_every_stage_layers_are_in_and_out_again(stage: str) -> None:
    model, looks = Residual(), Looks(lambda module: len(noise_layers(module)))
    before, layers = shape(model), list(model.modules())
    run: Any = trainer(callbacks=[*every(), looks], max_epochs=1, num_sanity_val_steps=0)
    given = {"fit": [loader(), loader()]}.get(stage, [loader()])
    getattr(run, stage)(model, *given, **({"verbose": False} if stage in {"validate", "test"} else {}))
    assert set(looks.seen) == {BLOCKS + 1 + (1 + 2 * BLOCKS) + 1}
    assert shape(model) == before
    assert all(one is other for one, other in zip(model.modules(), layers, strict=True))


def test_names_parameters_and_optimizers_are_those_without_it(tmp_path: Path) -> None:
    def run(*callbacks: Any) -> dict[str, Any]:
        model = Residual()
        parameters = list(model.parameters())
        keep = ModelCheckpoint(tmp_path / str(len(callbacks)), filename="it")
        own = fit(model, keep, *callbacks, enable_checkpointing=True)
        groups = own.optimizers[0].param_groups
        assert all(one is other for one, other in zip(groups[0]["params"], parameters, strict=True))
        return torch.load(keep.best_model_path, weights_only=True)

    plain, noisy = run(), run(*every())
    assert list(noisy["state_dict"]) == list(plain["state_dict"])
    assert noisy["optimizer_states"][0]["param_groups"] == plain["optimizer_states"][0]["param_groups"]
    assert not torch.equal(noisy["state_dict"]["net.6.weight"], plain["state_dict"]["net.6.weight"])
    Residual().load_state_dict(noisy["state_dict"])


def test_the_weights_and_statistics_that_were_trained_are_the_modules() -> None:
    model = Residual()
    fit(model, *every())
    norm: Any = model.net[4].bn2
    assert norm.num_batches_tracked.item() == 10
    assert not torch.equal(norm.running_mean, torch.zeros(2))
    assert not torch.equal(model.net[6].weight, Residual().net[6].weight)


def test_it_says_what_it_did_in_every_stage() -> None:
    with told("StochasticDepth") as lines:
        fit(Residual(), StochasticDepth(0.3))
        predicted(Residual(), StochasticDepth(0.3))
    line = "3 BatchNorm2d followed by StochasticDepth: net.2.bn2, net.3.bn2, net.4.bn2, rates 0.1 to 0.3."
    assert lines == [line, line]


def test_layers_made_in_setup_or_configure_model_are_found() -> None:
    class Late(Residual):
        def __init__(self) -> None:
            super().__init__()
            self.made, self.net = self.net, None

        @override
        def setup(self, stage: str) -> None:
            self.net = self.net or self.made

    looks = Looks(lambda module: len(noise_layers(module)))
    fit(Late(), StochasticDepth(), looks)
    assert set(looks.seen) == {BLOCKS}


class Broken(Residual):
    @override
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        raise OSError("on fire")


def test_an_exception_puts_everything_back_and_a_second_fit_starts_afresh() -> None:
    model, callbacks = Broken(), every(schedule=Linear())
    before = shape(model)
    for _ in range(2):
        with pytest.raises(OSError, match="on fire"):
            fit(model, *callbacks)
        assert shape(model) == before
        assert not any(part._forward_pre_hooks for part in model.modules())
        assert not {"setup", "configure_model"} & vars(model).keys()


@pytest.mark.parametrize("is_first", [True, False])
def test_two_on_the_same_layers(is_first: bool) -> None:
    def two() -> list[Any]:
        found = [StochasticDepth(0.5), Surgery(dropped, "*.bn2")]
        return found if is_first else found[::-1]

    model, looks = Residual(), Looks(shape)
    fit(model, *two(), looks)
    names = {name for name, kind in looks.seen[0].items() if kind in {"StochasticDepth", "Dropout2d"}}
    assert names == {f"net.{block}.bn2.{child}" for block in (2, 3, 4) for child in ("noise", "noise1")}
    assert shape(model) == shape(Residual())
    with told("Surgery") as lines:
        fit(Residual(), *two())
    assert lines == ["3 BatchNorm2d followed by Dropout2d: net.2.bn2, net.3.bn2, net.4.bn2, rate 0.5."]


def test_a_refusal_leaves_the_module_as_it_was() -> None:
    model = Residual()
    before = shape(model)
    with pytest.raises(ValueError, match="keep the names of weights and buffers"):
        fit(model, DropConnect(), Surgery(nn.Sequential, nn.Conv2d))
    assert shape(model) == before


# Rates of 0.5 over the factors of a spec, of 10 steps, or fewer with accumulation.
SCHEDULES: list[tuple[Any, dict[str, Any], list[float]]] = [
    (Linear(), {}, [0.5 * (1 - step / 10) for step in range(10)]),
    (Linear(), {"accumulate_grad_batches": 2}, [0.5 * (1 - step / 6) for step in (0, 0, 1, 1, 2, 3, 3, 4, 4, 5)]),
    (Cosine(), {}, [0.25 * (1 + math.cos(math.pi * step / 10)) for step in range(10)]),
    (Milestones(["1ep"], gamma=0.2), {}, [0.5] * 5 + [0.1] * 5),
    (
        Milestones(["6step"], gamma=0.0),
        {"callbacks": [GradientAccumulationScheduler({1: 5})]},
        [0.5] * 10,
    ),
    (Scaled(Constant(), 0.5), {}, [0.25] * 10),
]


@pytest.mark.parametrize("kind", EACH)
@pytest.mark.parametrize(("schedule", "options", "expected"), SCHEDULES, ids=lambda value: str(value)[:30])
def test_rates_follow_a_schedule(schedule: Any, options: dict[str, Any], expected: list[float], kind: str) -> None:
    class Asked(Residual):
        def __init__(self) -> None:
            super().__init__()
            self.asked: list[float] = []

        @override
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            self.asked.append(max(float(layer.p) for layer in noise_layers(self).values()))
            return super().training_step(batch, batch_idx)

    options, model = dict(options), Asked()
    fit(model, EACH[kind](schedule=schedule), *options.pop("callbacks", []), **options)
    assert model.asked == pytest.approx(expected)


def test_the_schedule_multiplies_the_linear_rule() -> None:
    looks = Looks(lambda module: [layer.p for layer in noise_layers(module).values()])
    fit(Residual(), StochasticDepth(0.6, schedule=Linear()), looks, limit_val_batches=0)
    assert looks.seen[5] == pytest.approx([0.1, 0.2, 0.3])


def test_a_spec_without_effect_is_the_plain_run() -> None:
    ours, theirs = Residual(), Residual()
    fit(ours, *every(schedule=Constant()))
    fit(theirs, *every())
    assert_equal(ours, theirs)


def test_a_run_without_an_end_is_refused() -> None:
    with pytest.raises(UnknownTotalError, match="known"):
        fit(Residual(), DropConnect(schedule=Linear()), max_epochs=-1)


def test_a_schedule_for_layers_without_a_rate_is_refused() -> None:
    model = Residual()
    with pytest.raises(ValueError, match=r"^Surgery: schedule must be None where no new layer has a rate"):
        fit(model, Surgery(lambda _: nn.RReLU(), "*.relu", schedule=Linear()))
    assert shape(model) == shape(Residual())


def test_what_is_no_schedule_is_refused() -> None:
    for make in EACH.values():
        with pytest.raises(TypeError, match=r"schedule must be a spec of lightning_regkit.schedules, got 0\.5\.$"):
            make(schedule=0.5)


class Aside(Residual):
    """Calls its layers through a list of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.aside = list(self.net)

    @override
    def forward(self, inputs: Tensor) -> Tensor:
        for layer in self.aside:
            inputs = layer(inputs)
        return inputs


def test_a_module_that_holds_its_layers_elsewhere_is_refused_after_one_batch() -> None:
    model = Aside()
    text = (
        "DropConnect: the module must call a layer that was put in, got 'no call of net.6'. "
        "Its forward must take them from the module's attributes, as in self.bn2(x)."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        fit(model, DropConnect())
    assert len(model.seen) == 1
    assert shape(model) == shape(Aside())


def test_a_layer_that_is_not_called_is_told() -> None:
    class Spare(Residual):
        def __init__(self) -> None:
            super().__init__()
            self.spare = nn.Linear(1, 1)

    with told("DropConnect") as lines:
        fit(Spare(), DropConnect())
    assert lines == [
        "2 Linear replaced by DropConnect: net.6, spare, rate 0.5.",
        "not called in the first batch: spare.",
    ]


def test_layers_that_rest_are_told() -> None:
    class Frozen(Residual):
        @override
        def on_train_epoch_start(self) -> None:
            for block in (2, 3):
                self.net[block].bn2.eval()

    with told("StochasticDepth") as lines:
        fit(Frozen(), StochasticDepth())
    assert lines[1:] == ["in evaluation mode in the first batch: net.2.bn2, net.3.bn2."]


def test_a_batch_that_trains_nothing_says_nothing() -> None:
    fit(Manual(), DropConnect(), max_epochs=1)
    with pytest.raises(ValueError, match="must call a layer"):
        fit(Manual(), Surgery(dropped, "unused"), Adds(), max_epochs=1)


class Adds(pl.Callback):
    """Puts in a layer that nobody calls; its setup is before that of the module."""

    @override
    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        pl_module.unused = nn.ReLU()


class Converts(pl.Callback):
    """As ``Trainer(sync_batchnorm=True)`` does where there are several processes."""

    @override
    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        nn.SyncBatchNorm.convert_sync_batchnorm(pl_module)


def test_a_conversion_of_the_layers_is_refused_before_the_first_step() -> None:
    model = Residual()
    with pytest.raises(ValueError, match=r"^StochasticDepth: new layers must stay in the module, got 'net.2.bn2, "):
        fit(model, Converts(), StochasticDepth())
    assert not model.seen


def test_a_conversion_before_the_fit_is_fine() -> None:
    model = nn.SyncBatchNorm.convert_sync_batchnorm(Residual())
    looks = Looks(lambda module: isinstance(module.net[2].bn2, nn.SyncBatchNorm))
    own = trainer(callbacks=[StochasticDepth(), looks])
    own.predict(model, loader())  # on a CPU it does not train
    assert set(looks.seen) == {True}


@skips_resume_advice
@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")
@pytest.mark.parametrize("every_n", [3, 5], ids=["mid-epoch", "boundary"])
@pytest.mark.parametrize("kind", EACH)
def test_a_resumed_run_has_the_rates_of_an_uninterrupted_one(kind: str, every_n: int, tmp_path: Path) -> None:
    """With equal batches, and noise whose generator is set anew in every batch, all but the order of data is tested."""

    class Seeded(Residual):
        @override
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            torch.manual_seed(self.global_step)
            return super().training_step(batch, batch_idx)

    def run(**options: Any) -> Residual:
        model = Seeded()
        keep = ModelCheckpoint(tmp_path, filename="{step}", every_n_train_steps=every_n, save_top_k=-1)
        data: ConcatDataset[Any] = ConcatDataset([loader(2).dataset] * 5)  # equal batches
        with torch.random.fork_rng():
            callbacks = [EACH[kind](schedule=Linear()), keep]
            own = trainer(max_epochs=2, callbacks=callbacks, enable_checkpointing=True, num_sanity_val_steps=0)
            own.fit(model, DataLoader(data, batch_size=2), loader(4), **options)
        return model

    whole = run()
    assert_equal(run(ckpt_path=tmp_path / f"step={every_n}.ckpt", weights_only=True), whole)


@skips_resume_advice
@pytest.mark.parametrize("kind", ["dropout", "DropConnect"])
def test_with_exact_resume_a_run_stopped_at_any_hook_continues_bit_for_bit(kind: str, tmp_path: Path) -> None:
    def options() -> dict[str, Any]:
        noise = Surgery(dropped_linear, nn.Linear, schedule=Linear()) if kind == "dropout" else DropConnect(0.3)
        return {"callbacks": [noise], "limit_val_batches": 0, "accumulate_grad_batches": 2}

    stops = Stops(tmp_path)
    whole = interrupted.run(stops, resume=ExactResume(None), **options())
    plain = interrupted.run(Stops(None), resume=ExactResume(None), **{**options(), "callbacks": []})
    assert not is_same(outcome(whole)["weights"], outcome(plain)["weights"])
    for name in stops.rows:
        path = tmp_path / f"{name}.ckpt"
        resumed = interrupted.run(Stops(None), resume=ExactResume(None), ckpt_path=path, **options())
        assert is_same(outcome(resumed), outcome(whole)), name


def dropped_linear(layer: nn.Module) -> nn.Module:
    return followed_by(layer, nn.Dropout(0.5))


def test_the_network_of_that_run_has_linear_layers() -> None:
    assert sum(isinstance(layer, nn.Linear) for layer in Noisy().modules()) == 2


def test_beside_an_average_of_weights() -> None:
    class Decays(EMAWeightAveraging):
        def __init__(self) -> None:
            super().__init__(decay=0.5)

    def run(*callbacks: Any) -> Residual:
        model = Residual()
        fit(model, *callbacks)
        return model

    first, second = run(Decays(), *every()), run(*every(), Decays())
    assert_equal(first, second)
    assert not torch.equal(first.net[6].weight, run(*every()).net[6].weight)


def test_a_copy_made_in_a_fit_has_layers_of_its_own() -> None:
    class Copies(pl.Callback):
        twin: Any = None

        @override
        def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
            if self.twin is None:
                self.twin = copy.deepcopy(pl_module.net)
                self.own = pl_module.net

    copies, model = Copies(), Residual()
    fit(model, *every(), copies)
    assert not {*map(id, copies.twin.modules())} & {*map(id, model.net.modules())}
    assert not {*map(id, copies.twin.parameters())} & {*map(id, model.parameters())}
    inputs = images(4)[0]
    assert not torch.equal(copies.twin(inputs), copies.twin(inputs))
    assert torch.equal(model.net.train()(inputs), model.net(inputs))


@pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`:UserWarning")
def test_checkpoints_interchange_with_the_plain_module(tmp_path: Path) -> None:
    best = BestEpochCheckpoint("val_loss", mode="min", dirpath=tmp_path)
    fit(Scored(), *every(), best, enable_checkpointing=True)
    model = Residual()
    model.load_state_dict(torch.load(best.best_model_path, weights_only=True)["state_dict"])
    bare = predicted(model)
    own = trainer(callbacks=[StochasticDepth(), DropConnect()])
    found: Any = own.predict(Residual(), loader(), ckpt_path=best.best_model_path, weights_only=True)
    assert torch.equal(torch.cat(found), bare)
    assert not torch.allclose(bare, predicted(Residual()))


class Scored(Residual):
    @override
    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_loss", functional.cross_entropy(self(batch[0]), batch[1]))


def test_members_of_a_snapshot_ensemble_are_those_of_the_plain_module(tmp_path: Path) -> None:
    ensemble = SnapshotEnsemble(2, tmp_path)
    fit(Residual(), *every(), ensemble)
    plain, noisy = (predicted(Residual(), SnapshotEnsemble(2, tmp_path), *more) for more in ([], [StochasticDepth()]))
    assert torch.equal(noisy, plain)
    assert not torch.allclose(plain, predicted(Residual()))


def test_masks_at_test_are_those_of_the_layers_put_in() -> None:
    plain = predicted(Residual())
    masks = [StochasticDepth(0.5), MonteCarloDropout(4)]
    assert not torch.allclose(predicted(Residual(), *masks), plain)
    assert torch.equal(predicted(Residual(), *masks[::-1]), predicted(Residual(), *masks))


def test_statistics_computed_anew_are_those_without_noise() -> None:
    class Still(Residual):
        """Trains nothing: only its statistics move."""

        @override
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            return super().training_step(batch, batch_idx) * 0

    ours, theirs = Still(), Still()
    fit(ours, StochasticDepth(0.5), RecalibrateBatchNorm())
    fit(theirs, RecalibrateBatchNorm())
    assert_equal(ours, theirs)


@pytest.mark.parametrize("how", ["child", pytest.param("whole", marks=pytest.mark.slow)])
def test_compiled(how: str) -> None:
    torch._dynamo.reset()
    model: Any = Twice()
    if how == "child":
        model.net = torch.compile(model.net, backend="eager")
    given: Any = torch.compile(model, backend="eager") if how == "whole" else model
    names = list(model.state_dict())
    for _ in range(2):
        fit(given, StochasticDepth(0.5))
    assert all(model.differences)
    assert list(model.state_dict()) == names
    assert not noise_layers(model)
    torch._dynamo.reset()


def test_a_trainer_of_the_other_namespace() -> None:
    class Other(pytorch_lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Sequential(nn.Flatten(), nn.Linear(SIDE_PX**2, NUM_CLASSES))
            self.kinds: set[str] = set()

        def training_step(self, batch: Any, batch_idx: int) -> Any:
            self.kinds.add(type(self.net[1]).__name__)
            return functional.cross_entropy(self.net(batch[0]), batch[1])

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    model, callbacks = Other(), [DropConnect(schedule=Linear())]
    quiet: Any = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    with torch.random.fork_rng():
        own = pytorch_lightning.Trainer(
            accelerator="cpu",
            devices=1,
            max_epochs=1,
            enable_model_summary=False,
            callbacks=callbacks,
            **quiet,
        )
        own.fit(model, loader())
    assert model.kinds == {"DropConnect"}
    assert type(model.net[1]) is nn.Linear


def test_they_pickle_for_spawn() -> None:
    for callback in every(schedule=Linear()):
        assert type(pickle.loads(pickle.dumps(callback))) is type(callback)
