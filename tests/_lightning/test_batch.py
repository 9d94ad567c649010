"""The batch seam in real fits: whose hook, which batches, and what is left behind."""

import copy
import pickle
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import (
    BatchSizeFinder,
    EMAWeightAveraging,
    LearningRateFinder,
    ModelCheckpoint,
    StochasticWeightAveraging,
)
from lightning.pytorch.utilities import CombinedLoader
from torch import Tensor, nn
from torch.utils.data import DataLoader
from typing_extensions import override

from lightning_regkit._lightning import Example, Keys
from lightning_regkit.callbacks._training_noise import TrainingNoise
from tests.support import Classifier, Items, LayoutClassifier, Validated, images, loader, trainer


class Add(TrainingNoise):
    """Adds a number to the inputs, and remembers the draws of its generator."""

    def __init__(self, amount: float = 100.0, keys: Keys | None = None) -> None:
        super().__init__(keys or Keys("Add"))
        self.amount = amount
        self.draws: list[float] = []

    @override
    def transform(self, example: Example, generator: np.random.Generator) -> Example:
        self.draws.append(generator.random())
        return Example(example.inputs + self.amount, example.targets)

    @override
    def explain(self, plan: Any) -> str:
        return "adds a number"


class Double(TrainingNoise):
    def __init__(self) -> None:
        super().__init__(Keys("Double"))

    @override
    def transform(self, example: Example, generator: np.random.Generator) -> Example:
        return Example(example.inputs * 2, example.targets)

    @override
    def explain(self, plan: Any) -> str:
        return "doubles"


class OwnHook:
    """A user's own override of the hook, for a module or a DataModule."""

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        return [batch[0] + 1000, batch[1]]


class HookedClassifier(OwnHook, Classifier):
    pass


class Data(pl.LightningDataModule):
    def train_dataloader(self) -> Any:
        return loader()


class HookedData(OwnHook, Data):
    pass


def shift_of(model: Classifier) -> float:
    """Return what was added to the first image the step saw."""
    return round((model.seen[0][0][0] - images(10)[0][0]).mean().item())


@pytest.mark.filterwarnings("ignore:You have overridden `on_after_batch_transfer`:UserWarning")
@pytest.mark.parametrize("module_class", [Classifier, HookedClassifier])
@pytest.mark.parametrize("data_class", [None, Data, HookedData])
def test_works_on_the_result_of_whoever_owns_the_hook(
    module_class: type[Classifier], data_class: type[Data] | None
) -> None:
    model, add = module_class(), Add()
    data: Any = loader() if data_class is None else data_class()
    trainer(max_epochs=1, callbacks=[add]).fit(model, data)
    is_hooked = module_class is HookedClassifier or data_class is HookedData
    assert shift_of(model) == (1100 if is_hooked else 100)
    assert len(add.draws) == len(model.seen) == 5
    assert not {"on_after_batch_transfer"} & {*vars(model), *vars(data)}


def test_a_plain_module_with_a_datamodule_gets_no_warning_of_an_override() -> None:
    trainer(max_epochs=1, callbacks=[Add()]).fit(Classifier(), Data())  # warnings are errors


def test_only_training_batches_change() -> None:
    class Recorder(Validated):
        def validation_step(self, batch: Any, batch_idx: int) -> None:
            self.outputs.append(batch[0])

    model, add = Recorder(), Add()
    trainer(max_epochs=2, num_sanity_val_steps=2, callbacks=[add]).fit(model, loader(), loader())
    assert len(add.draws) == 2 * 5
    assert len(model.outputs) == 2 + 2 * 5, "sanity check and validation"
    assert all(inputs.abs().max() < 50 for inputs in model.outputs)


def test_several_callbacks_stack_in_trainer_order() -> None:
    model = Classifier()
    trainer(max_epochs=1, callbacks=[Add(1.0), Double()]).fit(model, loader())
    first = images(10)[0][:2]
    assert torch.equal(model.seen[0][0], (first + 1) * 2)

    model = Classifier()
    trainer(max_epochs=1, callbacks=[Double(), Add(1.0)]).fit(model, loader())
    assert torch.equal(model.seen[0][0], first * 2 + 1)


def test_two_instances_draw_differently_and_each_batch_too() -> None:
    one, two = Add(), Add()
    trainer(max_epochs=2, callbacks=[one, two]).fit(Classifier(), loader())
    assert len({*one.draws, *two.draws}) == 20


def test_the_loader_keeps_its_own_batch() -> None:
    items = [images(2)]
    before = items[0][0].clone()
    trainer(max_epochs=1, callbacks=[Add()]).fit(Classifier(), DataLoader(Items(items), batch_size=None))
    assert torch.equal(items[0][0], before)


@pytest.mark.parametrize("kind", ["learning rate", "batch size"])
def test_trial_batches_of_the_finders_stay_clean(kind: str, tmp_path: Path) -> None:
    class Sized(pl.LightningDataModule):
        batch_size = 2

        def train_dataloader(self) -> Any:
            return loader(32, self.batch_size)

    finder = (
        LearningRateFinder(num_training_steps=8, update_attr=True)
        if kind == "learning rate"
        else BatchSizeFinder(max_trials=1, steps_per_trial=2)
    )
    model, add = Classifier(), Add()
    trainer(max_steps=3, max_epochs=1, callbacks=[add, finder], default_root_dir=tmp_path).fit(model, Sized())
    changed = [batch[0].mean().item() > 50 for batch in model.seen]
    assert changed == [False] * (len(changed) - 3) + [True] * 3
    assert len(changed) > 3, "the trial ran"


def test_a_trial_in_the_middle_of_training_stays_clean() -> None:
    class Trial(pl.Callback):
        """Swaps the callbacks for one batch, as a finder that runs later does."""

        @override
        def on_train_batch_end(
            self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
        ) -> None:
            trainer.callbacks = [self] if batch_idx == 1 else [add, self]  # type: ignore[attr-defined]

    model, add = Classifier(), Add()
    trainer(max_epochs=1, callbacks=[add, Trial()]).fit(model, loader())
    assert [batch[0].mean().item() > 50 for batch in model.seen] == [True, True, False, True, True]


def test_batch_norm_update_of_swa_stays_clean() -> None:
    class Normed(Classifier):
        def __init__(self) -> None:
            super().__init__()
            self.net.append(nn.BatchNorm1d(3))

        def forward(self, inputs: Tensor) -> Tensor:
            self.seen.append([inputs])
            return super().forward(inputs)

        def training_step(self, batch: Any, batch_idx: int) -> Tensor:
            return self(batch[0]).square().mean()

    model, add = Normed(), Add()
    swa = StochasticWeightAveraging(swa_lrs=0.01, swa_epoch_start=1)
    trainer(max_epochs=3, callbacks=[add, swa]).fit(model, loader())
    changed = [batch[0].mean().item() > 50 for batch in model.seen]
    assert len(add.draws) == sum(changed) == 3 * 5
    assert len(changed) == 4 * 5, "the update re-reads the data once"


@pytest.mark.parametrize("mode", ["min_size", "max_size_cycle", "max_size"])
def test_combined_loaders(mode: str) -> None:
    model, add = LayoutClassifier(), Add()
    trainer(max_epochs=1, callbacks=[add]).fit(model, CombinedLoader({"a": loader(), "b": loader(10)}, mode))
    assert set(model.seen[0]) == {"a", "b"}
    first = images(10)[0][:2] + 100
    assert torch.equal(model.seen[0]["a"][0], first)
    assert torch.equal(model.seen[0]["b"][0], first)
    assert len(set(add.draws)) == 10


def test_a_dict_keeps_its_other_entries() -> None:
    inputs, labels = images(4)
    item = {"image": inputs, "label": labels, "path": "a.png"}
    model = LayoutClassifier()
    trainer(max_epochs=1, callbacks=[Add()]).fit(model, DataLoader(Items([item]), batch_size=None))
    assert torch.equal(model.seen[0].pop("image"), inputs + 100)
    assert torch.equal(model.seen[0]["label"], labels)
    assert model.seen[0]["path"] == "a.png"


@pytest.mark.filterwarnings("ignore:You are using the `dataloader_iter` step flavor")
def test_dataloader_iter_is_refused() -> None:
    class Pulls(Classifier):
        def training_step(self, dataloader_iter: Any) -> Tensor:  # type: ignore[override]
            raise AssertionError("refused before the first step")

    model = Pulls()
    with pytest.raises(ValueError, match="Add: training_step must take a batch") as caught:
        trainer(max_epochs=1, callbacks=[Add()]).fit(model, loader())
    assert str(caught.value) == (
        "Add: training_step must take a batch, got training_step(dataloader_iter), whose batches no callback sees. "
        "Write training_step(self, batch, batch_idx)."
    )


def test_an_exception_in_the_middle_leaves_no_trace() -> None:
    class Breaks(Classifier):
        def training_step(self, batch: Any, batch_idx: int) -> Tensor:
            if batch_idx == 2:
                raise RuntimeError("in the middle")
            return super().training_step(batch, batch_idx)

    model, add = Breaks(), Add()
    with pytest.raises(RuntimeError, match="in the middle"):
        trainer(max_epochs=1, callbacks=[add, Add()]).fit(model, loader())
    assert "on_after_batch_transfer" not in vars(model)
    assert torch.equal(model.on_after_batch_transfer(images(2), 0)[0], images(2)[0])


def test_copies_pickles_and_checkpoints_while_attached(tmp_path: Path) -> None:
    copied = []

    class Probe(pl.Callback):
        @override
        def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
            for twin in (copy.deepcopy(pl_module), pickle.loads(pickle.dumps(pl_module))):
                batch = twin.on_after_batch_transfer(list(images(2)), 0)
                assert torch.equal(batch[0], images(2)[0]), "a copy makes no noise"
            copied.append(True)
            trainer.save_checkpoint(tmp_path / "wrapped.ckpt")

    model = Classifier()
    trainer(max_steps=2, callbacks=[Add(), Probe()]).fit(model, loader())
    state = torch.load(tmp_path / "wrapped.ckpt", weights_only=True)["state_dict"]
    assert set(state) == set(model.state_dict())
    assert len(copied) == 2


def test_with_averaged_weights() -> None:
    add, model = Add(), Validated()
    trainer(max_epochs=2, callbacks=[EMAWeightAveraging(decay=0.5), add]).fit(model, loader(), loader())
    assert len(add.draws) == 10
    assert "on_after_batch_transfer" not in vars(model)


@pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`:UserWarning")
@pytest.mark.filterwarnings("ignore:You're resuming from a checkpoint that ended before the epoch")
@pytest.mark.parametrize("every", [3, 5], ids=["mid-epoch", "boundary"])
def test_a_resumed_run_continues_the_draws(every: int, tmp_path: Path) -> None:
    whole = Add()
    keep = ModelCheckpoint(tmp_path, filename="{step}", every_n_train_steps=every, save_top_k=-1)
    trainer(max_epochs=2, callbacks=[whole, keep], enable_checkpointing=True).fit(Classifier(), loader())

    resumed = Add()
    path = tmp_path / f"step={every}.ckpt"
    trainer(max_epochs=2, callbacks=[resumed]).fit(Classifier(), loader(), ckpt_path=path, weights_only=True)
    assert resumed.draws == whole.draws[every:]
