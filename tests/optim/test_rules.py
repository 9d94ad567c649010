from dataclasses import FrozenInstanceError
from typing import Any, cast

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lightning_regkit import optim
from lightning_regkit.optim import GroupRule
from lightning_regkit.optim._rules import ruled


def net() -> nn.ModuleDict:
    return nn.ModuleDict(
        {
            "stem": nn.Conv2d(1, 2, 3),
            "norm": nn.BatchNorm2d(2),
            "body": nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)),
            "head": nn.Linear(2, 3),
        }
    )


def found(module: nn.Module, groups: list[dict[str, Any]]) -> dict[str, tuple[str, float, float]]:
    """Parameter name to name, factor and weight decay of its group."""
    names = {id(parameter): name for name, parameter in module.named_parameters()}
    return {
        names[id(parameter)]: (group["name"], group["lr_scale"], group["weight_decay"])
        for group in groups
        for parameter in group["params"]
    }


def test_the_first_rule_that_matches_wins_and_norms_and_biases_never_decay() -> None:
    module = net()
    rules = [
        GroupRule("head.*", lr_scale=10.0, weight_decay=0.5),
        GroupRule(module_type=nn.Linear, ndim=2, lr_scale=2.0),
        GroupRule(module_type=(nn.Conv2d, nn.Linear), lr_scale=3.0),
    ]
    assert found(module, ruled("f", module, 0.1, rules, {})) == {
        "stem.weight": ("rule2", 3.0, 0.1),
        "stem.bias": ("rule2-no-decay", 3.0, 0.0),
        "norm.weight": ("rest-no-decay", 1.0, 0.0),
        "norm.bias": ("rest-no-decay", 1.0, 0.0),
        "body.0.weight": ("rule1", 2.0, 0.1),
        "body.0.bias": ("rule2-no-decay", 3.0, 0.0),
        "body.1.weight": ("rule1", 2.0, 0.1),
        "body.1.bias": ("rule2-no-decay", 3.0, 0.0),
        "head.weight": ("rule0", 10.0, 0.5),
        "head.bias": ("rule0-no-decay", 10.0, 0.0),
    }


def test_without_decay_there_is_one_group_a_rule() -> None:
    module = net()
    groups = ruled("f", module, 0.0, [GroupRule("head.*", lr_scale=0.5)], {})
    assert [(group["name"], len(group["params"]), group["weight_decay"]) for group in groups] == [
        ("rest", 8, 0.0),
        ("rule0", 2, 0.0),
    ]


def test_a_rule_can_spare_what_would_decay() -> None:
    module = nn.Sequential(nn.Linear(2, 2), nn.PReLU())
    groups = found(module, ruled("f", module, 0.1, [GroupRule(module_type=nn.PReLU, weight_decay=0.0)], {}))
    assert groups["1.weight"] == ("rule0", 1.0, 0.0)
    assert groups["0.weight"] == ("rest", 1.0, 0.1)


def test_factors_of_rule_and_depth_multiply() -> None:
    module = net()
    scales = {name: (3, 0.25) for name, _ in module.named_parameters()}
    groups = found(module, ruled("f", module, 0.0, [GroupRule("head.*", lr_scale=8.0)], scales))
    assert groups["head.weight"] == ("layer3-rule0", 2.0, 0.0)
    assert groups["stem.weight"] == ("layer3", 0.25, 0.0)


def test_subclasses_count_and_frozen_parameters_do_not() -> None:
    class Special(nn.Linear): ...

    module = nn.Sequential(Special(1, 1), nn.Linear(1, 1))
    module[1].requires_grad_(requires_grad=False)
    assert found(module, ruled("f", module, 0.0, [GroupRule(module_type=nn.Linear, lr_scale=2.0)], {})) == {
        "0.weight": ("rule0", 2.0, 0.0),
        "0.bias": ("rule0", 2.0, 0.0),
    }


@pytest.mark.parametrize(
    "rules", [[GroupRule("haed.*")], [GroupRule("head.*"), GroupRule("head.bias")], [GroupRule(ndim=7)]]
)
def test_a_rule_that_matches_nothing_is_refused(rules: list[GroupRule]) -> None:
    with pytest.raises(ValueError, match="match") as refused:
        ruled("f", net(), 0.1, rules, {})
    assert str(refused.value) == (
        f"f: rules must each match a trainable parameter, got {rules[-1]!r}. "
        "The first rule that matches wins: narrow ones first."
    )


RULES = st.builds(
    GroupRule,
    pattern=st.sampled_from(["*", "*.weight", "head.*", "body.1.*"]),
    module_type=st.sampled_from([nn.Module, nn.Linear, nn.BatchNorm2d]),
    ndim=st.sampled_from([None, 1, 2]),
    lr_scale=st.sampled_from([0.5, 2.0]),
    weight_decay=st.sampled_from([None, 0.0, 0.3]),
)


@settings(max_examples=60)
@given(rules=st.lists(RULES, max_size=4), weight_decay=st.sampled_from([0.0, 0.1]))
def test_is_the_slow_reading_of_the_rules(rules: list[GroupRule], weight_decay: float) -> None:
    module = net()
    expected, used = {}, set()
    for name, parameter in module.named_parameters():
        layer = module.get_submodule(name.rsplit(".", 1)[0])
        scale, decay = 1.0, weight_decay
        for rule in rules:
            if rule.is_met(name, layer, parameter):
                scale = rule.lr_scale
                decay = weight_decay if rule.weight_decay is None else rule.weight_decay
                used.add(id(rule))
                break
        expected[name] = (scale, 0.0 if parameter.ndim == 1 else decay)
    if any(id(rule) not in used for rule in rules):
        with pytest.raises(ValueError, match="each match"):
            ruled("f", module, weight_decay, rules, {})
        return
    groups = ruled("f", module, weight_decay, rules, {})
    assert {name: settings for name, (_, *settings) in found(module, groups).items()} == {
        name: list(settings) for name, settings in expected.items()
    }
    assert len({group["name"] for group in groups}) == len(groups)
    optim.check_groups(module, groups)


@pytest.mark.parametrize(
    ("rule", "is_met"),
    [
        (GroupRule(), True),
        (GroupRule("a.b.*"), True),
        (GroupRule("a*"), True),
        (GroupRule("a"), False),
        (GroupRule("A.*"), False),
        (GroupRule(module_type=nn.Linear), True),
        (GroupRule(module_type=(nn.Conv2d, nn.Linear)), True),
        (GroupRule(module_type=nn.Conv2d), False),
        (GroupRule(ndim=2), True),
        (GroupRule(ndim=1), False),
        (GroupRule("*.weight", nn.Linear, 2), True),
        (GroupRule("*.weight", nn.Linear, 0), False),
    ],
)
def test_all_conditions_must_be_met(rule: GroupRule, is_met: bool) -> None:
    assert rule.is_met("a.b.weight", nn.Linear(2, 2), torch.zeros(2, 2)) is is_met


def test_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        GroupRule().lr_scale = 2.0  # type: ignore[misc]  # the assignment that must fail


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        ({"pattern": nn.Linear}, TypeError, f"pattern must be a string, got {nn.Linear!r}."),
        ({"module_type": "Linear"}, TypeError, "module_type must be a class of torch.nn.Module, got 'Linear'."),
        ({"module_type": int}, TypeError, "module_type must be a class of torch.nn.Module, got <class 'int'>."),
        ({"ndim": -1}, ValueError, "ndim must be an integer of at least 0, got -1."),
        ({"lr_scale": 0.0}, ValueError, "lr_scale must be a positive number, got 0.0."),
        ({"weight_decay": -0.1}, ValueError, "weight_decay must be a number of at least 0, got -0.1."),
    ],
)
def test_refusals(given: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error) as refused:
        GroupRule(**cast("Any", given))
    assert str(refused.value) == f"GroupRule: {text}"
