from collections import defaultdict

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch._subclasses.fake_tensor import FakeTensorMode

from lightning_regkit.mixing._parents import Parents, check_parents, dominant_labels, spread
from tests.mixing.support import fake_device

INTEGERS = [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64]


@pytest.mark.parametrize(
    ("labels", "weights", "expected"),
    [
        ([4, 9], [0.6, 0.4], 4),
        ([4, 9], [0.4, 0.6], 9),
        ([4, 9], [0.5, 0.5], 4),
        ([9, 4], [0.5, 0.5], 9),
        ([4, 9, 9], [0.4, 0.3, 0.3], 9),
        ([9, 4, 9], [0.3, 0.4, 0.3], 9),
        ([4, 9, 7], [0.2, 0.4, 0.4], 9),
        ([-100, 9], [0.6, 0.4], -100),
        ([5], [1.0], 5),
    ],
)
def test_worked_values(labels: list[int], weights: list[float], expected: int) -> None:
    parents = torch.tensor(labels)[:, None]
    assert dominant_labels(parents, torch.tensor(weights)[:, None]).tolist() == [expected]


@given(st.integers(1, 4), st.integers(1, 3), st.integers(0, 2), st.integers(0, 2**32 - 1))
def test_equals_a_loop(num_parents: int, batch_size: int, extra_dims: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    extra = (3, 2)[:extra_dims]
    labels = torch.randint(3, (num_parents, batch_size, *extra), generator=generator)
    weights = torch.randint(1, 5, (num_parents, batch_size), generator=generator).float()
    weights = (weights / weights.sum(0) * 64).round() / 64  # sums without rounding
    dominant = dominant_labels(labels, weights)
    assert dominant.shape == labels.shape[1:]
    flat = labels.reshape(num_parents, batch_size, -1)
    for i in range(batch_size):
        for j in range(flat.shape[2]):
            totals: dict[int, float] = defaultdict(float)
            for parent in range(num_parents):
                totals[int(flat[parent, i, j])] += float(weights[parent, i])
            assert dominant.reshape(batch_size, -1)[i, j] == max(totals, key=totals.__getitem__)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_contract(dtype: torch.dtype) -> None:
    labels = torch.tensor([[1, 2], [3, 4]], dtype=dtype)
    before = labels.clone()
    dominant = dominant_labels(labels, torch.tensor([[0.9, 0.1], [0.1, 0.9]]))
    dominant += 1
    assert dominant.dtype == dtype
    assert dominant.tolist() == [2, 5]
    assert torch.equal(labels, before)


def test_spread_adds_dimensions() -> None:
    weights = torch.tensor([[0.75, 0.5], [0.25, 0.5]])
    assert torch.equal(spread(weights, torch.zeros(2, 2)), weights)
    assert torch.equal(spread(weights, torch.zeros(2, 2, 8, 8)), weights[:, :, None, None])


def test_spread_takes_weights_of_any_beginning_of_the_shape() -> None:
    assert spread(torch.ones(2, 3, 4), torch.zeros(2, 3, 4, 5)).shape == (2, 3, 4, 1)
    assert spread(torch.ones(2), torch.zeros(2)).shape == (2,)


def test_parents_hold_what_they_are_given() -> None:
    labels, weights = torch.zeros(2, 3), torch.full((2, 3), 0.5)
    parents = Parents(labels, weights)
    assert parents.labels is labels
    assert parents.weights is weights


def test_no_wait_for_the_device() -> None:
    device = fake_device()
    with FakeTensorMode():
        labels = torch.zeros(2, 4, 8, 8, dtype=torch.long, device=device)
        weights = torch.full((2, 4), 0.5, device=device)
        check_parents("MixedTarget", labels, weights)
        assert dominant_labels(labels, weights).device.type == device


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_are_accepted(dtype: torch.dtype) -> None:
    check_parents("MixedTarget", torch.zeros(2, 3, 4, dtype=dtype), torch.full((2, 3), 0.5))


@pytest.mark.parametrize("dtype", [torch.bool, torch.float32, torch.complex64])
def test_other_labels_are_refused(dtype: torch.dtype) -> None:
    with pytest.raises(TypeError, match=rf"^MixedTarget: labels must be of an integer dtype, got {dtype}\.$"):
        check_parents("MixedTarget", torch.zeros(2, 3, dtype=dtype), torch.full((2, 3), 0.5))


def test_other_weights_are_refused() -> None:
    expected = r"^MixedTarget: weights must be of dtype torch\.float32, got torch\.float64\.$"
    with pytest.raises(TypeError, match=expected):
        check_parents("MixedTarget", torch.zeros(2, 3).long(), torch.full((2, 3), 0.5).double())


@pytest.mark.parametrize(
    ("labels", "weights"),
    [((2, 3), (2, 4)), ((2, 3), (1, 3)), ((2,), (2,)), ((0, 3), (0, 3)), ((2, 3, 4), (2, 3, 4))],
)
def test_shapes_that_do_not_fit_are_refused(labels: tuple[int, ...], weights: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="labels and weights") as caught:
        check_parents("MixedTarget", torch.zeros(labels).long(), torch.ones(weights))
    assert str(caught.value) == (
        f"MixedTarget: labels and weights must be (M, B, ...) and (M, B), M >= 1, got {(labels, weights)}."
    )


@pytest.mark.parametrize("weights", [[[0.5], [0.25]], [[1.0], [1.0]], [[float("nan")], [0.5]]])
def test_weights_that_do_not_sum_to_one_are_refused(weights: list[list[float]]) -> None:
    with pytest.raises(ValueError, match=r"^MixedTarget: weights must sum to 1 over M, got \[\["):
        check_parents("MixedTarget", torch.tensor([[0], [1]]), torch.tensor(weights))
