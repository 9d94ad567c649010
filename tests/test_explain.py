"""What rk.explain says, against what the fit then does and says."""

import copy
import re
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import GradientAccumulationScheduler
from torch.utils.data import DataLoader

import lightning_regkit as rk
from tests._lightning.test_horizon import Endless
from tests.support import Classifier, loader, trainer

pytestmark = pytest.mark.usefixtures("logs_of_lightning")


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def everything(folder: Path) -> list[pl.Callback]:
    return [
        rk.callbacks.ScheduleLR(rk.schedules.Cosine(), warmup="1ep"),
        GradientAccumulationScheduler({0: 2}),
        rk.callbacks.ScaleLR(2),
        rk.callbacks.Mixup(0.3),
        rk.callbacks.Cutout(0.5, fill=1.0),
        rk.callbacks.ExactResume(every="3step", dirpath=folder),
    ]


SAID = """\
The run: 6 optimizer steps, 3 in the first epoch.
ScheduleLR:
  total steps  6
.*
  rates        at step 0, 1, 3, 4, 5
    group 0    0.06667, 0.1111, 0.2, 0.15, 0.05
ScaleLR: linear rule, k = 2: global batch 4 = 2 x 1 devices x 2 accumulated, reference 2; lr 0.1 -> 0.2; \
ScheduleLR\\(start_factor=0.5\\) warms up from the reference rate
Mixup: every training batch is mixed with a permutation of itself, lam ~ Beta\\(0.3, 0.3\\)
Cutout: every training image loses one square of 0.5 times the shorter side, filled with 1
ExactResume: saves {folder}/resume.ckpt every 3step, on SIGTERM and on an exception
Not ours: GradientAccumulationScheduler."""


def test_every_callback_says_what_it_will_do(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    own = trainer(max_epochs=2, callbacks=everything(tmp_path), enable_checkpointing=True)
    data = DataLoader(loader().dataset, batch_size=2, sampler=rk.samplers.ResumableSampler(loader().dataset))
    text = rk.explain(own, Classifier(), train_dataloaders=data)
    assert re.fullmatch(SAID.replace("{folder}", re.escape(str(tmp_path))), text, re.DOTALL)
    assert messages(caplog)[-1] == text, "it is printed too"
    assert list(tmp_path.iterdir()) == []

    own.fit(Classifier(), data)
    said = messages(caplog)[-20:]
    scaled = next(line for line in text.split("\n") if line.startswith("ScaleLR"))
    assert scaled in said
    table = text.split("ScheduleLR:\n")[1].split("\nScaleLR")[0]
    assert any(all(line.strip() in other for line in table.split("\n")) for other in said), "the table of the fit"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"every": None},
            "ExactResume: saves by itself never, adds to every checkpoint, on SIGTERM and on an exception",
        ),
        ({"every": "2ep", "on_sigterm": False}, "ExactResume: saves runs/resume.ckpt every 2ep"),
    ],
)
def test_when_a_run_is_saved(settings: dict[str, Any], said: str) -> None:
    resume = rk.callbacks.ExactResume(dirpath="runs", **settings)
    own = trainer(max_epochs=1, callbacks=[resume], enable_checkpointing=True)
    assert said.replace("runs", str(resume.dirpath)) in rk.explain(own, Classifier(), train_dataloaders=loader())


def test_a_fit_after_it_is_the_fit_without_it() -> None:
    def weights(*, is_explained: bool) -> torch.Tensor:
        pl.seed_everything(3, verbose=False)
        model = Classifier(momentum=0.9)
        callbacks = [rk.callbacks.Mixup(1.0), rk.callbacks.ScaleLR(1), rk.callbacks.ScheduleLR(rk.schedules.Linear())]
        own = trainer(max_epochs=2, callbacks=callbacks)
        if is_explained:
            first = rk.explain(own, model, train_dataloaders=loader(shuffle=True))
            assert rk.explain(own, model, train_dataloaders=loader(shuffle=True)) == first
        own.fit(model, loader(shuffle=True))
        return model.state_dict()["net.1.weight"]

    assert torch.equal(weights(is_explained=True), weights(is_explained=False))


def test_the_module_stays_as_it_is() -> None:
    model = Classifier()
    before, attributes = copy.deepcopy(model.state_dict()), dict(vars(model))
    rk.explain(trainer(max_epochs=1, callbacks=[rk.callbacks.ScaleLR(1)]), model, train_dataloaders=loader())
    assert vars(model) == attributes
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


def test_what_a_fit_would_refuse() -> None:
    callbacks = [rk.callbacks.ScheduleLR(rk.schedules.Cosine()), rk.callbacks.ScaleLR(1)]
    own = trainer(max_epochs=2, callbacks=callbacks)
    text = rk.explain(own, Classifier(), train_dataloaders=[DataLoader(Endless(), batch_size=2)] * 2)
    head, schedule, scale = text.split("\n")
    assert head == "The run: no known end, epochs of unknown length."
    assert schedule.startswith(
        "ScheduleLR refuses this run: Cosine: the run must have a known number of steps, got None."
    )
    assert scale.startswith("ScaleLR refuses this run: ScaleLR: train_dataloader must be one DataLoader")


def test_what_is_not_known_without_a_fit_is_said() -> None:
    text = rk.explain(trainer(max_steps=4, callbacks=[rk.callbacks.Mixup()]), Classifier())
    head, hint, mixup, unknown = text.split("\n", 3)
    assert head == "The run: 4 optimizer steps, epochs of unknown length."
    assert hint == (
        "No training data were given: pass datamodule= or train_dataloaders=, as to fit, to know how long the run is."
    )
    assert mixup.startswith("Mixup: ")
    assert unknown.startswith("Not known without a fit: training data (MisconfigurationException: ")


def test_data_of_a_data_module() -> None:
    class Data(pl.LightningDataModule):
        def train_dataloader(self) -> Any:
            return loader(12)

    assert rk.explain(trainer(max_epochs=1), Classifier(), datamodule=Data()) == (
        "The run: 6 optimizer steps, 6 in the first epoch."
    )
    with pytest.raises(ValueError, match="datamodule") as refused:
        rk.explain(trainer(), Classifier(), datamodule=Data(), train_dataloaders=[1])
    assert str(refused.value) == "explain: train_dataloaders must be left out beside datamodule, got [1]."
