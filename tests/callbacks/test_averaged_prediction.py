"""The base of test-time averages; what its seam does is tested in tests/_lightning/test_predictor.py."""

import pickle
from typing import Any

import pytest
from torch import Tensor
from typing_extensions import override

from lightning_regkit._lightning import Keys
from lightning_regkit._lightning._predictor import Predict
from lightning_regkit.callbacks._averaged_prediction import AveragedPrediction
from tests.support import Classifier, loader, trainer


class Once(AveragedPrediction):
    def __init__(self, **options: Any) -> None:
        super().__init__(Keys("Once", needs_targets=False), **options)
        self.shapes: list[tuple[int, ...]] = []

    @override
    def average(self, predict: Predict, inputs: Tensor) -> Tensor:
        self.shapes.append(tuple(inputs.shape))
        return predict(inputs)


def test_it_is_abstract() -> None:
    with pytest.raises(TypeError, match="abstract"):
        AveragedPrediction(Keys("Once"))  # type: ignore[abstract]


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


def test_it_pickles_for_spawn() -> None:
    assert pickle.loads(pickle.dumps(Once())).stages == ("test",)
