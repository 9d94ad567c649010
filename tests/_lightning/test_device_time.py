"""Time is read once the device is done; a CPU is not asked."""

import time
from types import SimpleNamespace

import pytest
import torch

from lightning_regkit._lightning import _device_time
from lightning_regkit._lightning._device_time import device_seconds


def test_it_counts_seconds() -> None:
    start = device_seconds(torch.device("cpu"))
    time.sleep(0.01)
    assert 0.01 <= device_seconds(torch.device("cpu")) - start < 5


@pytest.mark.parametrize(
    ("kind", "is_available", "log"),
    [
        ("cuda", True, ["wait for cuda:1", "read"]),
        ("cuda", False, ["read"]),
        ("cpu", True, ["read"]),
        ("xla", True, ["read"]),
    ],
)
def test_the_device_is_waited_for_first(
    kind: str, is_available: bool, log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    accelerator = SimpleNamespace(
        is_available=lambda: is_available,
        current_accelerator=lambda: torch.device("cuda"),
        synchronize=lambda device: said.append(f"wait for {device}"),
    )
    monkeypatch.setattr(torch, "accelerator", accelerator)
    monkeypatch.setattr(_device_time, "time", SimpleNamespace(perf_counter=lambda: said.append("read")))
    device_seconds(torch.device(kind, 1) if kind == "cuda" else torch.device(kind))
    assert said == log
