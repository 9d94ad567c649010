from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_regkit.mixing._tensors import check_array, check_batch, check_floating, mix_pairs, on_device


def test_check_array_accepts_its_dtype_only() -> None:
    array = np.zeros(2, dtype=np.float32)
    assert check_array("Draw", "lam", array, np.float32) is array
    with pytest.raises(TypeError, match=r"^Draw: lam must be a numpy array of float32, got dtype\('float64'\)\.$"):
        check_array("Draw", "lam", np.zeros(2), np.float32)
    with pytest.raises(TypeError, match=r"^Draw: partner must be a numpy array of int64, got \[0, 1\]\.$"):
        check_array("Draw", "partner", [0, 1], np.int64)


def test_check_batch_accepts_the_batch_size_only() -> None:
    check_batch("mix", "inputs", torch.zeros(4, 3), 4)
    expected = (
        r"^mix: inputs must have the batch size of the draw, 4, as first dimension, got \(3, 4\)\. "
        r"Draw again for each batch\.$"
    )
    with pytest.raises(ValueError, match=expected):
        check_batch("mix", "inputs", torch.zeros(3, 4), 4)
    with pytest.raises(ValueError, match=r"got \(\)\."):
        check_batch("mix", "inputs", torch.tensor(4.0), 4)


def test_check_batch_refuses_what_is_no_tensor() -> None:
    value: Any = [1.0, 2.0]
    with pytest.raises(TypeError, match=r"^mix: inputs must be a tensor, got \[1\.0, 2\.0\]\.$"):
        check_batch("mix", "inputs", value, 2)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_check_floating_accepts_floats(dtype: torch.dtype) -> None:
    check_floating("mix", "inputs", torch.zeros(2, dtype=dtype))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.bool, torch.complex64])
def test_check_floating_refuses_the_rest(dtype: torch.dtype) -> None:
    expected = (
        rf"^mix: inputs must be floating point, got {dtype}\. "
        r"Convert and normalize first, for example inputs\.float\(\) / 255\.$"
    )
    with pytest.raises(TypeError, match=expected):
        check_floating("mix", "inputs", torch.zeros(2, dtype=dtype))


def test_on_device_keeps_dtype_and_values() -> None:
    array = np.array([[True, False]])
    tensor = on_device(array, torch.device("cpu"))
    assert tensor.dtype == torch.bool
    assert tensor.tolist() == array.tolist()


def test_on_device_casts_on_the_way() -> None:
    tensor = on_device(np.array([0.3], dtype=np.float32), torch.device("cpu"), torch.bfloat16)
    assert tensor.dtype == torch.bfloat16
    assert tensor.item() == torch.tensor(0.3, dtype=torch.bfloat16).item()


@given(st.integers(1, 5), st.integers(0, 3), st.integers(0, 2**32 - 1))
def test_mix_pairs_equals_a_loop(batch_size: int, extra_dims: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    values = generator.standard_normal((batch_size, *range(2, 2 + extra_dims)))
    lam = generator.random(batch_size, dtype=np.float32)
    partner = generator.integers(batch_size, size=batch_size)
    expected = np.stack(
        [float(lam[i]) * values[i] + (1 - float(lam[i])) * values[partner[i]] for i in range(batch_size)]
    )
    np.testing.assert_allclose(mix_pairs(torch.from_numpy(values), lam, partner).numpy(), expected, atol=1e-12)
