"""Base rates and scaled ones, and schedulers that would write too."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from lightning_regkit._lightning._rates import Rates, refuse_schedulers


def two_groups() -> torch.optim.Optimizer:
    return torch.optim.SGD([{"params": [nn.Parameter(torch.zeros(2))], "lr": lr} for lr in (0.1, 0.01)], lr=1.0)


def rates_of(optimizer: torch.optim.Optimizer) -> list[float]:
    return [float(group["lr"]) for group in optimizer.param_groups]


def test_every_group_keeps_its_ratio() -> None:
    first, second = two_groups(), two_groups()
    rates = Rates([first, second])
    rates.write(0, 0.5)
    assert rates_of(first) == [0.05, 0.005]
    assert rates_of(second) == [0.1, 0.01]
    rates.write(0, 1.0)
    assert rates_of(first) == [0.1, 0.01], "factors do not pile up"


def test_a_group_added_later_has_the_rate_it_came_with_as_its_base() -> None:
    optimizer = two_groups()
    rates = Rates([optimizer])
    rates.write(0, 0.5)
    optimizer.add_param_group({"params": [nn.Parameter(torch.zeros(1))], "lr": 0.4})
    rates.write(0, 0.25)
    assert rates_of(optimizer) == [0.025, 0.0025, 0.1]
    rates.write(0, 1.0)
    assert rates_of(optimizer) == [0.1, 0.01, 0.4]


def test_a_tensor_rate_is_written_in_place() -> None:
    lr = torch.tensor(0.5)
    optimizer = torch.optim.Adam([nn.Parameter(torch.zeros(2))], lr=lr)
    Rates([optimizer]).write(0, 0.5)
    assert optimizer.param_groups[0]["lr"] is lr
    assert lr.item() == 0.25


def fake_trainer(optimizer: torch.optim.Optimizer, *schedulers: Any) -> Any:
    configs = [SimpleNamespace(scheduler=scheduler) for scheduler in schedulers]
    return SimpleNamespace(optimizers=[optimizer], lr_scheduler_configs=configs)


def test_no_scheduler_passes() -> None:
    refuse_schedulers("ScheduleLR", fake_trainer(two_groups()))


def test_a_returned_scheduler_is_refused() -> None:
    optimizer = two_groups()
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
    with pytest.raises(ValueError, match="scheduler") as caught:
        refuse_schedulers("ScheduleLR", fake_trainer(optimizer, scheduler))
    assert str(caught.value) == (
        "ScheduleLR: configure_optimizers must make no learning-rate scheduler, got 'ReduceLROnPlateau'. "
        "Return the optimizer alone, or remove ScheduleLR."
    )


def test_a_scheduler_kept_aside_is_refused() -> None:
    optimizer = two_groups()
    torch.optim.lr_scheduler.StepLR(optimizer, 1)
    with pytest.raises(ValueError, match="a torch scheduler attached to the optimizer"):
        refuse_schedulers("ScheduleLR", fake_trainer(optimizer))
