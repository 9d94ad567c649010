"""The predictor seam in real evaluations: every shape of module, nested averages, and what is left behind."""

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import EMAWeightAveraging
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader
from typing_extensions import override

from lightning_regkit.callbacks._averaged_prediction import AveragedPrediction
from lightning_regkit.errors import NotAveragedError
from lightning_regkit.marginalize import Readout
from tests.support import NUM_CLASSES, SIDE_PX, Classifier, Items, Validated, images, loader, trainer


class Scales(AveragedPrediction):
    """Averages over inputs times some factors, two views in one call."""

    def __init__(self, factors: tuple[float, ...] = (1.0, 3.0), **options: Any) -> None:
        super().__init__("Scales", **options)
        self.factors = factors
        self.calls = 0

    @override
    def average(self, predict: Callable[[Tensor], Tensor], inputs: Any) -> Tensor:
        self.calls += 1
        views = predict(torch.cat([factor * inputs for factor in self.factors]))
        return views.reshape(len(self.factors), len(inputs), -1).mean(dim=0)


class CallsForward(Classifier):
    def _evaluate(self, batch: Any) -> Tensor:
        self.outputs.append(self.forward(batch[0]))
        return self.outputs[-1]


class CallsChild(Classifier):
    def _evaluate(self, batch: Any) -> Tensor:
        self.outputs.append(self.net(batch[0]))
        return self.outputs[-1]


class CallsByKeyword(Classifier):
    def forward(self, pixel_values: Tensor) -> Tensor:
        return self.net(pixel_values)

    def _evaluate(self, batch: Any) -> Tensor:
        self.outputs.append(self(pixel_values=batch[0]))
        return self.outputs[-1]


class Outputs(NamedTuple):
    scores: Tensor
    inputs: Tensor


class ReturnsTuple(Classifier):
    def forward(self, inputs: Tensor) -> Any:
        return Outputs(self.net(inputs), inputs)

    def _evaluate(self, batch: Any) -> Tensor:
        scores, view = self(batch[0])
        assert view is None
        self.outputs.append(scores)
        return scores


class ReturnsDict(Classifier):
    def forward(self, inputs: Tensor) -> Any:
        return {"scores": self.net(inputs)}

    def _evaluate(self, batch: Any) -> Tensor:
        self.outputs.append(self(batch[0])["scores"])
        return self.outputs[-1]


class TwoStages(Classifier):
    """Calls neither itself nor one child that holds everything."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone, self.head = nn.Conv2d(1, 2, SIDE_PX), nn.Linear(2, NUM_CLASSES)
        del self.net

    def _evaluate(self, batch: Any) -> Tensor:
        self.outputs.append(self.head(self.backbone(batch[0]).flatten(1)))
        return self.outputs[-1]


class Functional(Classifier):
    def _evaluate(self, batch: Any) -> Tensor:
        return functional.linear(batch[0].flatten(1), self.net[1].weight)


def expected(model: Classifier, factor: float = 2.0) -> Tensor:
    """Return the average over factors 1 and 3 of a network that is affine in its inputs."""
    with torch.no_grad():
        return model.net(factor * images(10)[0])


@pytest.mark.parametrize("shape", [Classifier, CallsForward, CallsChild, CallsByKeyword, ReturnsTuple, ReturnsDict])
def test_every_shape_of_module_is_averaged(shape: type[Classifier]) -> None:
    model = shape()
    before = vars(model).keys() - {"outputs"}, dict(vars(model.net))
    scales = Scales(readout=Readout(logits_key="scores", activation="none"))
    trainer(callbacks=[scales]).test(model, loader(), verbose=False)
    torch.testing.assert_close(torch.cat(model.outputs), expected(model))
    assert scales.calls == 5, "one average a batch, inner calls pass through"
    assert "forward" not in vars(model)
    assert before[1] == dict(vars(model.net))


@pytest.mark.parametrize("stage", ["validate", "test", "predict"])
def test_stages(stage: str) -> None:
    for stages, is_averaged in (((stage,), True), (tuple({"validate", "test", "predict"} - {stage}), False)):
        model, scales = Validated(), Scales(stages=stages)
        run = trainer(callbacks=[scales])
        if stage == "predict":
            run.predict(model, loader())
        else:
            getattr(run, stage)(model, loader(), verbose=False)
        torch.testing.assert_close(torch.cat(model.outputs), expected(model, 2.0 if is_averaged else 1.0))


def test_training_is_never_averaged_and_validation_in_fit_is_when_asked() -> None:
    class Counting(Validated):
        widths: list[int]

        def forward(self, inputs: Tensor) -> Tensor:
            self.widths.append(len(inputs))
            return super().forward(inputs)

    model, scales = Counting(), Scales(stages=("validate",))
    model.widths = []
    trainer(max_epochs=1, num_sanity_val_steps=1, callbacks=[scales]).fit(model, loader(), loader())
    assert model.widths == [4] + [2] * 5 + [4] * 5
    assert scales.calls == 6


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_nested_averages_agree_in_any_order(order: tuple[int, int]) -> None:
    model = Classifier()
    both = [Scales((1.0, 3.0)), Scales((1.0, 4.0, 4.0))]
    trainer(callbacks=[both[i] for i in order]).test(model, loader(), verbose=False)
    torch.testing.assert_close(torch.cat(model.outputs), expected(model, 2.0 * 3.0))
    assert "forward" not in {**vars(model), **vars(model.net)}


class Outer(Scales):
    level = 1


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_levels_decide_what_is_inside(order: tuple[int, int]) -> None:
    outermost = []

    class Sees(Outer):
        @override
        def average(self, predict: Callable[[Tensor], Tensor], inputs: Any) -> Tensor:
            outermost.append(self._seam.is_outermost)
            return super().average(predict, inputs)

    inner, outer = Scales(), Sees((1.0, 4.0, 4.0))
    model, both = Classifier(), [inner, outer]
    trainer(callbacks=[both[i] for i in order]).test(model, loader(), verbose=False)
    torch.testing.assert_close(torch.cat(model.outputs), expected(model, 2.0 * 3.0))
    assert (outer.calls, inner.calls) == (5, 5)
    assert outermost == [True] * 5
    assert not inner._seam.is_outermost


def test_a_list_of_images_of_unequal_size() -> None:
    class Unequal(Classifier):
        def forward(self, inputs: Any) -> Tensor:
            return self.net(torch.stack([image[:, :SIDE_PX, :SIDE_PX] for image in inputs]))

    class Doubled(Scales):
        @override
        def average(self, predict: Callable[[Any], Tensor], inputs: Any) -> Tensor:
            self.calls += 1
            return predict([2 * image for image in inputs])

    pixels = images(10)[0]
    batch = [functional.pad(image, (0, index)) for index, image in enumerate(pixels)]
    model, doubled = Unequal(), Doubled()
    items = Items([(batch, torch.zeros(10))])
    trainer(callbacks=[doubled]).test(model, DataLoader(items, batch_size=None), verbose=False)
    torch.testing.assert_close(torch.cat(model.outputs), expected(model))
    assert doubled.calls == 1


def test_an_average_that_was_not_taken_is_refused() -> None:
    model = TwoStages()
    with pytest.raises(NotAveragedError) as caught:
        trainer(callbacks=[Scales()]).test(model, loader(), verbose=False)
    assert str(caught.value) == (
        "Scales: the evaluation step must call its predictor on the batch's inputs, got no call of self(inputs) or of "
        "a child that holds all parameters. Pass readout=Readout(predictor=) with the name of the submodule that maps "
        "inputs to logits (children: backbone, head)."
    )
    assert "forward" not in vars(model), "undone after an exception"

    with pytest.raises(NotAveragedError, match="children: net"):
        trainer(callbacks=[Scales()]).test(Functional(), loader(), verbose=False)


def test_predictor_names_the_submodule() -> None:
    model = CallsChild()
    model.extra = nn.Linear(1, 1)  # now no child holds all parameters
    with pytest.raises(NotAveragedError):
        trainer(callbacks=[Scales()]).test(model, loader(), verbose=False)
    model.outputs = []
    trainer(callbacks=[Scales(readout=Readout(predictor="net"))]).test(model, loader(), verbose=False)
    torch.testing.assert_close(torch.cat(model.outputs), expected(model))


def test_an_unknown_predictor_is_refused() -> None:
    with pytest.raises(ValueError, match="predictor") as caught:
        trainer(callbacks=[Scales(readout=Readout(predictor="head"))]).test(Classifier(), loader(), verbose=False)
    assert str(caught.value) == ("Scales: predictor must name a submodule, got 'head'. Submodules: net, net.0, net.1.")


def test_an_exception_in_the_middle_leaves_no_trace() -> None:
    class Breaks(Classifier):
        def test_step(self, batch: Any, batch_idx: int) -> None:
            self(batch[0])
            raise RuntimeError("in the middle")

    model = Breaks()
    with pytest.raises(RuntimeError, match="in the middle"):
        trainer(callbacks=[Scales(), Scales()]).test(model, loader(), verbose=False)
    assert "forward" not in {**vars(model), **vars(model.net)}
    torch.testing.assert_close(model(images(10)[0]), expected(model, 1.0))


def test_an_exception_inside_an_average_closes_it() -> None:
    class Fails(Scales):
        @override
        def average(self, predict: Callable[[Tensor], Tensor], inputs: Any) -> Tensor:
            raise RuntimeError("no average")

    with pytest.raises(RuntimeError, match="no average"):
        trainer(callbacks=[Fails()]).test(Classifier(), loader(), verbose=False)
    model = Classifier()
    trainer(callbacks=[Scales()]).test(model, loader(), verbose=False)
    torch.testing.assert_close(torch.cat(model.outputs), expected(model))


def test_copies_pickles_and_checkpoints_while_attached(tmp_path: Path) -> None:
    class Probes(Classifier):
        def test_step(self, batch: Any, batch_idx: int) -> None:
            self._evaluate(batch)
            for twin in (copy.deepcopy(self), pickle.loads(pickle.dumps(self))):
                torch.testing.assert_close(twin(batch[0]), self.net[1](batch[0].flatten(1)))
                with torch.no_grad():
                    twin.net[1].weight.zero_()
                assert not torch.equal(self.net[1].weight, twin.net[1].weight), "a copy owns its weights"
                torch.testing.assert_close(twin(batch[0]), twin.net[1].bias.expand(len(batch[0]), -1))
            self.trainer.save_checkpoint(tmp_path / "wrapped.ckpt")

    globals()["Probes"] = Probes  # pickle finds classes by name
    Probes.__qualname__ = "Probes"
    model = Probes()
    trainer(callbacks=[Scales()]).test(model, loader(), verbose=False)
    torch.testing.assert_close(torch.cat(model.outputs), expected(model))
    state = torch.load(tmp_path / "wrapped.ckpt", weights_only=True)["state_dict"]
    assert set(state) == set(model.state_dict())


# torch 2.6 warns where it splits the graph: at the test's own list of outputs.
@pytest.mark.filterwarnings("ignore:Graph break due to unsupported builtin:UserWarning")
@pytest.mark.parametrize("kind", ["child", "child in place", "module"])
def test_compiled_modules(kind: str) -> None:
    model = CallsChild()
    plain = model.net
    given: Any = model
    if kind == "child":
        model.net = torch.compile(model.net, backend="eager")
    elif kind == "child in place":
        model.net.compile(backend="eager")
    else:
        given = torch.compile(model, backend="eager")
        given.forward  # noqa: B018  # Lightning moves compiled methods into the module's dict
    entries = dict(vars(model.net))
    trainer(callbacks=[Scales()]).test(given, loader(), verbose=False)
    with torch.no_grad():
        torch.testing.assert_close(torch.cat(model.outputs), plain(2 * images(10)[0]))
    assert dict(vars(model.net)) == entries
    assert ("forward" in vars(model)) == (kind == "module"), "Lightning's own compiled forward stays"


def test_with_averaged_weights() -> None:
    model, scales = Validated(), Scales(stages=("validate", "test"))
    run = trainer(max_epochs=2, callbacks=[EMAWeightAveraging(decay=0.5), scales])
    run.fit(model, loader(), loader())
    model.outputs = []
    run.test(model, loader(), verbose=False)
    torch.testing.assert_close(torch.cat(model.outputs), expected(model))


def test_a_batch_that_is_only_a_tensor() -> None:
    class Bare(Classifier):
        def predict_step(self, batch: Any, batch_idx: int) -> Tensor:
            return self(batch)

    model = Bare()
    run = trainer(callbacks=[Scales(stages=("predict",))])
    [logits] = run.predict(model, DataLoader(Items([images(10)[0]]), batch_size=None)) or []
    assert isinstance(logits, Tensor)
    torch.testing.assert_close(logits, expected(model))


def test_calls_on_something_else_pass_through() -> None:
    class Normalizes(Classifier):
        def test_step(self, batch: Any, batch_idx: int) -> None:
            self.outputs.append(self(batch[0][:1]))  # another number of images
            self.outputs.append(self(batch[0]))

    model, scales = Normalizes(), Scales()
    trainer(callbacks=[scales], limit_test_batches=1).test(model, loader(), verbose=False)
    torch.testing.assert_close(model.outputs[0], expected(model, 1.0)[:1])
    torch.testing.assert_close(model.outputs[1], expected(model)[:2])
    assert scales.calls == 1


def test_it_rests_while_its_callback_is_not_listed() -> None:
    class Unlists(pl.Callback):
        @override
        def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
            trainer.callbacks.remove(scales)  # type: ignore[attr-defined]

    scales, model = Scales(), Classifier()
    trainer(callbacks=[scales, Unlists()]).test(model, loader(), verbose=False)
    torch.testing.assert_close(torch.cat(model.outputs), expected(model, 1.0))
