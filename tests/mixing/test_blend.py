from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from lightning_regkit.mixing import MixupDraw
from lightning_regkit.mixing._blend import blend
from tests.mixing.support import aten_calls, images, watched

DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16]


def draw_of(lam: list[float], partner: list[int]) -> MixupDraw:
    return MixupDraw(np.array(lam, dtype=np.float32), np.array(partner))


def looped(inputs: Tensor, draw: MixupDraw) -> Tensor:
    lam = torch.from_numpy(draw.lam).to(inputs.dtype).double()
    rows = [lam[i] * inputs[i].double() + (1 - lam[i]) * inputs[j].double() for i, j in enumerate(draw.partner)]
    return torch.stack(rows).to(inputs.dtype)


@pytest.mark.parametrize("partner", [[1, 2, 0], [0, 1, 2], [1, 1, 0], [2, 2, 2], [2, 1, 0]])
def test_worked_example(partner: list[int]) -> None:
    inputs = torch.tensor([[0.0, 8.0], [4.0, 0.0], [16.0, 4.0]])
    values = inputs.tolist()
    draw = draw_of([0.75, 0.5, 0.25], partner)
    expected = [
        [lam * own + (1 - lam) * other for own, other in zip(values[i], values[j], strict=True)]
        for i, (lam, j) in enumerate(zip([0.75, 0.5, 0.25], partner, strict=True))
    ]
    assert blend(inputs, draw, inplace=False).tolist() == expected
    assert watched(lambda given: blend(given, draw, inplace=False), inputs).tolist() == expected
    assert inputs.tolist() == values
    assert blend(inputs, draw, inplace=True) is inputs
    assert inputs.tolist() == expected


@pytest.mark.parametrize("dtype", DTYPES)
@given(batch_size=st.integers(1, 6), seed=st.integers(0, 2**32 - 1))
def test_all_ways_equal_a_loop(dtype: torch.dtype, batch_size: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    draw = MixupDraw(generator.random(batch_size, dtype=np.float32), generator.integers(batch_size, size=batch_size))
    inputs = images(seed, batch_size, 2, 5).to(dtype)
    expected = looped(inputs, draw)
    # Where the parents cancel, the error is that of the parents.
    tolerances: dict[str, Any] = {"rtol": 0, "atol": 8 * torch.finfo(dtype).eps * inputs.abs().max().item()}
    torch.testing.assert_close(blend(inputs, draw, inplace=False), expected, **tolerances)
    torch.testing.assert_close(watched(lambda given: blend(given, draw, inplace=False), inputs), expected, **tolerances)
    torch.testing.assert_close(blend(inputs.clone(), draw, inplace=True), expected, **tolerances)


def layouts() -> list[Any]:
    base = images(0, 4, 3, 6, 8)
    return [
        pytest.param(base, id="contiguous"),
        pytest.param(base.contiguous(memory_format=torch.channels_last), id="channels last"),
        pytest.param(base[:, :1].contiguous(memory_format=torch.channels_last), id="one channel"),
        pytest.param(base[:1].contiguous(memory_format=torch.channels_last), id="batch of one"),
        pytest.param(base.transpose(2, 3), id="transposed"),
        pytest.param(base.transpose(0, 1), id="batch inside"),
        pytest.param(base[:, :, 1:5], id="gaps"),
        pytest.param(base[::2], id="every second"),
        pytest.param(base[2:], id="not from the start"),
        pytest.param(base[:, :1].expand(4, 3, 6, 8), id="expanded"),
        pytest.param(base[..., :0], id="no pixels"),
        pytest.param(base[:, 0, 0, 0], id="numbers"),
    ]


@pytest.mark.parametrize("inputs", layouts())
def test_layouts(inputs: Tensor) -> None:
    before = inputs.clone()
    draw = draw_of([0.3] * len(inputs), np.random.default_rng(0).permutation(len(inputs)).tolist())
    mixed = blend(inputs, draw, inplace=False)
    torch.testing.assert_close(mixed, looped(inputs, draw))
    assert torch.equal(inputs, before)
    assert mixed.stride() == watched(lambda given: blend(given, draw, inplace=False), inputs).stride()
    torch.testing.assert_close(blend(before, draw, inplace=True), mixed)


def test_one_pass_over_dense_memory() -> None:
    draw = draw_of([0.3] * 4, [1, 2, 3, 0])
    for layout in (torch.contiguous_format, torch.channels_last):
        inputs = images(0, 4, 3, 6, 8).contiguous(memory_format=layout)
        calls = aten_calls(partial(blend, inputs, draw, inplace=False))
        assert [call for call in calls if "embedding_bag" in call] != []
        assert "aten.index.Tensor" not in calls


def test_in_place_copies_one_example_of_each_cycle() -> None:
    draw = draw_of([0.3] * 5, [1, 2, 0, 4, 3])
    calls = aten_calls(lambda: blend(torch.ones(5, 2), draw, inplace=True))
    assert calls.count("aten.clone.default") == 2
    assert calls.count("aten.lerp.Scalar_out") == 5


def test_autograd_sees_the_change_in_place() -> None:
    inputs = torch.ones(2, 3)
    weight = torch.ones(3, requires_grad=True)
    loss = (inputs * weight).sum()
    blend(inputs, draw_of([0.5, 0.5], [1, 0]), inplace=True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_in_place_on_a_leaf_that_autograd_watches_is_refused_by_torch() -> None:
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        blend(torch.ones(2, 3, requires_grad=True), draw_of([0.5, 0.5], [1, 0]), inplace=True)
