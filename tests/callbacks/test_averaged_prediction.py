"""The base of test-time averages; what its seam does is tested in tests/_lightning/test_predictor.py."""

import pickle
from typing import Any

import pytest
import torch
from torch import Tensor
from typing_extensions import override

from lightning_regkit._lightning._predictor import Predict
from lightning_regkit.callbacks import _averaged_prediction
from lightning_regkit.callbacks._averaged_prediction import AveragedPrediction
from lightning_regkit.marginalize import Readout, combine, uncertainty
from tests.support import Classifier, Validated, images, loader, trainer


class Once(AveragedPrediction):
    def __init__(self, **options: Any) -> None:
        super().__init__("Once", **options)
        self.shapes: list[tuple[int, ...]] = []

    @override
    def average(self, predict: Predict, inputs: Any) -> Tensor:
        self.shapes.append(tuple(inputs.shape))
        return predict(inputs)


def test_it_is_abstract() -> None:
    with pytest.raises(TypeError, match="abstract"):
        AveragedPrediction("Once")  # type: ignore[abstract]


def test_the_test_stage_is_the_default() -> None:
    assert Once().stages == ("test",)


@pytest.mark.parametrize("stages", [("fit",), "test", ("test", "sanity")])
def test_unknown_stages_are_refused(stages: object) -> None:
    with pytest.raises(ValueError, match="Once: stages must be one of predict, test, validate, got"):
        Once(stages=stages)


def test_one_average_a_batch_at_test() -> None:
    once = Once()
    run = trainer(max_epochs=1, callbacks=[once])
    model = Classifier()
    run.fit(model, loader())
    assert once.shapes == []
    run.test(model, loader(), verbose=False)
    assert once.shapes == [(2, 1, 4, 4)] * 5
    run.predict(model, loader())
    assert len(once.shapes) == 5, "another stage"


class Softmaxed(Classifier):
    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs).softmax(-1)


def test_probabilities_are_refused() -> None:
    model = Softmaxed()
    with pytest.raises(ValueError, match="Once") as caught:
        trainer(callbacks=[Once()]).test(model, loader(), verbose=False)
    assert str(caught.value) == (
        "Once: scores must be logits; these are in [0, 1] and sum to 1 over the classes, got [1.0, 1.0]. "
        "Return what goes into softmax, or pass readout=Readout(activation='none')."
    )
    trainer(callbacks=[Once(readout=Readout(activation="none"))]).test(model, loader(), verbose=False)


class Single(Classifier):
    """One score an example: a binary classifier, or a regression."""

    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs)[:, :1]


@pytest.mark.parametrize("stage", ["test", "predict"])
def test_one_score_of_an_example_is_refused_under_a_softmax_which_makes_it_0(stage: str) -> None:
    model, quiet = Single(), {} if stage == "predict" else {"verbose": False}
    with pytest.raises(ValueError, match=r"^Once: scores must be of two classes or more \(B, K\), got \(2, 1\)\. Pass"):
        getattr(trainer(callbacks=[Once(stages=(stage,))]), stage)(model, loader(), **quiet)
    for activation in ("sigmoid", "none"):
        model.outputs = []
        averaged = Once(stages=(stage,), readout=Readout(activation=activation))
        getattr(trainer(callbacks=[averaged]), stage)(model, loader(), **quiet)
        with torch.no_grad():
            torch.testing.assert_close(torch.cat(model.outputs), model.net(images(10)[0])[:, :1])


def test_they_are_looked_for_in_the_first_batch_only(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[Any] = []
    monkeypatch.setattr(_averaged_prediction, "refuse_probabilities", lambda *given: looked.append(given))
    once = Once(stages=("test", "validate"))
    run = trainer(callbacks=[once])
    run.test(Validated(), loader(), verbose=False)
    assert len(looked) == 1
    run.validate(Validated(), loader(), verbose=False)
    assert len(looked) == 2


class Views(Once):
    level = 1

    @override
    def average(self, predict: Predict, inputs: Any) -> Tensor:
        return self.mean([predict(inputs), predict(inputs.flip(-1))], [1, 3])


def test_the_mean_is_that_of_the_readout() -> None:
    for space in ("probs", "logits"):
        model = Classifier()
        trainer(callbacks=[Views(readout=Readout(space=space))]).test(model, loader(), verbose=False)
        inputs = images(10)[0]
        with torch.no_grad():
            pair = model.net(inputs), model.net(inputs.flip(-1))
        torch.testing.assert_close(torch.cat(model.outputs), combine(pair, weights=[1, 3], space=space))


def test_uncertainty_of_each_sample_after_predict() -> None:
    model, views = Classifier(), Views(stages=("predict", "test"))
    run = trainer(callbacks=[views])
    run.predict(model, loader())
    inputs = images(10)[0]
    with torch.no_grad():
        expected = uncertainty([model.net(inputs), model.net(inputs.flip(-1))], weights=[1, 3])
    assert views.uncertainty is not None
    torch.testing.assert_close(views.uncertainty.mutual_information, expected.mutual_information)
    torch.testing.assert_close(views.uncertainty.scores, torch.cat(model.outputs))
    run.test(model, loader(), verbose=False)
    assert views.uncertainty is None, "of the last evaluation"


def test_inside_another_average_the_outer_one_is_uncertain() -> None:
    class Outer(Views):
        level = 2

    inner, outer = Views(stages=("predict",)), Outer(stages=("predict",))
    trainer(callbacks=[outer, inner]).predict(Classifier(), loader())
    assert outer.uncertainty is not None
    assert inner.uncertainty is None


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_averages_of_two_kinds_are_refused(order: tuple[int, int]) -> None:
    both = [Views(readout=Readout(space="logits")), Views()]
    with pytest.raises(ValueError, match="Once") as caught:
        trainer(callbacks=[both[i] for i in order]).test(Classifier(), loader(), verbose=False)
    kinds = ["'softmax' and 'logits'", "'softmax' and 'probs'"]
    own, other = (kinds[i] for i in order)
    assert str(caught.value) == (
        f"Once: readout must have the activation and space of Views, {other}, got {own!r}. "
        "A mean of means is the mean of all only if both are of one kind."
    )
    stages = [Views(readout=Readout(space="logits")), Views(stages=("predict",))]
    trainer(callbacks=list(stages)).test(Classifier(), loader(), verbose=False)


def test_a_readout_is_no_text() -> None:
    with pytest.raises(TypeError, match="Once") as caught:
        Once(readout="x")
    assert str(caught.value) == (
        "Once: readout must be a Readout of lightning_regkit.marginalize, got 'x'. "
        'Write Readout(activation="sigmoid").'
    )


def test_it_pickles_for_spawn() -> None:
    assert pickle.loads(pickle.dumps(Once())).stages == ("test",)
