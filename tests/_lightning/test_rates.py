"""Base values of the options of parameter groups, and scaled ones."""

from typing import Any

import pytest
import torch
from torch import nn

from lightning_regkit._lightning._rates import GroupOption, OptionName, group_options


def parameter() -> nn.Parameter:
    return nn.Parameter(torch.zeros(2))


def two_groups() -> torch.optim.Optimizer:
    groups: list[Any] = [{"params": [parameter()], "lr": lr, "momentum": 5 * lr} for lr in (0.1, 0.01)]
    return torch.optim.SGD(groups, lr=1.0)


def values_of(optimizer: torch.optim.Optimizer, name: str = "lr") -> list[float]:
    return [float(group[name]) for group in optimizer.param_groups]


def test_every_group_keeps_its_ratio() -> None:
    first, second = two_groups(), two_groups()
    rates = GroupOption("ScheduleLR", "lr", [first, second])
    rates.write(0, 0.5)
    assert values_of(first) == [0.05, 0.005]
    assert values_of(second) == [0.1, 0.01]
    rates.write(0, 1.0)
    assert values_of(first) == [0.1, 0.01], "factors do not pile up"
    rates.write(1, 0.5, 0.5)
    assert values_of(second) == [0.025, 0.0025], "factor times scale"
    assert values_of(first, "momentum") == [0.5, 0.05], "other options are left alone"


def test_information_in_groups_is_kept() -> None:
    groups: list[Any] = [{"params": [parameter()], "lr": 0.5, "lr_scale": 0.1, "name": "head"}]
    optimizer = torch.optim.SGD(groups, lr=1.0)
    GroupOption("ScheduleLR", "lr", [optimizer]).write(0, 0.5)
    group = optimizer.param_groups[0]
    assert (group["lr"], group["lr_scale"], group["name"]) == (0.25, 0.1, "head")


def test_momentum_and_first_betas() -> None:
    sgd = two_groups()
    GroupOption("ScheduleLR", "momentum", [sgd]).write(0, 0.5)
    assert values_of(sgd, "momentum") == [0.25, 0.025]
    adam = torch.optim.Adam([parameter()], betas=(0.8, 0.99))
    GroupOption("ScheduleLR", "momentum", [adam]).write(0, 0.5)
    assert adam.param_groups[0]["betas"] == (0.4, 0.99)
    rmsprop = torch.optim.RMSprop([parameter()], momentum=0.8)
    GroupOption("ScheduleLR", "momentum", [rmsprop]).write(0, 0.5)
    assert values_of(rmsprop, "momentum") == [0.4]


def test_weight_decay_of_an_exempt_group_stays_zero() -> None:
    groups: list[Any] = [{"params": [parameter()]}, {"params": [parameter()], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.5)
    GroupOption("ScheduleLR", "weight_decay", [optimizer]).write(0, 0.5)
    assert values_of(optimizer, "weight_decay") == [0.25, 0.0]


@pytest.mark.parametrize(
    ("name", "optimizer", "kind"),
    [
        ("momentum", torch.optim.SGD, "SGD"),
        ("momentum", torch.optim.RMSprop, "RMSprop"),
        ("momentum", torch.optim.Adagrad, "Adagrad"),
        ("weight_decay", torch.optim.Adam, "Adam"),
        ("weight_decay", torch.optim.LBFGS, "LBFGS"),
    ],
)
def test_an_option_that_is_not_there_or_zero_is_refused(name: OptionName, optimizer: Any, kind: str) -> None:
    with pytest.raises(ValueError, match=name) as caught:
        GroupOption("ScheduleLR", name, [optimizer([parameter()], lr=0.1)])
    assert str(caught.value) == (
        f"ScheduleLR: {name} must drive optimizers that have one above 0, got '{kind}'. "
        f"Remove {name}=, or set it there."
    )


def test_only_the_optimizers_that_are_driven_need_the_option() -> None:
    driven, other = two_groups(), torch.optim.SGD([parameter()], lr=0.1)
    GroupOption("ScheduleLR", "momentum", [driven, other], driven=[0])
    with pytest.raises(ValueError, match="momentum"):
        GroupOption("ScheduleLR", "momentum", [driven, other], driven=[1])
    options = group_options("ScheduleLR", [{"lr": 1, "momentum": 1}, {"lr": 1}], [driven, other])
    assert list(options) == ["lr", "momentum"]
    options["lr"].write(1, 0.5)
    assert values_of(other) == [0.05]


def test_a_rate_that_is_none_is_refused() -> None:
    optimizer = two_groups()
    optimizer.param_groups[1]["lr"] = None
    with pytest.raises(ValueError, match="lr") as caught:
        GroupOption("ScheduleLR", "lr", [optimizer])
    assert str(caught.value) == (
        "ScheduleLR: lr must be a number in every group, got None. Give the optimizer a rate, or remove what drives it."
    )


def test_a_rate_of_zero_is_the_business_of_the_user() -> None:
    GroupOption("ScheduleLR", "lr", [torch.optim.SGD([parameter()], lr=0.0)]).write(0, 1.0)


def test_a_group_added_later_has_the_value_it_came_with_as_its_base() -> None:
    optimizer = two_groups()
    rates = GroupOption("ScheduleLR", "lr", [optimizer])
    assert rates.has_new_groups(0), "nothing is written yet"
    rates.write(0, 0.5)
    assert not rates.has_new_groups(0)
    optimizer.add_param_group({"params": [parameter()], "lr": 0.4})
    assert rates.has_new_groups(0)
    rates.write(0, 0.25)
    assert values_of(optimizer) == [0.025, 0.0025, 0.1]
    rates.write(0, 1.0)
    assert values_of(optimizer) == [0.1, 0.01, 0.4]
    assert rates.base == [[0.1, 0.01, 0.4]]


def test_bases_of_groups_that_an_earlier_run_added_come_from_it() -> None:
    optimizer = two_groups()
    rates = GroupOption("ScheduleLR", "lr", [optimizer])
    optimizer.add_param_group({"params": [parameter()], "lr": 0.04})  # scaled by what it had when it was saved
    rates.restore([[9.0, 9.0, 0.4, 9.0]])
    assert rates.base == [[0.1, 0.01, 0.4]], "those of the code stay, and no more than there are groups"
    rates.write(0, 0.5)
    assert values_of(optimizer) == [0.05, 0.005, 0.2]


def test_the_rate_before_a_scheduler_is_the_base() -> None:
    optimizer = two_groups()
    torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.1)
    assert values_of(optimizer) == pytest.approx([0.01, 0.001]), "torch lowers it when the scheduler is made"
    rates = GroupOption("ScheduleLR", "lr", [optimizer])
    rates.write(0, 1.0)
    assert values_of(optimizer) == [0.1, 0.01]


def test_tensors_are_written_in_place() -> None:
    lr, beta, decay = torch.tensor(0.5), torch.tensor(0.8), torch.tensor(0.25)
    betas = (beta, torch.tensor(0.99))
    optimizer = torch.optim.AdamW([parameter()], lr=lr, betas=betas, capturable=True)
    optimizer.param_groups[0]["weight_decay"] = decay
    names: tuple[OptionName, ...] = ("lr", "momentum", "weight_decay")
    for name in names:
        option = GroupOption("ScheduleLR", name, [optimizer])
        for factor in (0.25, 0.5):
            option.write(0, factor)
    group = optimizer.param_groups[0]
    assert group["lr"] is lr
    assert group["betas"][0] is beta
    assert group["weight_decay"] is decay
    assert (lr.item(), beta.item(), decay.item()) == (0.25, pytest.approx(0.4), 0.125)


@pytest.mark.parametrize("name", ["lr", "momentum"])
def test_a_second_hand_is_found_at_the_next_write(name: OptionName) -> None:
    optimizer = two_groups()
    option = GroupOption("ScheduleLR", name, [optimizer])
    option.write(0, 0.5)
    wrote = values_of(optimizer, name)[1]
    optimizer.param_groups[1][name] = 7.0
    with pytest.raises(RuntimeError, match=name) as caught:
        option.write(0, 0.5)
    assert str(caught.value) == (
        f"ScheduleLR: {name} of group 1 must be left to it, got 7.0 where it wrote {wrote}. Remove what else sets it."
    )
