"""What callbacks that mix share: how often, how long, how strongly, what labels become, and what is overwritten."""

import math
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Callback, GradientAccumulationScheduler
from torch.utils.data import DataLoader, IterableDataset

from lightning_regkit.callbacks import CutMix, Mixup
from lightning_regkit.callbacks._mixing import Mixing
from lightning_regkit.errors import UnknownTotalError
from lightning_regkit.mixing import MixedTarget
from lightning_regkit.schedules import Constant, Linear, Milestones, Scaled
from tests.callbacks.mixed import BATCH_SIZE, Soft, equal_batches, fit, is_mixed, is_soft
from tests.support import Classifier, Items, images, trainer

Make = Callable[..., Mixing]
EACH = pytest.mark.parametrize("make", [Mixup, CutMix])


@pytest.fixture(autouse=True)
def _seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PL_GLOBAL_SEED", "7")


class Endless(IterableDataset[Any]):
    def __iter__(self) -> Iterator[Any]:
        yield from zip(*images(20), strict=True)


class StopsAt(Callback):
    def __init__(self, batch: int) -> None:
        self.batch = batch

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        trainer.should_stop = batch_idx == self.batch


def test_it_is_abstract() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Mixing(1.0, Mixup().options)  # type: ignore[abstract]


@EACH
@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"per": "pair"}, ValueError, "per must be one of batch, sample, got 'pair'."),
        ({"probability": 0.0}, ValueError, "probability must be above 0, got 0.0. To do nothing, leave {} out."),
        ({"probability": 1.5}, ValueError, "probability must be a number in [0, 1], got 1.5."),
        ({"probability": None}, TypeError, "probability must be a number in [0, 1], got None."),
        (
            {"until": "90%"},
            ValueError,
            "until must be a duration such as '5ep', '500step' or '0.1run', got '90%'.",
        ),
        ({"until": "1.5run"}, ValueError, "until must be a share of the run in [0, 1], got '1.5run'."),
        ({"until": 0.9}, TypeError, "until must be a duration such as '5ep', '500step' or '0.1run', got 0.9."),
        ({"targets": "soft"}, ValueError, "targets must be one of labels, probabilities, got 'soft'."),
        (
            {"targets": "probabilities"},
            ValueError,
            "num_classes must be given with targets='probabilities', got None. "
            "Pass the number of classes that the loss expects.",
        ),
        (
            {"label_smoothing": 0.1},
            ValueError,
            "label_smoothing must be 0 with targets='labels', got 0.1. "
            "Let the loss smooth: nn.CrossEntropyLoss(label_smoothing=...).",
        ),
    ],
)
def test_bad_arguments(make: Make, arguments: dict[str, Any], error: type[Exception], text: str) -> None:
    name = make.__name__
    with pytest.raises(error, match=f"^{re.escape(f'{name}: {text.format(name)}')}$"):
        make(**arguments)


@EACH
def test_probability_is_the_share_of_the_batches(make: Make) -> None:
    found = is_mixed(fit(make(probability=0.3), batches=200))
    assert sum(found) / len(found) == pytest.approx(0.3, abs=4 * math.sqrt(0.3 * 0.7 / 200))


@EACH
def test_a_certain_draw_is_that_of_no_probability(make: Make) -> None:
    first, second = (fit(make(**arguments)) for arguments in ({}, {"probability": 1.0}))
    for one, other in zip(first.seen, second.seen, strict=True):
        assert torch.equal(one[0], other[0])


# 6 batches an epoch: where mixing ends, how the run is bounded and accumulated -> batches mixed.
SPANS: list[tuple[Any, dict[str, Any], int]] = [
    ("0.5run", {"max_epochs": 2}, 6),
    ("0.75run", {"max_epochs": 2}, 9),
    ("1.5ep", {"max_epochs": 2}, 9),
    ("4step", {"max_epochs": 2}, 4),
    (4, {"max_epochs": 2}, 4),
    ("0step", {"max_epochs": 2}, 0),
    ("1run", {"max_epochs": 2}, 12),
    ("9step", {"max_epochs": 1}, 6),
    ("0.5run", {"max_steps": 4}, 2),
    ("4step", {"max_epochs": 2, "accumulate_grad_batches": 2}, 8),
    ("0.5run", {"max_epochs": 2, "accumulate_grad_batches": 4}, 6),
    ("0.75run", {"max_epochs": 2, "accumulate_grad_batches": 4}, 10),
    ("7step", {"max_epochs": 2, "callbacks": [GradientAccumulationScheduler({1: 3})]}, 9),
]


@EACH
@pytest.mark.parametrize(("until", "options", "count"), SPANS)
def test_it_ends_at_an_optimizer_step(make: Make, until: Any, options: dict[str, Any], count: int) -> None:
    options = dict(options)
    found = is_mixed(fit(make(until=until), *options.pop("callbacks", []), **options))
    assert found == [index < count for index in range(len(found))]
    assert len(found) >= count


@EACH
@pytest.mark.parametrize("arguments", [{"until": "0.9run"}, {"alpha": Linear()}], ids=str)
def test_a_run_without_an_end_is_refused(make: Make, arguments: dict[str, Any]) -> None:
    run = trainer(max_epochs=-1, callbacks=[make(**arguments), StopsAt(3)])
    with pytest.raises(UnknownTotalError, match="known"):
        run.fit(Classifier(), DataLoader(Endless(), batch_size=2))


@EACH
@pytest.mark.parametrize("arguments", [{}, {"until": "3step"}, {"alpha": Constant()}], ids=str)
def test_what_needs_no_length_asks_for_none(make: Make, arguments: dict[str, Any]) -> None:
    model, noise = Classifier(), make(**arguments)
    trainer(max_epochs=-1, callbacks=[noise, StopsAt(4)]).fit(model, DataLoader(Endless(), batch_size=2))
    assert [isinstance(targets, MixedTarget) for _, targets in model.seen[:5]] == [
        "until" not in arguments or batch < 3 for batch in range(5)
    ]


@EACH
def test_without_until_and_spec_nothing_is_attached(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lightning_regkit._lightning.Progress.attach", lambda *_: pytest.fail("attached"))
    fit(make())


@EACH
def test_the_trainer_is_let_go(make: Make) -> None:
    noise = make(until="0.5run")
    fit(noise)
    assert vars(noise._progress)["_trainer"] is None


@EACH
def test_alpha_may_follow_a_schedule(make: Make) -> None:
    driven, before, after = (fit(make(alpha)) for alpha in (Milestones(["3step"], gamma=0.3), 1.0, 0.3))
    for index, (inputs, _) in enumerate(driven.seen):
        assert torch.equal(inputs, (before if index < 3 else after).seen[index][0])
    assert not torch.equal(before.seen[0][0], after.seen[0][0])
    assert not torch.equal(before.seen[5][0], after.seen[5][0])


@EACH
def test_a_constant_spec_is_its_value(make: Make) -> None:
    by_spec, by_value = fit(make(Scaled(Constant(), 0.4))), fit(make(0.4))
    for one, other in zip(by_spec.seen, by_value.seen, strict=True):
        assert torch.equal(one[0], other[0])


@EACH
def test_below_the_least_alpha_nothing_is_mixed(make: Make) -> None:
    # Linear over 6 steps: 1, 5/6, ..., 1/6; x0.04 gives 0.04, 0.033, 0.027, 0.02, 0.013, 0.0067.
    assert is_mixed(fit(make(Scaled(Linear(), 0.04)))) == [True] * 5 + [False]


@EACH
@pytest.mark.parametrize("arguments", [{}, {"until": "3step"}, {"alpha": Milestones(["3step"], gamma=0.001)}], ids=str)
def test_probabilities_in_every_batch_mixed_or_not(make: Make, arguments: dict[str, Any]) -> None:
    noise = make(targets="probabilities", num_classes=3, **arguments)
    found = is_soft(fit(noise, model=Soft()))
    assert found[3:] == [False] * 3 if arguments else any(found[3:])
    assert any(found[:3])


@EACH
def test_probabilities_are_the_mixture_of_the_labels(make: Make) -> None:
    soft, hard = fit(make(targets="probabilities", num_classes=3), model=Soft()), fit(make())
    for (inputs, probs), (same, labels) in zip(soft.seen, hard.seen, strict=True):
        assert torch.equal(inputs, same)
        expected = torch.zeros(BATCH_SIZE, 3)
        for weights, parents in zip(labels.weights, labels.labels, strict=True):
            for row, (weight, label) in enumerate(zip(weights.tolist(), parents.tolist(), strict=True)):
                expected[row, label] += weight
        torch.testing.assert_close(probs, expected)


@EACH
def test_smoothed_probabilities(make: Make) -> None:
    plain, smooth = (
        fit(make(targets="probabilities", num_classes=3, label_smoothing=share), model=Soft()) for share in (0.0, 0.3)
    )
    for (_, one), (_, other) in zip(plain.seen, smooth.seen, strict=True):
        torch.testing.assert_close(other, 0.7 * one + 0.1)


@EACH
def test_smoothing_in_the_loss_too_is_warned_of_once(make: Make) -> None:
    class Smooths(Soft):
        def __init__(self) -> None:
            super().__init__()
            self.loss = torch.nn.CrossEntropyLoss(label_smoothing=0.1)

    noise = make(targets="probabilities", num_classes=3, label_smoothing=0.1)
    with pytest.warns(UserWarning, match=r"Together they smooth by 0\.19\.$") as caught:
        fit(noise, model=Smooths(), max_epochs=2)
    assert len([warning for warning in caught if "smooth" in str(warning.message)]) == 1


@EACH
@pytest.mark.parametrize("inplace", [False, True])
def test_only_on_demand_is_the_data_set_overwritten(make: Make, inplace: bool) -> None:
    inputs, labels = images(BATCH_SIZE)
    held = inputs.clone()
    data: DataLoader[Any] = DataLoader(Items([[held, labels]]), batch_size=None)
    model = Classifier()
    trainer(max_epochs=1, callbacks=[make(inplace=inplace)]).fit(model, data)
    assert torch.equal(held, inputs) == (not inplace)
    assert (model.seen[0][0] is held) == inplace
    torch.testing.assert_close(model.seen[0][0], fit(make()).seen[0][0])


@EACH
def test_each_example_may_have_a_lam_of_its_own(make: Make) -> None:
    for per, least in (("batch", 1), ("sample", 3)):
        counts = [len(set(targets.weights[0].tolist())) for _, targets in fit(make(1.0, per=per)).seen]
        assert max(counts) >= least
        assert (max(counts) == 1) == (per == "batch")


@EACH
def test_micro_batches_differ(make: Make) -> None:
    model = fit(make(), accumulate_grad_batches=3)
    assert len({tuple(inputs.flatten().tolist()) for inputs, _ in model.seen}) == 6


@EACH
def test_manual_keys(make: Make) -> None:
    class Named(Classifier):
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            return super().training_step((batch["view"]["left"], batch["kind"]), batch_idx)

    inputs, labels = images(BATCH_SIZE)
    data: DataLoader[Any] = DataLoader(Items([{"view": {"left": inputs}, "kind": labels}]), batch_size=None)
    model = Named()
    trainer(max_epochs=1, callbacks=[make(inputs_key="view.left", targets_key="kind")]).fit(model, data)
    assert not torch.equal(model.seen[0][0], inputs)


def test_equal_batches_are_equal() -> None:
    first, second = equal_batches(2)
    assert torch.equal(first[0], second[0])
