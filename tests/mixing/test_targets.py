import copy
import io
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score

from lightning_regkit.mixing import CrossEntropyOptions, MixedTarget, mixed_cross_entropy

LABELS = torch.tensor([[0, 1, 2, 3], [1, 1, 0, 2]])
WEIGHTS = torch.tensor([[0.7, 0.7, 0.4, 0.5], [0.3, 0.3, 0.6, 0.5]])
DOMINANT = torch.tensor([0, 1, 0, 3])


def target() -> MixedTarget:
    return MixedTarget(LABELS.clone(), WEIGHTS.clone())


def logits(seed: int = 0) -> Tensor:
    return torch.randn(4, 5, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def test_it_holds_the_mixture_and_looks_like_the_dominant_label() -> None:
    mixed = target()
    assert torch.equal(mixed.labels, LABELS)
    assert torch.equal(mixed.weights, WEIGHTS)
    assert torch.equal(mixed.dominant, DOMINANT)
    assert type(mixed.dominant) is Tensor
    assert isinstance(mixed, Tensor)
    assert (mixed.shape, mixed.dtype, mixed.device, len(mixed)) == ((4,), torch.int64, DOMINANT.device, 4)
    assert mixed.tolist() == DOMINANT.tolist()
    assert np.asarray(mixed).tolist() == DOMINANT.tolist()


def test_a_map_of_labels() -> None:
    labels = torch.randint(5, (2, 4, 3, 2), generator=torch.Generator().manual_seed(0))
    mixed = MixedTarget(labels, WEIGHTS)
    assert mixed.shape == (4, 3, 2)
    assert torch.equal(mixed[0], labels[0, 0])
    assert torch.equal(mixed[2], labels[1, 2])
    scores = torch.randn(4, 5, 3, 2, generator=torch.Generator().manual_seed(0))
    assert torch.equal(F.cross_entropy(scores, mixed), mixed_cross_entropy(scores, labels, WEIGHTS))


@pytest.mark.parametrize(
    ("keywords", "options"),
    [
        ({}, CrossEntropyOptions()),
        (
            {"weight": torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0]), "ignore_index": 1},
            CrossEntropyOptions(torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0]), 1),
        ),
        (
            {"reduction": "none", "label_smoothing": 0.1},
            CrossEntropyOptions(reduction="none", label_smoothing=0.1),
        ),
    ],
)
def test_cross_entropy_sees_the_mixture(keywords: dict[str, Any], options: CrossEntropyOptions) -> None:
    scores = logits()
    expected = mixed_cross_entropy(scores, LABELS, WEIGHTS, options)
    assert torch.equal(F.cross_entropy(scores, target(), **keywords), expected)
    assert torch.equal(F.cross_entropy(input=scores, target=target(), **keywords), expected)
    assert torch.equal(nn.CrossEntropyLoss(**keywords)(scores, target()), expected)
    assert not torch.equal(F.cross_entropy(scores, DOMINANT, **keywords), expected)


def test_cross_entropy_takes_positional_options_as_torch_does() -> None:
    weight = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0])
    expected = mixed_cross_entropy(logits(), LABELS, WEIGHTS, CrossEntropyOptions(weight, 1))
    assert torch.equal(F.cross_entropy(logits(), target(), weight, None, 1), expected)


def test_the_worked_loss_and_its_gradient() -> None:
    scores = logits()
    one_hot = (WEIGHTS[..., None] * F.one_hot(LABELS, 5)).sum(0)
    loss = F.cross_entropy(scores, target())
    reference = -(one_hot * scores.log_softmax(1)).sum(1).mean()
    torch.testing.assert_close(loss, reference)
    torch.testing.assert_close(*(torch.autograd.grad(value, scores)[0] for value in (loss, reference)))


def test_autocast() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        scores = logits() @ torch.eye(5)
        loss = F.cross_entropy(scores, target())
        assert loss.dtype == F.cross_entropy(scores, DOMINANT).dtype
    loss.backward()
    torch.testing.assert_close(loss, F.cross_entropy(scores.float(), target()), rtol=1e-2, atol=0)


@pytest.mark.parametrize("reduction", ["micro", "macro"])
def test_torchmetrics_sees_the_dominant_label(reduction: Any) -> None:
    metric, reference = (MulticlassAccuracy(num_classes=5, average=reduction) for _ in range(2))
    for seed in range(3):
        assert metric(logits(seed), target()) == reference(logits(seed), DOMINANT)
    assert metric.compute() == reference.compute()
    assert metric.compute() > 0


PLAIN: dict[str, Callable[[Any], object]] = {
    "clone": lambda y: y.clone(),
    "data": lambda y: y.data,
    "index": lambda y: y[1:],
    "index of a mask": lambda y: y[torch.tensor([True, False, True, True])],
    "unbind": lambda y: y.unbind()[2],
    "iteration": lambda y: next(iter(y)),
    "equal": lambda y: y == DOMINANT,
    "as the second argument": lambda y: torch.eq(DOMINANT, y),
    "argmax accuracy": lambda y: (logits().argmax(1) == y).float().mean(),
    "cat": lambda y: torch.cat([y, y]),
    "stack of a tuple": lambda y: torch.stack((y, DOMINANT)),
    "keyword": lambda y: torch.add(DOMINANT, other=y),
    "as an index": lambda y: logits().detach()[torch.arange(4), y],
    "gather": lambda y: logits().detach().gather(1, y[:, None]),
    "scatter_": lambda y: torch.zeros(4, 5).scatter_(1, y[:, None], 1.0),
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
    "pickle": lambda y: pickle.loads(pickle.dumps(y)),
    "add": lambda y: y + 1,
    "zeros_like": torch.zeros_like,
    "bits": lambda y: y.view(torch.float64),
    "converted": lambda y: y.float() * 2,
    "comparison after a change of shape": lambda y: y.view(-1, 1) == DOMINANT[:, None],
    "clone after a change of shape": lambda y: y.view(-1, 1).clone(),
    "argmax of one_hot": lambda y: F.one_hot(y, 5).argmax(1),
    "a loss that is not registered": lambda y: F.l1_loss(logits().detach()[:, 0], y.float()),
}


@pytest.mark.parametrize("function", PLAIN.values(), ids=PLAIN)
def test_everything_else_sees_a_plain_tensor_of_dominant_labels(function: Callable[[Any], Any]) -> None:
    mixed = target()
    result, expected = function(mixed), function(DOMINANT)
    assert type(result) is Tensor
    assert torch.equal(result, expected)
    assert not mixed.is_consumed


CARRIED: dict[str, Callable[[Any], Any]] = {
    "view": lambda y: y.view(-1, 1),
    "view_as": lambda y: y.view_as(torch.zeros(2, 2)),
    "reshape": lambda y: torch.reshape(y, (2, 2)),
    "flatten": lambda y: y.view(2, 2).flatten(),
    "unsqueeze": lambda y: y.unsqueeze(1),
    "unsqueeze in front": lambda y: torch.unsqueeze(y, 0),
    "squeeze": lambda y: y.unsqueeze(1).squeeze(1),
    "expand": lambda y: y.unsqueeze(1).expand(-1, 3),
    "expand_as": lambda y: y.expand_as(torch.zeros(3, 4)),
    "repeat": lambda y: y.repeat(2),
    "permute": lambda y: F.one_hot(y.view(2, 2), 5).permute(0, 2, 1),
    "new dimension": lambda y: y[:, None],
    "contiguous": lambda y: y.contiguous(),
    "detach": lambda y: y.detach(),
    "to device": lambda y: y.to("cpu"),
    "to dtype": lambda y: y.to(torch.float16),
    "to like": lambda y: y.to(torch.zeros(1)),
    "cpu": lambda y: y.cpu(),
    "long": lambda y: y.int().long(),
    "float": lambda y: y.float(),
    "double": lambda y: y.double(),
    "half": lambda y: y.half(),
    "type": lambda y: y.type(torch.float32),
    "type_as": lambda y: y.type_as(torch.zeros(1)),
    "one_hot": lambda y: F.one_hot(y, 5),
}


@pytest.mark.parametrize("function", CARRIED.values(), ids=CARRIED)
def test_changes_of_shape_and_dtype_give_a_mixture_again(function: Callable[[Any], Any]) -> None:
    result = function(target())
    assert type(result) is MixedTarget
    assert torch.equal(result.labels, torch.stack([function(labels) for labels in LABELS]))
    assert torch.equal(result, function(DOMINANT))
    assert (result.dtype, result.shape) == (function(DOMINANT).dtype, function(DOMINANT).shape)


def test_what_is_made_from_a_target_is_consumed_for_it() -> None:
    mixed = target()
    coded = F.one_hot(mixed.detach().view(2, 2), 5).float().view(4, 5)
    assert not mixed.is_consumed
    F.binary_cross_entropy_with_logits(logits(), coded)
    assert mixed.is_consumed
    assert coded.is_consumed


def binary_target() -> MixedTarget:
    return MixedTarget(torch.tensor([[0, 1, 1, 0], [1, 1, 0, 0]]), WEIGHTS)


# The same mixture as probabilities of class 1, in which binary cross-entropy is linear.
POSITIVE = torch.tensor([0.3, 1.0, 0.4, 0.0])


@pytest.mark.parametrize(
    "shape",
    [lambda y, x: y.view(-1, 1).type_as(x), lambda y, x: y.unsqueeze(1).float(), lambda y, x: y[:, None].to(x)],
    ids=["view", "unsqueeze", "index"],
)
def test_binary_cross_entropy_on_one_logit(shape: Callable[[Tensor, Tensor], Tensor]) -> None:
    mixed, scores = binary_target(), logits()[:, :1]
    loss = nn.BCEWithLogitsLoss()(scores, shape(mixed, scores))
    torch.testing.assert_close(loss, F.binary_cross_entropy_with_logits(scores, POSITIVE[:, None]))
    assert mixed.is_consumed
    probs = scores.sigmoid()
    torch.testing.assert_close(nn.BCELoss()(probs, shape(mixed, probs)), loss)


def test_binary_cross_entropy_of_several_classes() -> None:
    probs = (WEIGHTS[..., None] * F.one_hot(LABELS, 5)).sum(0)
    options: dict[str, Any] = {"weight": torch.rand(4, 5), "pos_weight": torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0])}
    loss = F.binary_cross_entropy_with_logits(logits(), F.one_hot(target(), 5).float(), **options)
    torch.testing.assert_close(loss, F.binary_cross_entropy_with_logits(logits(), probs, **options))


def test_squares_of_one_hot_labels() -> None:
    mixed, scores = target(), logits()
    loss = nn.MSELoss()(scores, F.one_hot(mixed, 5).float())
    losses = [((scores - F.one_hot(labels, 5)) ** 2).mean(1) for labels in LABELS]
    expected = sum((weights * values for weights, values in zip(WEIGHTS, losses, strict=True)), torch.zeros(4)).mean()
    torch.testing.assert_close(loss, expected)
    assert mixed.is_consumed


def test_nll_loss_and_its_module() -> None:
    log_probs = logits().log_softmax(1)
    expected = F.cross_entropy(logits(), target(), ignore_index=2)
    torch.testing.assert_close(F.nll_loss(log_probs, target(), ignore_index=2), expected)
    torch.testing.assert_close(nn.NLLLoss(ignore_index=2)(log_probs, target()), expected)


def test_a_map_of_labels_in_one_row() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(5, (2, 4, 3, 2), generator=generator)
    mixed = MixedTarget(labels, WEIGHTS)
    scores = torch.randn(4, 5, 3, 2, generator=generator).requires_grad_()
    weight = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0])
    in_rows = F.cross_entropy(scores.movedim(1, -1).reshape(-1, 5), mixed.view(-1), weight, ignore_index=1)
    torch.testing.assert_close(in_rows, F.cross_entropy(scores, mixed, weight, ignore_index=1))
    assert mixed.view(-1).weights.shape == (2, 24)  # type: ignore[attr-defined]  # a MixedTarget


def test_labels_of_a_narrow_dtype() -> None:
    mixed = MixedTarget(LABELS.to(torch.uint8), WEIGHTS)
    torch.testing.assert_close(F.cross_entropy(logits(), mixed.long()), F.cross_entropy(logits(), target()))


def test_a_metric_may_change_its_copies() -> None:
    """As torchmetrics does for ``top_k`` with ``ignore_index``; then they show no mixture any more."""
    mixed = target()
    coded = F.one_hot(mixed, 5)
    moved = coded.movedim(1, 0)
    coded[mixed == 0, :] = -1
    expected = F.one_hot(DOMINANT, 5)
    expected[DOMINANT == 0, :] = -1
    for labels in (coded, coded.float(), moved.movedim(0, 1), coded.clone()):
        assert torch.equal(labels, expected)
    for labels in (coded.float(), moved.float().T):
        assert type(labels) is Tensor
        F.mse_loss(logits(), labels)
    F.cross_entropy(logits(), coded.argmax(1))
    assert not mixed.is_consumed
    assert torch.equal(mixed.dominant, DOMINANT)
    assert torch.equal(mixed.labels, LABELS)


def test_registered_losses_of_a_changed_copy_see_the_dominant_label() -> None:
    mixed = target()
    changed = mixed.float()
    changed[:] = 5
    assert type(changed) is MixedTarget
    assert torch.equal(F.mse_loss(logits()[:, 0], changed), F.mse_loss(logits()[:, 0], torch.full((4,), 5.0)))
    assert not mixed.is_consumed


@pytest.mark.parametrize("top_k", [1, 2])
@pytest.mark.parametrize("ignore_index", [None, 0, -1])
@pytest.mark.parametrize("multidim_average", ["global", "samplewise"])
def test_metrics_with_every_way_to_look_at_labels(top_k: int, ignore_index: int | None, multidim_average: Any) -> None:
    generator = torch.Generator().manual_seed(0)
    mixed = MixedTarget(torch.randint(5, (2, 4, 3), generator=generator), WEIGHTS)
    scores = torch.rand(4, 5, 3, generator=generator).requires_grad_()
    options: dict[str, Any] = {"top_k": top_k, "ignore_index": ignore_index, "multidim_average": multidim_average}
    metrics = [metric(num_classes=5, **options) for metric in (MulticlassAccuracy, MulticlassF1Score)]
    for metric in metrics:
        assert torch.equal(metric(scores, mixed), metric(scores, mixed.dominant.clone()))


def test_save_and_load() -> None:
    file = io.BytesIO()
    torch.save({"target": target()}, file)
    file.seek(0)
    assert torch.equal(torch.load(file, weights_only=True)["target"], DOMINANT)


def test_cross_entropy_of_a_plain_target_is_torchs() -> None:
    messages = []
    for labels in (target(), DOMINANT):
        with pytest.raises(RuntimeError) as caught:
            F.cross_entropy(logits()[:, :4], DOMINANT, weight=labels)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_repr_says_that_it_is_mixed() -> None:
    assert repr(target()) == "MixedTarget(tensor([0, 1, 0, 3]), num_parents=2, is_consumed=False)"


def test_consumed_by_a_loss_whose_logits_get_a_gradient() -> None:
    mixed = target()
    assert not mixed.is_consumed
    F.cross_entropy(logits().detach(), mixed)
    assert not mixed.is_consumed
    with torch.no_grad():
        F.cross_entropy(logits(), mixed)
    assert not mixed.is_consumed
    F.cross_entropy(logits(), mixed.dominant)
    assert not mixed.is_consumed
    F.cross_entropy(logits(), mixed)
    assert mixed.is_consumed
    F.cross_entropy(logits().detach(), mixed)
    assert mixed.is_consumed


def test_a_loss_that_fails_consumes_nothing() -> None:
    mixed = target()
    with pytest.raises(ValueError, match="batch_size"):
        F.cross_entropy(logits()[:3], mixed)
    assert not mixed.is_consumed


def test_each_target_has_its_own_ledger_unless_it_remixes() -> None:
    first, second = target(), target()
    remix = MixedTarget(LABELS, WEIGHTS, first)
    F.cross_entropy(logits(), remix)
    assert (first.is_consumed, second.is_consumed, remix.is_consumed) == (True, False, True)


@pytest.mark.skipif(
    torch.__version__.startswith("2.6."), reason="the compiler of torch 2.6 fails on one_hot of a subclass"
)
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning")  # a graph break
def test_compiled_binary_cross_entropy() -> None:
    def step(scores: Tensor, labels: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(scores * 2, F.one_hot(labels, 5).type_as(scores))

    mixed = target()
    compiled = torch.compile(step, backend="eager")
    torch.testing.assert_close(compiled(logits(), mixed), step(logits(), target()))
    assert mixed.is_consumed


def test_compiled_steps_mix_and_consume() -> None:
    mixed = target()
    step = torch.compile(lambda scores, labels: F.cross_entropy(scores * 2, labels), backend="eager")
    torch.testing.assert_close(step(logits(), mixed), mixed_cross_entropy(logits() * 2, LABELS, WEIGHTS))
    assert mixed.is_consumed


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda y: y.add_(1), "add_"),
        (lambda y: y.__setitem__(y == 0, -100), "__setitem__"),
        (lambda y: y.masked_fill_(y == 0, -100), "masked_fill_"),
        (lambda y: exec("y -= 1", {"y": y}), "sub_"),
        (lambda y: y.view(-1, 1).fill_(0), "fill_"),
        (lambda y: y.to("cpu").long().mul_(2), "mul_"),
    ],
)
def test_a_change_in_place_is_refused(change: Callable[[Tensor], object], name: str) -> None:
    mixed = target()
    expected = (
        rf"^MixedTarget: labels must not be changed in place, got '{name}'\. "
        r"Change the labels in the data set, or take targets\.clone\(\): dominant labels, no longer mixed\.$"
    )
    with pytest.raises(ValueError, match=expected):
        change(mixed)
    assert torch.equal(mixed.dominant, DOMINANT)


def test_deprecated_reductions_are_refused() -> None:
    expected = (
        r"^cross_entropy: size_average and reduce must be None, got {'size_average': False, 'reduce': None}\. "
        r"Pass reduction=\.$"
    )
    with pytest.raises(ValueError, match=expected):
        F.cross_entropy(logits(), target(), size_average=False)


def test_labels_and_weights_that_do_not_fit_are_refused() -> None:
    with pytest.raises(TypeError, match=r"^MixedTarget: labels must be of an integer dtype, got torch\.float32\.$"):
        MixedTarget(LABELS.float(), WEIGHTS)
    with pytest.raises(ValueError, match=r"^MixedTarget: labels and weights must be \(M, B, \.\.\.\) and \(M, B\)"):
        MixedTarget(LABELS, WEIGHTS[:, :3])
