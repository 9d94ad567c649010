"""Global generators put back where they were, from what a safe load of a checkpoint gives."""

import random
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from lightning_regkit._lightning._generators import burn_seeds, forked_torch, generator_states, restore_generators

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)


@pytest.fixture(autouse=True)
def _seed_all() -> None:
    random.seed(1)
    np.random.seed(2)  # noqa: NPY002
    torch.manual_seed(3)


def draws() -> list[float]:
    """Draw from all three; Python and NumPy keep the second number of every pair of Gaussians."""
    normal = np.random.standard_normal
    return [random.gauss(0, 1), random.random(), normal(), np.random.rand(), torch.rand(()).item()]  # noqa: NPY002


def saved_and_loaded(states: dict[str, Any], folder: Path) -> dict[str, Any]:
    torch.save(states, folder / "states.pt")
    loaded: dict[str, Any] = torch.load(folder / "states.pt", weights_only=True)
    return loaded


@pytest.mark.parametrize("before", [0, 1, 2])
def test_draws_are_repeated_also_with_half_a_pair_of_gaussians_left(before: int, tmp_path: Path) -> None:
    for _ in range(before):
        draws()
    states = generator_states(CPU)
    expected = [draws() for _ in range(3)]
    assert expected[0] != expected[1]
    for loaded in (states, saved_and_loaded(states, tmp_path)):
        assert draws() not in expected
        restore_generators(loaded, CPU)
        assert [draws() for _ in range(3)] == expected


def test_reading_draws_nothing_and_later_draws_do_not_reach_what_was_read() -> None:
    states = generator_states(CPU)
    before = [part.clone() for part in (states["torch"], states["numpy"][1])]
    first = draws()
    assert all(map(torch.equal, before, (states["torch"], states["numpy"][1])))
    restore_generators(states, CPU)
    generator_states(CPU)
    assert draws() == first


def test_a_cpu_run_saves_three_generators() -> None:
    assert set(generator_states(CPU)) == {"python", "numpy", "torch"}


class Device:
    """The module of a device type with one generator."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.state = torch.arange(16, dtype=torch.uint8)
        self.asked: list[torch.device] = []
        monkeypatch.setattr(torch, "get_device_module", self._module)

    def _module(self, device: torch.device) -> "Device":
        self.asked.append(device)
        return self

    def get_rng_state(self) -> Tensor:
        return self.state.clone()

    def set_rng_state(self, state: Tensor) -> None:
        assert isinstance(state, Tensor)
        self.state = state

    def manual_seed(self, value: int) -> None:
        self.state = torch.tensor([value])


def test_the_generator_of_the_device_is_saved_under_its_kind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    device = Device(monkeypatch)
    states = saved_and_loaded(generator_states(CUDA), tmp_path)
    assert set(states) == {"python", "numpy", "torch", "cuda"}
    device.state = torch.zeros(16, dtype=torch.uint8)
    restore_generators(states, torch.device("cuda", 1))
    assert device.state.tolist() == list(range(16))
    assert device.asked == [CUDA, torch.device("cuda", 1)]


def test_a_device_of_another_kind_keeps_its_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    states = generator_states(CPU)
    expected = draws()
    device = Device(monkeypatch)
    restore_generators(states, CUDA)
    assert draws() == expected
    assert device.asked == []

    from_cuda = generator_states(CUDA)
    device.asked.clear()
    restore_generators(from_cuda, CPU)
    assert device.asked == []


def test_a_checkpoint_mapped_to_a_device_is_brought_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def mapped(state: Tensor) -> Any:
        return SimpleNamespace(cpu=lambda: state)

    device = Device(monkeypatch)
    states = generator_states(CUDA)
    expected = draws()
    name, keys, *rest = states["numpy"]
    elsewhere = {
        **states,
        "torch": mapped(states["torch"]),
        "numpy": (name, mapped(keys), *rest),
        "cuda": mapped(states["cuda"]),
    }
    device.state = torch.zeros(16, dtype=torch.uint8)
    restore_generators(elsewhere, CUDA)
    assert draws() == expected
    assert device.state.tolist() == list(range(16))


@pytest.mark.parametrize("raises", [False, True])
def test_a_fork_is_seeded_as_often_as_one_likes_and_leaves_no_trace(raises: bool) -> None:
    before = torch.get_rng_state()
    with pytest.raises(OSError, match="on fire") if raises else nullcontext(), forked_torch(CPU) as seed:
        drawn = []
        for value in (1, 2, 1):
            seed(value)
            drawn.append(torch.rand(()).item())
        assert drawn[0] == drawn[2] != drawn[1]
        assert drawn[0] == torch.rand((), generator=torch.Generator().manual_seed(1)).item()
        if raises:
            raise OSError("on fire")
    assert torch.equal(torch.get_rng_state(), before)


def test_a_fork_takes_the_device_along(monkeypatch: pytest.MonkeyPatch) -> None:
    device = Device(monkeypatch)
    with forked_torch(CUDA) as seed:
        seed(7)
        assert device.state.tolist() == [7]
        assert torch.initial_seed() == 7
    assert device.state.tolist() == list(range(16))
    assert device.asked == [CUDA]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_iterators_of_loaders_draw_what_is_burnt(count: int) -> None:
    torch.manual_seed(5)
    for _ in range(count):
        iter(DataLoader([1, 2], num_workers=0))
    expected = torch.rand(3)
    torch.manual_seed(5)
    burn_seeds(count)
    assert torch.equal(torch.rand(3), expected)


def test_an_iterator_with_workers_draws_as_much() -> None:
    torch.manual_seed(5)
    iter(DataLoader([1, 2], num_workers=1))
    expected = torch.rand(3)
    torch.manual_seed(5)
    burn_seeds(1)
    assert torch.equal(torch.rand(3), expected)
