from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional as F

from lightning_regkit.mixing._mixed_loss import mixed_loss
from lightning_regkit.mixing._parents import Parents, spread
from lightning_regkit.mixing._registry import LOSSES, describe_loss
from tests.mixing.support import fake_device

NUM_CLASSES = 4
REDUCTIONS = st.sampled_from(["mean", "sum", "none"])
SEEDS = st.integers(0, 2**32 - 1)
EXTRA_DIMS = st.sampled_from([(), (3,), (2, 3)])
ELEMENTWISE: list[Callable[..., Tensor]] = [
    F.binary_cross_entropy,
    F.binary_cross_entropy_with_logits,
    F.mse_loss,
]


def mixed(function: Any, parents: Parents, inputs: Tensor, **options: Any) -> Tensor:
    loss = LOSSES.get(function) or describe_loss(function)
    return mixed_loss(loss, loss.bind((inputs, None), options), parents)


def weights_of(num_parents: int, batch_size: int, generator: torch.Generator) -> Tensor:
    weights = torch.rand(num_parents, batch_size, generator=generator) + 0.1
    return weights / weights.sum(0)


def elements(seed: int, num_parents: int, *shape: int) -> tuple[Tensor, Parents]:
    """Inputs in (0, 1) and labels 0 or 1, float64."""
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.rand(shape, generator=generator, dtype=torch.float64) * 0.9 + 0.05
    labels = torch.randint(2, (num_parents, *shape), generator=generator).double()
    return inputs.requires_grad_(), Parents(labels, weights_of(num_parents, shape[0], generator))


def hard(parents: Parents) -> Parents:
    """All weight on the last label."""
    weights = torch.zeros_like(parents.weights)
    weights[-1] = 1
    return Parents(parents.labels, weights)


def assert_equal_with_gradients(ours: Tensor, reference: Tensor, inputs: Tensor) -> None:
    torch.testing.assert_close(ours, reference, rtol=1e-5, atol=1e-6)
    gradients = [torch.autograd.grad(value.sum(), inputs)[0] for value in (ours, reference)]
    torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-6)


def options_for(function: Any, inputs: Tensor, with_weights: bool) -> dict[str, Any]:
    if not with_weights:
        return {}
    weight = torch.linspace(0.5, 2, inputs.numel(), dtype=torch.float64).reshape(inputs.shape)
    positive = {"pos_weight": torch.tensor(3.0, dtype=torch.float64)}
    return {"weight": weight, **(positive if function is F.binary_cross_entropy_with_logits else {})}


def test_worked_example() -> None:
    inputs = torch.tensor([[0.0], [2.0]])
    parents = Parents(torch.tensor([[[0.0], [1.0]], [[1.0], [1.0]]]), torch.tensor([[0.75, 0.5], [0.25, 0.5]]))
    assert mixed(F.mse_loss, parents, inputs, reduction="none").tolist() == [[0.25], [1.0]]
    assert mixed(F.mse_loss, parents, inputs, reduction="sum").item() == 1.25
    assert mixed(F.mse_loss, parents, inputs).item() == 0.625


@settings(max_examples=30)
@given(st.sampled_from(ELEMENTWISE), REDUCTIONS, EXTRA_DIMS, SEEDS, st.booleans())
def test_all_weight_on_one_label_is_torchs_loss_of_elements(
    function: Any, reduction: str, extra: tuple[int, ...], seed: int, with_weights: bool
) -> None:
    inputs, parents = elements(seed, 2, 3, *extra)
    options = {"reduction": reduction, **options_for(function, inputs, with_weights)}
    reference = function(inputs, parents.labels[-1], **options)
    ours = mixed(function, hard(parents), inputs, **options)
    assert (ours.dtype, ours.shape) == (reference.dtype, reference.shape)
    assert_equal_with_gradients(ours, reference, inputs)


@settings(max_examples=30)
@given(st.sampled_from(ELEMENTWISE[:2]), REDUCTIONS, st.integers(1, 4), SEEDS, st.booleans())
def test_binary_cross_entropies_equal_torchs_with_mixed_probabilities(
    function: Any, reduction: str, num_parents: int, seed: int, with_weights: bool
) -> None:
    inputs, parents = elements(seed, num_parents, 3, 2)
    options = {"reduction": reduction, **options_for(function, inputs, with_weights)}
    probs = (spread(parents.weights, parents.labels) * parents.labels).sum(0).clamp(0, 1)  # rounding
    assert_equal_with_gradients(mixed(function, parents, inputs, **options), function(inputs, probs, **options), inputs)


@settings(max_examples=30)
@given(REDUCTIONS, st.integers(1, 4), SEEDS, st.booleans())
def test_squares_add_the_variance_of_the_labels_and_have_the_gradient_of_the_mean_label(
    reduction: str, num_parents: int, seed: int, with_weights: bool
) -> None:
    inputs, parents = elements(seed, num_parents, 3, 2)
    options = options_for(F.mse_loss, inputs, with_weights)
    shares = spread(parents.weights, parents.labels)
    mean = (shares * parents.labels).sum(0)
    variance = (shares * (parents.labels - mean) ** 2).sum(0) * options.get("weight", 1)
    if reduction == "mean":
        variance = variance.sum() / (options["weight"].sum() if with_weights else variance.numel())
    elif reduction == "sum":
        variance = variance.sum()
    reference = F.mse_loss(inputs, mean, reduction=reduction, **options)
    ours = mixed(F.mse_loss, parents, inputs, reduction=reduction, **options)
    assert_equal_with_gradients(ours, reference + variance, inputs)


@settings(max_examples=30)
@given(REDUCTIONS, EXTRA_DIMS, SEEDS, st.booleans(), st.sampled_from([-100, 1]))
def test_all_weight_on_one_label_is_torchs_nll_loss(
    reduction: str, extra: tuple[int, ...], seed: int, with_weights: bool, ignore_index: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(5, NUM_CLASSES, *extra, generator=generator, dtype=torch.float64).requires_grad_()
    labels = torch.randint(NUM_CLASSES, (2, 5, *extra), generator=generator)
    labels[:, 0] = 0  # so that not all are ignored
    parents = hard(Parents(labels, weights_of(2, 5, generator)))
    weight = torch.tensor([0.5, 1.0, 2.0, 4.0], dtype=torch.float64) if with_weights else None
    options: dict[str, Any] = {"reduction": reduction, "weight": weight, "ignore_index": ignore_index}
    reference = F.nll_loss(inputs, labels[-1], **options)
    assert_equal_with_gradients(mixed(F.nll_loss, parents, inputs, **options), reference, inputs)


def test_nll_loss_of_log_probabilities_is_cross_entropy() -> None:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(5, NUM_CLASSES, generator=generator, dtype=torch.float64).requires_grad_()
    parents = Parents(torch.randint(NUM_CLASSES, (2, 5), generator=generator), weights_of(2, 5, generator))
    options = {"weight": torch.tensor([0.5, 1.0, 2.0, 4.0], dtype=torch.float64), "ignore_index": 1}
    ours = mixed(F.nll_loss, parents, inputs.log_softmax(1), **options)
    assert_equal_with_gradients(ours, mixed(F.cross_entropy, parents, inputs, **options), inputs)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("with_weights", [False, True])
def test_cross_entropy_of_one_hot_labels_is_torchs_of_probabilities(reduction: str, with_weights: bool) -> None:
    inputs, parents = elements(0, 2, 5, NUM_CLASSES)
    coded = F.one_hot(parents.labels.argmax(-1), NUM_CLASSES).double()
    probs = (parents.weights[..., None] * coded).sum(0)
    weight = torch.tensor([0.5, 1.0, 2.0, 4.0], dtype=torch.float64) if with_weights else None
    options: dict[str, Any] = {"reduction": reduction, "weight": weight, "label_smoothing": 0.1}
    ours = mixed(F.cross_entropy, Parents(coded, parents.weights), inputs, **options)
    assert_equal_with_gradients(ours, F.cross_entropy(inputs, probs, **options), inputs)


def test_weights_of_elements_after_a_change_of_shape() -> None:
    inputs, parents = elements(0, 2, 3, 2)
    spelled_out = Parents(parents.labels, spread(parents.weights, parents.labels).expand_as(parents.labels))
    for function in ELEMENTWISE:
        assert torch.equal(mixed(function, spelled_out, inputs), mixed(function, parents, inputs))


def squared(inputs: Tensor, target: Tensor) -> Tensor:
    return ((inputs - target) ** 2).mean(1)


def test_one_loss_for_each_example_of_many_elements() -> None:
    inputs, parents = elements(0, 2, 3, 2)
    expected = mixed(F.mse_loss, parents, inputs, reduction="none").mean(1)
    assert_equal_with_gradients(mixed(squared, parents, inputs), expected, inputs)


def test_a_loss_that_reduces_itself_by_default_otherwise() -> None:
    def summed(inputs: Tensor, target: Tensor, reduction: str = "sum") -> Tensor:
        return F.mse_loss(inputs, target, reduction=reduction)

    inputs, parents = elements(0, 2, 3, 2)
    assert torch.equal(mixed(summed, parents, inputs), mixed(F.mse_loss, parents, inputs, reduction="sum"))


REMEDY = "Give the input the shape of the target, or return one loss for each example: means cannot be mixed."


@pytest.mark.parametrize(
    ("function", "got"),
    [(lambda inputs, target: squared(inputs, target).mean(), ()), (lambda inputs, target: inputs.flatten(), (6,))],
)
def test_means_and_other_shapes_are_refused(function: Any, got: tuple[int, ...]) -> None:
    inputs, parents = elements(0, 2, 3, 2)
    expected = f"<lambda>: unreduced loss must be of shape (3,) or (3, 2), got {got}. {REMEDY}"
    with pytest.raises(ValueError, match="unreduced") as caught:
        mixed(function, parents, inputs)
    assert str(caught.value) == expected


def test_one_loss_for_each_example_is_refused_where_weights_are_of_elements() -> None:
    inputs, parents = elements(0, 2, 3, 2)
    spelled_out = Parents(parents.labels, spread(parents.weights, parents.labels).expand_as(parents.labels))
    with pytest.raises(ValueError, match=r"^squared: unreduced loss must be of shape \(3, 2\), got \(3,\)\."):
        mixed(squared, spelled_out, inputs)


@pytest.mark.filterwarnings("ignore:Using a target size")
def test_broadcasting_is_refused() -> None:
    _, parents = elements(0, 2, 3)
    with pytest.raises(ValueError, match=r"^mse_loss: unreduced loss must be of shape \(3,\), got \(3, 3\)\. Give the"):
        mixed(F.mse_loss, parents, torch.zeros(3, 1).double())


def test_unknown_and_deprecated_reductions_are_refused() -> None:
    inputs, parents = elements(0, 2, 3)
    with pytest.raises(ValueError, match=r"^mse_loss: reduction must be one of mean, none, sum, got 'median'\.$"):
        mixed(F.mse_loss, parents, inputs, reduction="median")
    expected = (
        r"^mse_loss: size_average and reduce must be None, got {'size_average': None, 'reduce': False}\. "
        r"Pass reduction=\.$"
    )
    with pytest.raises(ValueError, match=expected):
        mixed(F.mse_loss, parents, inputs, reduce=False)


def test_a_label_of_weight_zero_adds_nothing_not_even_infinity() -> None:
    parents = Parents(torch.tensor([[1.0], [torch.inf]]), torch.tensor([[1.0], [0.0]]))
    assert mixed(F.mse_loss, parents, torch.zeros(1)).item() == 1


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_the_dtype_is_that_of_hard_labels(dtype: torch.dtype) -> None:
    inputs, parents = elements(0, 2, 8)
    low = Parents(parents.labels.to(dtype), parents.weights)
    ours = mixed(F.mse_loss, low, inputs.to(dtype))
    assert ours.dtype == dtype
    torch.testing.assert_close(ours.double(), mixed(F.mse_loss, parents, inputs), rtol=2e-2, atol=0)


def test_no_wait_for_the_device() -> None:
    device = fake_device()
    with FakeTensorMode():
        parents = Parents(torch.zeros(2, 4, 3, device=device), torch.full((2, 4), 0.5, device=device))
        for function in ELEMENTWISE:
            assert mixed(function, parents, torch.full((4, 3), 0.5, device=device)).device.type == device
