"""The base of ensembles: in which calls it acts, and beside other averages. Results: test_ensemble_checkpoints.py."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close
from typing_extensions import override

from lightning_regkit._lightning._predictor import Predict
from lightning_regkit.callbacks._averaged_prediction import READOUT, AveragedPrediction
from lightning_regkit.callbacks._ensemble_settings import EnsembleSettings
from lightning_regkit.callbacks._ensembled_prediction import EnsembledPrediction
from lightning_regkit.marginalize import Readout
from tests.callbacks.ensembles import Checked, Scored, data, lines
from tests.support import Items, images, trainer

STAGES = ("validate", "test", "predict")


class Pair(EnsembledPrediction):
    """Two models of seeds 1 and 2."""

    def __init__(self, *, stages: Sequence[str] = STAGES, readout: Readout = READOUT, curve: bool = True) -> None:
        super().__init__(EnsembleSettings("Pair", None, stages, curve, "auto", readout))

    @override
    def _members(self) -> "Sequence[tuple[str, Callable[[], dict[str, Tensor]]]]":
        return [("one", Scored(1).state_dict), ("two", Scored(2).state_dict)]


class Flip(AveragedPrediction):
    @override
    def average(self, predict: Predict, inputs: Any) -> Tensor:
        both = predict(inputs).log_softmax(-1), predict(inputs.flip(-1)).log_softmax(-1)
        return torch.logaddexp(*both)


def mean(inputs: Tensor) -> Tensor:
    with torch.no_grad():
        return torch.stack([Scored(seed).eval().net(inputs).softmax(-1) for seed in (1, 2)]).mean(0)


def test_it_is_abstract() -> None:
    with pytest.raises(TypeError, match="abstract"):
        EnsembledPrediction(EnsembleSettings("Ours", None, STAGES, True, "auto", READOUT))  # type: ignore[abstract]


@pytest.mark.parametrize("stage", STAGES)
def test_it_acts_in_the_chosen_calls(stage: str) -> None:
    for stages, is_averaged in (((stage,), True), (tuple({*STAGES} - {stage}), False)):
        model, pair = Checked(9), Pair(stages=stages)
        run = trainer(callbacks=[pair])
        options = {} if stage == "predict" else {"verbose": False}
        getattr(run, stage)(model, data(), **options)
        found = torch.cat(model.outputs).softmax(-1)
        assert torch.allclose(found, mean(images(10)[0]), atol=1e-6) == is_averaged
        assert bool(pair.curve) == (is_averaged and stage != "predict")


def test_validation_in_a_fit_is_that_of_the_weights_being_trained() -> None:
    model, pair = Checked(9, lr=0.0), Pair()
    trainer(max_epochs=1, callbacks=[pair]).fit(model, data(), data())
    assert not any(torch.allclose(out.softmax(-1), mean(images(10)[0])[: len(out)], atol=1e-3) for out in model.outputs)
    assert pair.curve == ()


@pytest.mark.usefixtures("logs_of_lightning")
def test_memory_and_place_are_said_in_a_line(caplog: pytest.LogCaptureFixture) -> None:
    trainer(callbacks=[Pair(curve=False)]).test(Scored(9), data(), verbose=False)
    assert lines(caplog, "Pair") == ["Pair: 2 members, 0.0 MB on cpu."]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_another_average_is_part_of_every_member_in_any_order(order: tuple[int, int]) -> None:
    model, pair = Scored(9), Pair()
    callbacks: list[AveragedPrediction] = [Flip("Flip"), pair]
    trainer(callbacks=[callbacks[i] for i in order]).test(model, data(), verbose=False)
    inputs = images(10)[0]
    both = (mean(inputs) + mean(inputs.flip(-1))) / 2
    assert_close(torch.cat(model.outputs).softmax(-1), both, atol=1e-6, rtol=1e-5)
    accuracy = (both.argmax(-1) == images(10)[1]).float().mean().item()
    assert pair.curve[-1].accuracy == pytest.approx(accuracy)


def test_two_ensembles_are_refused() -> None:
    with pytest.raises(ValueError, match="Pair") as caught:
        trainer(callbacks=[Pair(), Pair()]).test(Scored(9), data(), verbose=False)
    assert str(caught.value) == (
        "Pair: the callback must be the only ensemble at test, got 'Pair'. "
        "List the files of all members in one EnsembleCheckpoints."
    )
    trainer(callbacks=[Pair(stages=("validate",)), Pair(stages=("test",))]).test(Scored(9), data(), verbose=False)


def test_several_labels_have_a_mean_and_no_curve() -> None:
    with pytest.raises(ValueError, match="Pair") as caught:
        Pair(readout=Readout(activation="sigmoid"))
    assert str(caught.value) == (
        "Pair: curve must be False with activation 'sigmoid', got True. "
        "It counts right answers, which only a softmax has."
    )
    model, pair = Scored(9), Pair(readout=Readout(activation="sigmoid"), curve=False)
    trainer(callbacks=[pair]).test(model, data(), verbose=False)
    with torch.no_grad():
        means = torch.stack([Scored(seed).eval().net(images(10)[0]).sigmoid() for seed in (1, 2)]).mean(0)
    assert_close(torch.cat(model.outputs).sigmoid(), means, atol=1e-6, rtol=1e-5)
    assert pair.curve == ()


def test_names_that_are_unusual() -> None:
    class Species(Scored):
        def test_step(self, batch: Any, batch_idx: int) -> None:
            self._evaluate((batch["scan"],))

    inputs, targets = images(4)
    batches = torch.utils.data.DataLoader(
        Items([{"scan": scan, "species": target, "weight": 1.0} for scan, target in zip(inputs, targets, strict=True)])
    )
    pair, model = Pair(readout=Readout(inputs_key="scan", targets_key="species", predictor="net")), Species(9)
    trainer(callbacks=[pair]).test(model, batches, verbose=False)
    assert_close(torch.cat(model.outputs).softmax(-1), mean(inputs), atol=1e-6, rtol=1e-5)
    assert len(pair.curve) == 2


def test_several_loaders_have_a_curve_each() -> None:
    class Two(Scored):
        def test_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
            self._evaluate(batch)

    pair = Pair()
    trainer(callbacks=[pair]).test(Two(9), [data(4), data(10)], verbose=False)
    alone = Pair()
    trainer(callbacks=[alone]).test(Scored(9), data(10), verbose=False)
    assert pair.curves[1] == alone.curve
    assert pair.curves[0] == pair.curve != alone.curve


def test_after_an_exception_the_module_has_its_weights_and_the_next_call_is_clean() -> None:
    class Fails(Scored):
        def _evaluate(self, batch: Any) -> Tensor:
            super()._evaluate(batch)
            raise OSError("on fire")

    model, pair = Fails(9), Pair(stages=("test",))
    run = trainer(callbacks=[pair])
    with pytest.raises(OSError, match="on fire"):
        run.test(model, data(), verbose=False)
    assert torch.equal(model.net[1].weight, Scored(9).net[1].weight)
    healthy = Checked(9)
    run.validate(healthy, data(), verbose=False)
    assert pair.curve == ()
    assert not torch.allclose(torch.cat(healthy.outputs).softmax(-1), mean(images(10)[0]), atol=1e-3)


def test_it_works_in_the_other_distributions_trainer() -> None:
    other = pytest.importorskip("pytorch_lightning")

    class Plain(other.LightningModule):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.net = Scored(9).net
            self.outputs: list[Tensor] = []

        def test_step(self, batch: Any, batch_idx: int) -> None:
            self.outputs.append(self.net(batch[0]))

    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "accelerator": "cpu"}
    model = Plain()
    other.Trainer(callbacks=[Pair()], enable_model_summary=False, **quiet).test(model, data(), verbose=False)
    assert_close(torch.cat(model.outputs).softmax(-1), mean(images(10)[0]), atol=1e-6, rtol=1e-5)
