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
from torchmetrics.classification import MulticlassAccuracy

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
    assert torch.equal(target().cross_entropy(scores, options), expected)
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
    "detach": lambda y: y.detach(),
    "clone": lambda y: y.clone(),
    "long": lambda y: y.long(),
    "float": lambda y: y.float(),
    "to": lambda y: y.to("cpu"),
    "data": lambda y: y.data,
    "view": lambda y: y.view(-1, 1),
    "index": lambda y: y[1:],
    "unbind": lambda y: y.unbind()[2],
    "iteration": lambda y: next(iter(y)),
    "equal": lambda y: y == DOMINANT,
    "as the second argument": lambda y: torch.eq(DOMINANT, y),
    "argmax accuracy": lambda y: (logits().argmax(1) == y).float().mean(),
    "cat": lambda y: torch.cat([y, y]),
    "stack of a tuple": lambda y: torch.stack((y, DOMINANT)),
    "keyword": lambda y: torch.add(DOMINANT, other=y),
    "one_hot": lambda y: F.one_hot(y, 5),
    "as an index": lambda y: logits().detach()[torch.arange(4), y],
    "gather": lambda y: logits().detach().gather(1, y[:, None]),
    "scatter_": lambda y: torch.zeros(4, 5).scatter_(1, y[:, None], 1.0),
    "nll_loss": lambda y: F.nll_loss(logits().log_softmax(1), y),
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
    "pickle": lambda y: pickle.loads(pickle.dumps(y)),
    "add": lambda y: y + 1,
    "zeros_like": torch.zeros_like,
}


@pytest.mark.parametrize("function", PLAIN.values(), ids=PLAIN)
def test_everything_else_sees_a_plain_tensor_of_dominant_labels(function: Callable[[Any], Any]) -> None:
    mixed = target()
    result, expected = function(mixed), function(DOMINANT)
    assert type(result) is Tensor
    assert torch.equal(result, expected)
    assert not mixed.is_consumed


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
