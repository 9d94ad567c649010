from typing import Any

import pytest
from torch import nn

from lightning_regkit import optim


def net() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.Linear(2, 1))


def test_one_line_a_group() -> None:
    module = net()
    groups = optim.param_groups(module, 0.05, rules=[optim.GroupRule("2.*", lr_scale=0.5)])
    assert optim.group_report(module, groups) == [
        "rest: 1 tensors, 6 elements, lr x 1, weight decay 0.05: 0.weight",
        "rest-no-decay: 3 tensors, 6 elements, lr x 1, weight decay 0: 0.bias, 1.weight, 1.bias",
        "rule0: 1 tensors, 2 elements, lr x 0.5, weight decay 0.05: 2.weight",
        "rule0-no-decay: 1 tensors, 1 elements, lr x 0.5, weight decay 0: 2.bias",
    ]


def test_groups_without_a_name_have_lightning_s_and_long_lists_are_cut() -> None:
    module, other = net(), nn.Linear(1, 1)
    groups: list[dict[str, Any]] = [{"params": list(module.parameters())}, {"params": [other.weight], "lr": 0.1}]
    assert optim.group_report(module, groups) == [
        "pg1: 6 tensors, 15 elements, lr x 1, weight decay 0: 0.weight, 0.bias, 1.weight, 3 more",
        "pg2: 1 tensors, 1 elements, lr x 1, weight decay 0: (of another module)",
    ]


def test_reads_the_groups_of_an_optimizer() -> None:
    module = net()
    optimizer = optim.create(module, "adamw")
    assert [line.split(",")[0] for line in optim.group_report(module, optimizer.param_groups)] == [
        "pg1: 2 tensors",
        "pg2: 4 tensors",
    ]


def test_nothing_to_say_about_no_groups() -> None:
    assert optim.group_report(net(), []) == []


def test_complete_groups_pass() -> None:
    module = net()
    module[0].requires_grad_(requires_grad=False)
    optim.check_groups(module, optim.param_groups(module, 0.1))
    optim.check_groups(module, [{"params": [*module[1:].parameters(), *nn.Linear(1, 1).parameters()]}])
    optim.check_groups(nn.Flatten(), [])


def test_a_tied_parameter_counts_once() -> None:
    linear = nn.Linear(2, 2)
    optim.check_groups(nn.Sequential(linear, linear), [{"params": list(linear.parameters())}])


def test_a_parameter_in_no_group_or_in_two_is_refused() -> None:
    module = net()
    groups = [
        {"params": [module[0].weight, module[2].weight, module[2].bias]},
        {"params": list(module[2].parameters())},
    ]
    with pytest.raises(ValueError, match="once") as refused:
        optim.check_groups(module, groups)
    assert str(refused.value) == (
        "optim.check_groups: groups must hold every trainable parameter once, got "
        "['0.bias in 0', '1.weight in 0', '1.bias in 0', '2.weight in 2', '2.bias in 2']."
    )


def test_the_same_parameter_twice_in_one_group_is_refused() -> None:
    linear = nn.Linear(1, 1, bias=False)
    with pytest.raises(ValueError, match=r"got \['weight in 2'\]\.$"):
        optim.check_groups(linear, [{"params": [linear.weight, linear.weight]}])
