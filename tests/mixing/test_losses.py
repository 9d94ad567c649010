import math
from itertools import product
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from timm.data.mixup import mixup_target
from timm.loss import SoftTargetCrossEntropy
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional as F

from lightning_regkit.mixing import CrossEntropyOptions, mixed_cross_entropy
from tests.mixing.support import fake_device

NUM_CLASSES = 4
IGNORED = 1
REDUCTIONS = ("mean", "sum", "none")
SEEDS = st.integers(0, 2**32 - 1)
EXTRA_DIMS = st.sampled_from([(), (3,), (2, 3)])
OPTIONS = st.fixed_dictionaries(
    {
        "weight": st.none() | st.lists(st.floats(0.1, 3), min_size=NUM_CLASSES, max_size=NUM_CLASSES),
        "ignore_index": st.sampled_from([-100, IGNORED]),
        "reduction": st.sampled_from(REDUCTIONS),
        "label_smoothing": st.sampled_from([0.0, 0.1, 1.0]),
    }
)


def arguments(seed: int, num_parents: int, batch_size: int, *extra: int) -> tuple[Tensor, Tensor, Tensor]:
    """Logits (B, K, ...) float64, labels (M, B, ...), weights (M, B)."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(batch_size, NUM_CLASSES, *extra, generator=generator, dtype=torch.float64)
    labels = torch.randint(NUM_CLASSES, (num_parents, batch_size, *extra), generator=generator)
    weights = torch.rand(num_parents, batch_size, generator=generator) + 0.1
    return logits.requires_grad_(), labels, weights / weights.sum(0)


def built(options: dict[str, Any]) -> dict[str, Any]:
    weight = options["weight"]
    return {**options, "weight": None if weight is None else torch.tensor(weight, dtype=torch.float64)}


def mixed(logits: Tensor, labels: Tensor, weights: Tensor, **options: Any) -> Tensor:
    return mixed_cross_entropy(logits, labels, weights, CrossEntropyOptions(**options))


def gradient(loss: Tensor, logits: Tensor) -> Tensor:
    return torch.autograd.grad(loss.sum(), logits)[0]


def assert_equal_with_gradients(ours: Tensor, reference: Tensor, logits: Tensor) -> None:
    torch.testing.assert_close(ours, reference, equal_nan=True)
    torch.testing.assert_close(gradient(ours, logits), gradient(reference, logits), equal_nan=True)


def slow_loop(logits: Tensor, labels: Tensor, weights: Tensor, options: dict[str, Any]) -> Tensor:
    """The definition, element by element, parent by parent."""
    class_weight = [1.0] * NUM_CLASSES if options["weight"] is None else options["weight"].tolist()
    smoothing = options["label_smoothing"]
    losses = torch.zeros(labels.shape[1:], dtype=torch.float64)
    denominator = 0.0
    for place in product(*map(range, labels.shape[1:])):
        example, *inside = place
        scores = logits[example].movedim(0, -1)[tuple(inside)].tolist()
        log_total = math.log(sum(math.exp(score) for score in scores))
        for parent in range(len(labels)):
            label = int(labels[(parent, *place)])
            if label == options["ignore_index"]:
                continue
            hard = class_weight[label] * (log_total - scores[label])
            spread = sum(class_weight[k] * (log_total - scores[k]) for k in range(NUM_CLASSES)) / NUM_CLASSES
            share = float(weights[parent, example])
            losses[place] += share * ((1 - smoothing) * hard + smoothing * spread)
            denominator += share * class_weight[label]
    if options["reduction"] == "mean":
        return losses.sum() / denominator
    return losses.sum() if options["reduction"] == "sum" else losses


def test_worked_example() -> None:
    logits = torch.tensor([[0.0, math.log(3.0)], [0.0, 0.0]])  # probabilities 1/4 3/4, 1/2 1/2
    labels = torch.tensor([[0, 0], [1, 0]])
    weights = torch.tensor([[0.75, 0.5], [0.25, 0.5]])
    losses = mixed(logits, labels, weights, reduction="none")
    expected = [0.75 * math.log(4) + 0.25 * math.log(4 / 3), math.log(2)]
    torch.testing.assert_close(losses, torch.tensor(expected))
    # Parents of class 0: weights 0.75 + 0.5 + 0.5; of class 1: 0.25, with class weight 2.
    loss = mixed(logits, labels, weights, weight=torch.tensor([1.0, 2.0]))
    expected_sum = 0.75 * math.log(4) + 0.25 * 2 * math.log(4 / 3) + math.log(2)
    torch.testing.assert_close(loss, torch.tensor(expected_sum / (1.75 + 0.25 * 2)))


def test_ignored_parents_leave_the_denominator() -> None:
    logits = torch.tensor([[0.0, 0.0]])
    labels, weights = torch.tensor([[0], [-100]]), torch.tensor([[0.25], [0.75]])
    assert mixed(logits, labels, weights).item() == pytest.approx(math.log(2))
    assert mixed(logits, labels, weights, reduction="sum").item() == pytest.approx(0.25 * math.log(2))


@given(OPTIONS, st.integers(1, 5), EXTRA_DIMS, SEEDS, st.booleans())
def test_all_weight_on_one_label_is_torchs_hard_label_loss(
    options: dict[str, Any], batch_size: int, extra: tuple[int, ...], seed: int, is_second: bool
) -> None:
    logits, labels, _ = arguments(seed, 2, batch_size, *extra)
    weights = torch.tensor([[not is_second], [is_second]]).float().repeat(1, batch_size)
    keywords = built(options)
    reference = F.cross_entropy(logits, labels[int(is_second)], **keywords)
    ours = mixed(logits, labels, weights, **keywords)
    assert ours.dtype == reference.dtype
    assert ours.shape == reference.shape
    assert_equal_with_gradients(ours, reference, logits)


@given(OPTIONS, st.integers(1, 5), EXTRA_DIMS, SEEDS)
def test_two_equal_labels_are_one(options: dict[str, Any], batch_size: int, extra: tuple[int, ...], seed: int) -> None:
    logits, labels, weights = arguments(seed, 2, batch_size, *extra)
    labels = labels[:1].repeat(2, *(1 for _ in labels.shape[1:]))
    keywords = built(options)
    reference = F.cross_entropy(logits, labels[0], **keywords)
    torch.testing.assert_close(mixed(logits, labels, weights, **keywords), reference, equal_nan=True, rtol=1e-6, atol=0)


@settings(max_examples=50)
@given(OPTIONS, st.integers(1, 4), st.integers(1, 3), EXTRA_DIMS, SEEDS)
def test_equals_a_loop(
    options: dict[str, Any], num_parents: int, batch_size: int, extra: tuple[int, ...], seed: int
) -> None:
    logits, labels, weights = arguments(seed, num_parents, batch_size, *extra)
    keywords = built(options)
    if (labels == keywords["ignore_index"]).all():
        return
    expected = slow_loop(logits, labels, weights, keywords)
    torch.testing.assert_close(mixed(logits, labels, weights, **keywords).detach(), expected)


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("extra", [(), (3, 2)])
def test_equals_torchs_soft_labels_without_class_weights(
    reduction: str, label_smoothing: float, extra: tuple[int, ...]
) -> None:
    logits, labels, weights = arguments(0, 2, 5, *extra)
    probs = sum(
        weight.reshape(-1, *(1 for _ in logits.shape[1:])) * F.one_hot(parent, NUM_CLASSES).movedim(-1, 1)
        for parent, weight in zip(labels, weights.double(), strict=True)
    )
    options: dict[str, Any] = {"reduction": reduction, "label_smoothing": label_smoothing}
    assert_equal_with_gradients(
        mixed(logits, labels, weights, **options), F.cross_entropy(logits, probs, **options), logits
    )


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_torchs_soft_labels_have_another_mean_with_class_weights(label_smoothing: float) -> None:
    logits, labels, weights = arguments(0, 2, 5)
    probs = (weights.double()[..., None] * F.one_hot(labels, NUM_CLASSES)).sum(0)
    options: dict[str, Any] = {
        "weight": torch.tensor([0.5, 1.0, 2.0, 4.0], dtype=torch.float64),
        "label_smoothing": label_smoothing,
    }
    ours = mixed(logits, labels, weights, **options, reduction="sum")
    assert_equal_with_gradients(ours, F.cross_entropy(logits, probs, **options, reduction="sum"), logits)
    assert not torch.isclose(mixed(logits, labels, weights, **options), F.cross_entropy(logits, probs, **options))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_equals_timm(smoothing: float) -> None:
    logits, labels, _ = arguments(0, 1, 6)
    target = mixup_target(labels[0], NUM_CLASSES, lam=0.3, smoothing=smoothing)
    ours = mixed(
        logits.float(),
        torch.stack([labels[0], labels[0].flip(0)]),
        torch.tensor([[0.3], [0.7]]).repeat(1, 6),
        label_smoothing=smoothing,
    )
    torch.testing.assert_close(ours, SoftTargetCrossEntropy()(logits.float(), target))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_low_precision_is_as_good_as_torchs(dtype: torch.dtype, reduction: str) -> None:
    exact, labels, weights = arguments(0, 2, 64)
    logits = exact.detach().to(dtype)
    ours = mixed(logits, labels, weights, reduction=reduction)
    expected = mixed(logits.double(), labels, weights, reduction=reduction)
    assert ours.dtype == F.cross_entropy(logits, labels[0]).dtype
    torch.testing.assert_close(ours.double(), expected, rtol=2 * torch.finfo(dtype).eps, atol=torch.finfo(dtype).eps)


def test_autocast_gives_what_it_gives_for_hard_labels() -> None:
    logits, labels, weights = arguments(0, 2, 8)
    with torch.autocast("cpu", torch.bfloat16):
        scores = logits.float() @ torch.eye(NUM_CLASSES)
        hard, ours = F.cross_entropy(scores, labels[0]), mixed(scores, labels, weights)
    assert scores.dtype == torch.bfloat16
    assert ours.dtype == hard.dtype
    torch.testing.assert_close(ours, mixed(scores.float(), labels, weights), rtol=1e-2, atol=0)


def test_a_label_of_weight_zero_adds_nothing_not_even_infinity() -> None:
    logits = torch.tensor([[0.0, 0.0, -math.inf]], requires_grad=True)
    labels, weights = torch.tensor([[0], [2]]), torch.tensor([[1.0], [0.0]])
    loss = mixed(logits, labels, weights)
    assert loss.item() == pytest.approx(math.log(2))
    torch.testing.assert_close(gradient(loss, logits), torch.tensor([[-0.5, 0.5, 0.0]]))


def test_only_ignored_labels_give_nan_as_in_torch() -> None:
    logits, labels = torch.zeros(1, 2), torch.tensor([[-100], [-100]])
    assert F.cross_entropy(logits, labels[0]).isnan()
    assert mixed(logits, labels, torch.tensor([[0.5], [0.5]])).isnan()
    assert mixed(logits, labels, torch.tensor([[0.5], [0.5]]), reduction="sum").item() == 0


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64])
def test_an_ignored_label_need_not_be_a_class(dtype: torch.dtype) -> None:
    labels = torch.tensor([[255, 1]], dtype=dtype)
    options: dict[str, Any] = {"weight": torch.tensor([1.0, 2.0]), "ignore_index": 255}
    ours = mixed(torch.zeros(2, 2), labels, torch.ones(1, 2), **options)
    torch.testing.assert_close(ours, F.cross_entropy(torch.zeros(2, 2), labels[0], **options))


def test_arguments_stay_as_they_are() -> None:
    logits, labels, weights = arguments(0, 2, 3)
    before = [value.detach().clone() for value in (logits, labels, weights)]
    mixed(logits, labels, weights)
    assert all(torch.equal(value, old) for value, old in zip((logits, labels, weights), before, strict=True))


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_no_wait_for_the_device(reduction: str) -> None:
    device = fake_device()
    with FakeTensorMode():
        logits = torch.empty(4, NUM_CLASSES, 2, device=device)
        labels = torch.zeros(2, 4, 2, dtype=torch.long, device=device)
        weights = torch.full((2, 4), 0.5, device=device)
        class_weights = torch.ones(NUM_CLASSES, device=device)
        loss = mixed(logits, labels, weights, weight=class_weights, reduction=reduction, label_smoothing=0.1)
    assert loss.device.type == device


def test_torchs_defaults_are_the_defaults() -> None:
    logits, labels, weights = arguments(0, 2, 3)
    assert torch.equal(mixed_cross_entropy(logits, labels, weights), mixed(logits, labels, weights))
    assert vars(CrossEntropyOptions()) == {
        "weight": None,
        "ignore_index": -100,
        "reduction": "mean",
        "label_smoothing": 0.0,
    }


def test_unknown_reduction_is_refused() -> None:
    expected = r"^cross_entropy: reduction must be one of mean, none, sum, got 'median'\.$"
    with pytest.raises(ValueError, match=expected):
        CrossEntropyOptions(reduction="median")
