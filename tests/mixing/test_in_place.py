import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_regkit.mixing._in_place import bits, is_plain, overwrite_order


def test_plain_is_the_cpu_where_autograd_does_not_watch() -> None:
    inputs = torch.zeros(2, requires_grad=True)
    assert not is_plain(inputs)
    assert not is_plain(inputs * 2)
    assert not is_plain(torch.zeros(2, device="meta"))
    assert is_plain(torch.zeros(2))
    assert is_plain(inputs.detach())
    with torch.no_grad():
        assert is_plain(inputs)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_bits_are_the_memory_of_the_tensor(dtype: torch.dtype) -> None:
    tensor = torch.zeros(2, 3, 4, 5, dtype=dtype).contiguous(memory_format=torch.channels_last)
    array = bits(tensor)
    assert array.shape == (2, 3, 4, 5)
    assert array.itemsize == tensor.element_size()
    assert array.strides == tuple(stride * array.itemsize for stride in tensor.stride())
    array[1, 2, 3, 4] = bits(torch.tensor(1.0, dtype=dtype))
    assert tensor.nonzero().tolist() == [[1, 2, 3, 4]]
    assert tensor[1, 2, 3, 4] == 1


@pytest.mark.parametrize(
    ("partner", "order", "late"),
    [
        ([0], [0], []),
        ([0, 1], [1, 0], []),
        ([1, 0], [0, 1], [1]),
        ([1, 2, 0, 3], [3, 0, 1, 2], [2]),
        ([0, 0, 0], [2, 1, 0], []),  # no permutation: 1 and 2 read 0
        ([1, 0, 1], [2, 0, 1], [1]),
    ],
)
def test_worked_orders(partner: list[int], order: list[int], late: list[int]) -> None:
    assert overwrite_order(partner) == (order, late)


@given(st.integers(1, 12), st.data())
def test_each_is_overwritten_after_those_that_read_it(batch_size: int, data: st.DataObject) -> None:
    index = st.integers(0, batch_size - 1)
    partner = data.draw(st.lists(index, min_size=batch_size, max_size=batch_size))
    order, late = overwrite_order(partner)
    assert sorted(order) == list(range(batch_size))
    overwritten: set[int] = set()
    for reader in order:
        assert (partner[reader] in overwritten) == (reader in late)
        overwritten.add(reader)


@given(st.permutations(range(9)))
def test_one_is_late_in_each_cycle_of_two_or_more(partner: list[int]) -> None:
    powers = [np.arange(9)]
    for _ in range(9):
        powers.append(np.array(partner)[powers[-1]])
    lowest = np.min(powers, axis=0)  # names the cycle
    lengths = np.bincount(lowest, minlength=9)
    _, late = overwrite_order(partner)
    assert sorted(lowest[late]) == [cycle for cycle in range(9) if lengths[cycle] > 1]
