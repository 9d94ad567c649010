"""OneOf in real fits: which member gets a batch, what it shares with the others, and that runs resume."""

import math
import re
import sys
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
import yaml
from lightning.pytorch.cli import LightningCLI
from torch import Tensor
from torch.utils.data import DataLoader

from lightning_regkit._durations import Horizon
from lightning_regkit._lightning import Plan
from lightning_regkit.callbacks import CutMix, Cutout, ExactResume, Mixup, OneOf, RandomErasing
from lightning_regkit.callbacks._training_noise import TrainingNoise
from lightning_regkit.errors import UnmixedTargetsError
from lightning_regkit.mixing import MixedTarget
from lightning_regkit.schedules import Linear, Scaled
from tests.callbacks.interrupted import Stops, is_same, outcome, run
from tests.callbacks.mixed import BATCH_SIZE, Soft, equal_batches, fit
from tests.support import Classifier, Items, LayoutClassifier, images, loader, trainer

FILL = 99.0


@pytest.fixture(autouse=True)
def _seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PL_GLOBAL_SEED", "7")


def kinds(model: Classifier) -> list[str]:
    """Tell for every training batch who had it: by the targets, and the fill; CutMix has whole pixels of 16."""
    inputs, labels = images(BATCH_SIZE)
    found = []
    for seen, targets in model.seen:
        if isinstance(targets, MixedTarget):
            assert torch.equal(targets.labels[0], labels)
            sixteenths = targets.weights * 16
            found.append("CutMix" if torch.equal(sixteenths, sixteenths.round()) else "Mixup")
        else:
            assert torch.equal(targets, labels)
            found.append("Cutout" if (seen == FILL).any() else "none" if torch.equal(seen, inputs) else "?")
    return found


def members() -> list[TrainingNoise]:
    return [Mixup(1.0), CutMix(), Cutout(fill=FILL)]


@pytest.mark.parametrize("weights", [None, [0.2, 0.3, 0.5], [0, 3, 1]])
def test_every_batch_goes_to_one_member_by_weight(weights: Any) -> None:
    count = 300
    found = kinds(fit(OneOf(members(), weights), batches=count))
    total = math.fsum(weights or [1, 1, 1])
    for name, weight in zip(("Mixup", "CutMix", "Cutout"), weights or [1, 1, 1], strict=True):
        share = weight / total
        assert found.count(name) / count == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / count) + 0.02)
    assert "?" not in found


def test_the_first_member_of_one_is_always_drawn() -> None:
    assert kinds(fit(OneOf([Cutout(fill=FILL)]))) == ["Cutout"] * 6


def test_members_keep_their_own_end_probability_and_schedule() -> None:
    noise = OneOf([CutMix(until="50step"), Cutout(fill=FILL, until="0.5run")])
    found = kinds(fit(noise, batches=200))
    assert set(found[:50]) == {"CutMix", "Cutout"}
    assert set(found[50:100]) == {"none", "Cutout"}
    assert set(found[100:]) == {"none"}
    fading = kinds(fit(OneOf([Mixup(Scaled(Linear(), 0.02))]), batches=100))
    assert [kind != "none" for kind in fading] == [True] * 51 + [False] * 49, "0.02 (1 - t/100) is 0.01 at step 50"
    rare = kinds(fit(OneOf([CutMix(probability=0.3)]), batches=200))
    assert rare.count("none") / 200 == pytest.approx(0.7, abs=4 * math.sqrt(0.21 / 200))


def test_one_may_be_in_another() -> None:
    found = kinds(fit(OneOf([OneOf([Mixup(1.0), CutMix(until="60step")]), Cutout(fill=FILL)], [1, 1]), batches=120))
    assert set(found[:60]) == {"Mixup", "CutMix", "Cutout"}
    assert set(found[60:]) == {"Mixup", "none", "Cutout"}


def test_probabilities_whoever_is_drawn() -> None:
    options: Any = {"targets": "probabilities", "num_classes": 3}
    noise = OneOf([Mixup(1.0, until="0step", **options), CutMix(**options), Cutout(fill=FILL)])
    model = fit(noise, batches=40, model=Soft())
    assert all(targets.dtype == torch.float32 for _, targets in model.seen)
    assert any((inputs == FILL).any() for inputs, _ in model.seen)


def test_images_alone_need_no_targets() -> None:
    model = LayoutClassifier()
    data: DataLoader[Any] = DataLoader(Items([{"image": images(4)[0], "path": "a"}]), batch_size=None)
    trainer(max_epochs=1, callbacks=[OneOf([Cutout(fill=FILL), RandomErasing(fill=FILL, probability=1.0)])]).fit(
        model, data
    )
    assert (model.seen[0]["image"] == FILL).any()


def test_what_members_say_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        fit(OneOf([Mixup(), CutMix(0.2)]), max_epochs=2)
    said = [record.message for record in caplog.records if "cutmix usually wants" in record.message]
    assert len(said) == 1


def test_smoothing_twice_is_warned_of_once() -> None:
    class Smooths(Soft):
        def __init__(self) -> None:
            super().__init__()
            self.loss = torch.nn.CrossEntropyLoss(label_smoothing=0.1)

    options: Any = {"targets": "probabilities", "num_classes": 3, "label_smoothing": 0.1}
    with pytest.warns(UserWarning, match=r"Together they smooth by 0\.19\.$") as caught:
        fit(OneOf([Mixup(**options), CutMix(**options)]), model=Smooths())
    assert len([warning for warning in caught if "smooth" in str(warning.message)]) == 1


def test_it_says_what_it_will_do() -> None:
    plan = Plan(trainer(), [], [Horizon(total_steps=10)])
    assert OneOf([Mixup(), CutMix(until="0.9run")], [1, 3]).explain(plan) == (
        "each training batch is given to one of\n"
        "Mixup (0.25): every training batch is mixed with a permutation of itself, lam ~ Beta(0.2, 0.2)\n"
        "CutMix (0.75): every training image has a box of another pasted in, lam ~ Beta(1, 1), up to step 9"
    )


SOFT: Any = {"targets": "probabilities", "num_classes": 3}


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (([],), ValueError, "members must not be empty, got []."),
        (
            ([Mixup, CutMix()],),
            TypeError,
            f"members must be training noise such as Mixup() or Cutout(), got {Mixup!r}.",
        ),
        (([Mixup()], [1.0, 2.0]), ValueError, "weights must be 1 numbers, one for each, got [1.0, 2.0]."),
        (([Mixup(), CutMix()], [0, 0]), ValueError, "weights must not all be 0, got [0, 0]."),
        (
            ([Mixup(inputs_key="a", targets_key="b"), Cutout()],),
            ValueError,
            "inputs_key of the members must be equal, got ['a', None].",
        ),
        (
            ([Mixup(targets_key="b"), CutMix(targets_key=1), Cutout()],),
            ValueError,
            "targets_key of the members must be equal, got ['b', 1].",
        ),
        (
            ([Mixup(), CutMix(**SOFT), Cutout()],),
            ValueError,
            "targets, num_classes and label_smoothing of the members must be equal, "
            "got [('labels', None, 0.0), ('probabilities', 3, 0.0)].",
        ),
    ],
)
def test_bad_arguments(arguments: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(f'OneOf: {text}')}$"):
        OneOf(*arguments)


def test_a_member_that_the_trainer_has_too_is_refused() -> None:
    mixup = Mixup()
    text = (
        "OneOf: members must not be among the Trainer's callbacks too, got ['Mixup']. "
        "Give the Trainer OneOf alone, or they act twice."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        fit(mixup, OneOf([mixup, CutMix()]))


def test_its_own_guard_watches() -> None:
    class Ignores(Classifier):
        def training_step(self, batch: Any, batch_idx: int) -> Tensor:
            return self(batch[0]).square().mean()

    with pytest.raises(UnmixedTargetsError, match=r"^OneOf: training_step .* or remove OneOf\.$"):
        fit(OneOf([Mixup(), CutMix()]), model=Ignores())
    fit(OneOf([Cutout(), RandomErasing()]), model=Ignores())


def test_equal_noise_from_equal_seeds_and_other_noise_of_a_second_one() -> None:
    first, second = (fit(OneOf(members())) for _ in range(2))
    for one, other in zip(first.seen, second.seen, strict=True):
        assert torch.equal(one[0], other[0])
    twice = fit(OneOf([Cutout(fill=FILL)]), OneOf([Cutout(fill=FILL)]), batches=30)
    once = fit(OneOf([Cutout(fill=FILL)]), batches=30)
    assert any(not torch.equal(one[0], other[0]) for one, other in zip(once.seen, twice.seen, strict=True))


def noisy() -> list[pl.Callback]:
    return [OneOf([Mixup(Linear(), probability=0.8), CutMix(per="sample", until="0.6run"), Cutout(probability=0.5)])]


@pytest.mark.parametrize("options", [{}, {"accumulate_grad_batches": 2}], ids=str)
def test_a_run_stopped_in_the_middle_of_an_epoch_goes_on_exactly(tmp_path: Path, options: dict[str, Any]) -> None:
    stops = Stops(tmp_path)
    whole = outcome(run(stops, resume=ExactResume(every=None), callbacks=noisy(), **options))
    for name in ("epoch_start", "batch_end_2", "batch_end_5", "epoch_end"):
        path = tmp_path / f"{name}.ckpt"
        resumed = run(Stops(None), resume=ExactResume(every=None), callbacks=noisy(), ckpt_path=path, **options)
        assert is_same(outcome(resumed), whole), name


class Data(pl.LightningDataModule):
    def train_dataloader(self) -> Any:
        return equal_batches(100)


def said(name: str, **arguments: Any) -> dict[str, Any]:
    return {"class_path": f"lightning_regkit.callbacks.{name}", "init_args": arguments}


def test_it_is_said_in_yaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JSONARGPARSE_DEPRECATION_WARNINGS", "off")
    monkeypatch.setattr(sys, "argv", ["fit"])  # LightningCLI warns where it sees arguments twice
    spec = {
        "class_path": "lightning_regkit.schedules.Scaled",
        "init_args": {"spec": {"class_path": "lightning_regkit.schedules.Linear"}, "factor": 0.5},
    }
    noise = said(
        "OneOf",
        members=[said("Mixup", alpha=spec), said("CutMix", until="0.5run"), said("Cutout", fill=[FILL])],
        weights=[0.5, 0.25, 0.25],
    )
    erasing = said("RandomErasing", area=[0.1, 0.2], probability=0.25)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    options = {**quiet, "accelerator": "cpu", "max_epochs": 1, "enable_model_summary": False, "callbacks": [noise]}
    (tmp_path / "run.yaml").write_text(yaml.safe_dump({"seed_everything": 7, "trainer": options}))
    words = ["fit", "--config", str(tmp_path / "run.yaml")]
    cli = LightningCLI(Classifier, Data, args=words, save_config_callback=None, auto_configure_optimizers=False)
    ours = OneOf([Mixup(Scaled(Linear(), 0.5)), CutMix(until="0.5run"), Cutout(fill=FILL)], [2, 1, 1])
    assert kinds(cli.model) == kinds(fit(ours, batches=100))

    options["callbacks"] = [erasing]
    (tmp_path / "run.yaml").write_text(yaml.safe_dump({"seed_everything": 7, "trainer": options}))
    cli = LightningCLI(Classifier, Data, args=words, save_config_callback=None, auto_configure_optimizers=False)
    expected = fit(RandomErasing((0.1, 0.2), probability=0.25), batches=100)
    assert all(torch.equal(one[0], other[0]) for one, other in zip(cli.model.seen, expected.seen, strict=True))


def test_no_worker_changes_anything() -> None:
    seen = []
    for workers in (0, 2):
        model = Classifier()
        trainer(max_epochs=1, callbacks=[OneOf(members())]).fit(model, loader(num_workers=workers))
        seen.append(torch.cat([inputs for inputs, _ in model.seen]))
    assert torch.equal(*seen)
