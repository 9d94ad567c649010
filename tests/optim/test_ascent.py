"""The climb: along the gradient, as long as the radius."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch._subclasses.fake_tensor import FakeTensorMode

from lightning_regkit.optim._ascent import ascent
from tests.mixing.support import fake_device


def test_the_ascent_by_hand() -> None:
    # |(3, 0, 4)| = 5, over both tensors: 0.5 / 5 = 0.1.
    first, second = ascent([torch.tensor([3.0, 0.0]), torch.tensor([[4.0]])], 0.5)
    assert first.tolist() == pytest.approx([0.3, 0.0])
    assert second.tolist() == [pytest.approx([0.4])]


@given(
    st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=6).filter(lambda g: max(map(abs, g)) > 1e-3),
    st.floats(0.0, 10.0),
)
def test_the_ascent_has_length_rho_along_the_gradient(gradient: list[float], rho: float) -> None:
    tensor = torch.tensor(gradient, dtype=torch.float64)
    (move,) = ascent([tensor], rho)
    assert move.norm().item() == pytest.approx(rho)
    assert torch.dot(move, tensor).item() == pytest.approx(rho * tensor.norm().item())


@given(st.sampled_from([torch.float32, torch.float64, torch.bfloat16]), st.integers(1, 3))
def test_the_ascent_keeps_shapes_and_gradients(dtype: torch.dtype, count: int) -> None:
    gradients = [torch.ones(2, index + 1, dtype=dtype) for index in range(count)]
    moves = ascent(gradients, 0.1)
    assert [(move.shape, move.dtype) for move in moves] == [(g.shape, g.dtype) for g in gradients]
    assert all(torch.equal(gradient, torch.ones_like(gradient)) for gradient in gradients)


def test_the_ascent_waits_for_nothing() -> None:
    device = fake_device()
    with FakeTensorMode(), torch.device(device):
        moves = ascent([torch.empty(3, 2), torch.empty(2)], 0.05)
    assert [(move.device.type, tuple(move.shape)) for move in moves] == [(device, (3, 2)), (device, (2,))]


def test_nothing_moves_where_there_is_no_gradient() -> None:
    assert ascent([], 0.1) == []
    assert ascent([torch.zeros(2)], 0.1)[0].tolist() == [0.0, 0.0]
