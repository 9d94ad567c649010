from collections.abc import Callable
from typing import Any, cast

import pytest
import timm
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from timm import optim as timm_optim
from torch import Tensor, nn
from typing_extensions import override

from lightning_regkit import optim


def decays(module: nn.Module) -> dict[str, bool]:
    """Parameter name to whether it decays; a frozen parameter is absent."""
    groups = optim.param_groups(module, 0.1)
    ids = {id(parameter): group["weight_decay"] > 0 for group in groups for parameter in group["params"]}
    return {name: ids[id(parameter)] for name, parameter in module.named_parameters() if id(parameter) in ids}


class ThirdPartyNorm(nn.Module):
    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(shape))


class NormedLinear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3, 2))
        self.scale = nn.Parameter(torch.tensor(1.0))


class Odd(nn.BatchNorm1d):
    """A norm by type whose name does not say so."""


class Renamed(nn.Module):
    """One parameter under two names, the second of which is a bias."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3, 2))
        self.bias = self.weight


def test_the_decaying_group_comes_first() -> None:
    linear = nn.Linear(3, 2)
    groups = optim.param_groups(linear, 0.05)
    assert [group["weight_decay"] for group in groups] == [0.05, 0.0]
    assert groups[0]["params"][0] is linear.weight
    assert groups[1]["params"][0] is linear.bias
    assert [len(group["params"]) for group in groups] == [1, 1]
    assert [set(group) for group in groups] == [{"params", "weight_decay"}] * 2


def test_no_weight_decay_is_one_group_in_the_module_s_order() -> None:
    net = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.Linear(2, 1))
    (group,) = optim.param_groups(net, 0)
    assert group["weight_decay"] == 0.0
    assert [id(parameter) for parameter in group["params"]] == [id(parameter) for parameter in net.parameters()]


def test_an_empty_group_is_dropped() -> None:
    assert [group["weight_decay"] for group in optim.param_groups(nn.Linear(3, 2, bias=False), 0.1)] == [0.1]
    assert [group["weight_decay"] for group in optim.param_groups(nn.LayerNorm(3), 0.1)] == [0.0]
    assert optim.param_groups(nn.Flatten(), 0.1) == []
    assert optim.param_groups([], 0.1) == []


@pytest.mark.parametrize(
    "norm",
    [
        nn.BatchNorm1d(4),
        nn.BatchNorm2d(4),
        nn.BatchNorm3d(4),
        nn.SyncBatchNorm(4),
        nn.InstanceNorm1d(4, affine=True),
        nn.InstanceNorm2d(4, affine=True),
        nn.InstanceNorm3d(4, affine=True),
        nn.GroupNorm(2, 4),
        nn.LayerNorm((4, 3)),
        nn.RMSNorm((4, 3)),
        nn.LazyBatchNorm1d(),
        nn.LazyBatchNorm2d(),
        nn.LazyBatchNorm3d(),
        nn.LazyInstanceNorm1d(affine=True),
        nn.LazyInstanceNorm2d(affine=True),
        nn.LazyInstanceNorm3d(affine=True),
        Odd(4),
    ],
    ids=lambda norm: type(norm).__name__,
)
def test_norms_do_not_decay(norm: nn.Module) -> None:
    found = decays(norm)
    assert found
    assert not any(found.values())


@pytest.mark.parametrize("shape", [(), (4,), (1, 4, 1, 1)])
def test_third_party_norms_do_not_decay(shape: tuple[int, ...]) -> None:
    assert decays(ThirdPartyNorm(*shape)) == {"gain": False}


def test_a_matrix_in_a_third_party_layer_called_norm_decays() -> None:
    assert decays(NormedLinear()) == {"weight": True, "scale": False}


def test_names_of_layers_are_never_read() -> None:
    net = nn.ModuleDict({"bias": nn.Linear(3, 2), "bn": nn.Linear(2, 1), "head": nn.BatchNorm1d(2)})
    assert decays(net) == {
        "bias.weight": True,
        "bias.bias": False,
        "bn.weight": True,
        "bn.bias": False,
        "head.weight": False,
        "head.bias": False,
    }


def test_biases_of_recurrent_and_attention_layers_do_not_decay() -> None:
    net = nn.ModuleDict(
        {
            "gru": nn.GRU(2, 3, bidirectional=True),
            "attention": nn.MultiheadAttention(4, 2, add_bias_kv=True),
        }
    )
    found = decays(net)
    assert {name for name, decay in found.items() if not decay} == {
        "gru.bias_ih_l0",
        "gru.bias_hh_l0",
        "gru.bias_ih_l0_reverse",
        "gru.bias_hh_l0_reverse",
        "attention.in_proj_bias",
        "attention.bias_k",
        "attention.bias_v",
        "attention.out_proj.bias",
    }
    assert {name for name, decay in found.items() if decay} == {
        "gru.weight_ih_l0",
        "gru.weight_hh_l0",
        "gru.weight_ih_l0_reverse",
        "gru.weight_hh_l0_reverse",
        "attention.in_proj_weight",
        "attention.out_proj.weight",
    }


def test_the_down_sample_norm_of_a_resnet_does_not_decay() -> None:
    # A rule by name ("bn" in name) lets these decay.
    found = decays(torchvision.models.resnet18())
    assert found["layer2.0.downsample.0.weight"]
    assert not found["layer2.0.downsample.1.weight"]
    assert not found["layer2.0.downsample.1.bias"]


@pytest.mark.parametrize(
    ("name", "differ"),
    [
        ("resnet18", set()),
        ("vit_tiny_patch16_224", set()),
        ("mobilenetv3_small_050", set()),
        ("convnext_atto", {"gamma"}),
    ],
)
def test_agrees_with_timm_except_for_layer_scale(name: str, differ: set[str]) -> None:
    # timm keeps decay from everything of one dimension: besides norms and biases these are ConvNeXt's layer scales.
    model = timm.create_model(name)
    theirs = {
        id(parameter): group["weight_decay"] > 0
        for group in cast("Any", timm_optim).param_groups_weight_decay(model, 0.1)
        for parameter in cast("list[Tensor]", group["params"])
    }
    ours = decays(model)
    assert len(ours) == len(theirs)
    found = {name for name, parameter in model.named_parameters() if ours[name] != theirs[id(parameter)]}
    assert {name.rsplit(".", 1)[-1] for name in found} == differ


@pytest.mark.parametrize("name", ["convnext_atto", "vit_tiny_patch16_224"])
def test_layer_norms_of_timm_do_not_decay(name: str) -> None:
    found = decays(timm.create_model(name))
    norms = [key for key in found if "norm" in key]
    assert len(norms) > 10
    assert not any(found[key] for key in norms)


def test_frozen_parameters_are_left_out() -> None:
    net = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
    net[0].requires_grad_(requires_grad=False)
    assert decays(net) == {"1.weight": True, "1.bias": False}


def test_a_tied_parameter_is_in_once() -> None:
    net = nn.ModuleDict({"embed": nn.Embedding(5, 3), "head": nn.Linear(3, 5)})
    cast("nn.Linear", net["head"]).weight = cast("nn.Embedding", net["embed"]).weight
    groups = optim.param_groups(net, 0.1)
    assert [len(group["params"]) for group in groups] == [1, 1]


def test_a_parameter_that_is_a_bias_anywhere_does_not_decay() -> None:
    (group,) = optim.param_groups(Renamed(), 0.1)
    assert (group["weight_decay"], len(group["params"])) == (0.0, 1)


@pytest.mark.parametrize("of", [list, tuple, iter], ids=["list", "tuple", "generator"])
def test_parameters_alone_are_split_by_ndim(of: Callable[[Any], Any]) -> None:
    shapes = [(), (4,), (4, 1), (2, 3, 1)]
    params = [nn.Parameter(torch.zeros(shape)) for shape in shapes]
    frozen = nn.Parameter(torch.zeros(3, 3), requires_grad=False)
    groups = optim.param_groups(of([*params, frozen, params[2]]), 0.1)
    assert [(group["weight_decay"], [tuple(p.shape) for p in group["params"]]) for group in groups] == [
        (0.1, [(4, 1), (2, 3, 1)]),
        (0.0, [(), (4,)]),
    ]


def test_torch_groups_pass_through_as_copies() -> None:
    linear = nn.Linear(3, 2).requires_grad_(requires_grad=False)
    given_groups: list[dict[str, Any]] = [{"params": [linear.weight], "lr": 0.5}, {"params": linear.bias, "note": "x"}]
    groups = optim.param_groups(given_groups, 0.1)
    assert [set(group) for group in groups] == [{"params", "lr"}, {"params", "note"}]
    assert all(ours["params"] is theirs["params"] for ours, theirs in zip(groups, given_groups, strict=True))
    assert all(ours is not theirs for ours, theirs in zip(groups, given_groups, strict=True))
    assert (groups[0]["lr"], groups[1]["note"]) == (0.5, "x")


def test_the_module_is_unchanged() -> None:
    net = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    before = [(name, id(p), p.requires_grad, p.detach().clone()) for name, p in net.named_parameters()]
    optim.param_groups(net, 0.1)
    for (name, p), (old_name, old_id, old_grad, old) in zip(net.named_parameters(), before, strict=True):
        assert (name, id(p), p.requires_grad) == (old_name, old_id, old_grad)
        assert torch.equal(p, old)


LAYERS: dict[str, Callable[[], nn.Module]] = {
    "linear": lambda: nn.Linear(2, 2),
    "no bias": lambda: nn.Linear(2, 2, bias=False),
    "conv": lambda: nn.Conv2d(1, 2, 1),
    "batch norm": lambda: nn.BatchNorm2d(2),
    "layer norm": lambda: nn.LayerNorm((2, 2)),
    "gru": lambda: nn.GRU(1, 1),
    "attention": lambda: nn.MultiheadAttention(2, 1),
    "third party": lambda: ThirdPartyNorm(2),
    "prelu": nn.PReLU,
    "none": nn.ReLU,
    "weight norm": lambda: nn.utils.parametrizations.weight_norm(nn.Linear(2, 2)),
}


class Net(nn.Module):
    """Nested, with the first layer used again (tied) and the last parameters frozen."""

    def __init__(self, layers: list[nn.Module], frozen: int, *, is_tied: bool) -> None:
        super().__init__()
        self.inner = nn.Sequential(*layers)
        self.again = layers[0] if is_tied and layers else None
        self.own = nn.Parameter(torch.zeros(2, 2))
        for parameter in list(self.parameters())[:frozen]:
            parameter.requires_grad = False

    @override
    def forward(self, inputs: Tensor) -> Tensor:
        return inputs @ self.own


@settings(max_examples=60)
@given(
    kinds=st.lists(st.sampled_from(sorted(LAYERS)), max_size=6),
    frozen=st.integers(0, 5),
    is_tied=st.booleans(),
    weight_decay=st.sampled_from([0.0, 1e-4, 0.1, 5.0]),
)
def test_every_trainable_parameter_is_in_exactly_one_group(
    kinds: list[str], frozen: int, *, is_tied: bool, weight_decay: float
) -> None:
    net = Net([LAYERS[kind]() for kind in kinds], frozen, is_tied=is_tied)
    groups = optim.param_groups(net, weight_decay)
    grouped = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(grouped) == sorted(id(parameter) for parameter in net.parameters() if parameter.requires_grad)
    assert [group["weight_decay"] for group in groups] == sorted({g["weight_decay"] for g in groups}, reverse=True)
    assert {group["weight_decay"] for group in groups} <= {weight_decay, 0.0}


@settings(max_examples=30)
@given(shapes=st.lists(st.lists(st.integers(1, 3), max_size=3), max_size=6), weight_decay=st.floats(1e-6, 1.0))
def test_parameters_alone_are_in_exactly_one_group(shapes: list[list[int]], weight_decay: float) -> None:
    params = [nn.Parameter(torch.zeros(shape)) for shape in shapes]
    groups = optim.param_groups(params, weight_decay)
    for parameter in params:
        homes = [group["weight_decay"] for group in groups if any(parameter is other for other in group["params"])]
        assert homes == [weight_decay if parameter.ndim >= 2 else 0.0]


@pytest.mark.parametrize("value", [3, None, torch.zeros(2)])
def test_what_is_neither_module_nor_iterable_is_refused(value: object) -> None:
    with pytest.raises(TypeError) as refused:
        optim.param_groups(cast("nn.Module", value), 0.1)
    assert str(refused.value) == (
        "optim.param_groups: module must be a torch.nn.Module, an iterable of parameters or an iterable of "
        f"parameter-group dicts, got {type(value)!r}."
    )


@pytest.mark.parametrize(
    ("items", "found"),
    [
        (list(nn.Linear(1, 1).named_parameters()), "['tuple']"),
        ([nn.Parameter(torch.zeros(1)), {"params": []}], "['Parameter', 'dict']"),
        ({"params": []}, "['str']"),
        ([nn.Linear(1, 1)], "['Linear']"),
    ],
)
def test_an_iterable_of_something_else_is_refused(items: object, found: str) -> None:
    with pytest.raises(TypeError) as refused:
        optim.param_groups(cast("nn.Module", items), 0.1)
    assert str(refused.value) == (
        f"optim.param_groups: module must hold parameters only, or parameter-group dicts only, got {found}. "
        "Pass the module itself, or its parameters()."
    )


@pytest.mark.parametrize(
    ("value", "error"),
    [(-0.1, ValueError), (float("nan"), ValueError), (float("inf"), ValueError), ("0.1", TypeError), (True, TypeError)],
)
def test_a_bad_weight_decay_is_refused(value: object, error: type[Exception]) -> None:
    with pytest.raises(error) as refused:
        optim.param_groups(nn.Linear(1, 1), cast("float", value))
    assert str(refused.value) == f"optim.param_groups: weight_decay must be a number of at least 0, got {value!r}."


def test_rules_and_layers_together() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Linear(2, 2))
    rule = optim.GroupRule(module_type=nn.BatchNorm1d, lr_scale=3.0)
    groups = optim.param_groups(net, 0.1, rules=[rule], layer_decay=0.5)
    assert [(g["name"], g["lr_scale"], g["weight_decay"], len(g["params"])) for g in groups] == [
        ("layer0", 0.25, 0.1, 1),
        ("layer0-no-decay", 0.25, 0.0, 1),
        ("layer1-rule0-no-decay", 1.5, 0.0, 2),
        ("layer2", 1.0, 0.1, 1),
        ("layer2-no-decay", 1.0, 0.0, 1),
    ]
    optim.check_groups(net, groups)


def test_layers_of_ones_own() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Linear(2, 2))
    groups = optim.param_groups(net, 0.0, layer_decay=0.5, layers=[("0", "1"), "2"])
    assert [(group["name"], group["lr_scale"]) for group in groups] == [("layer0", 0.5), ("layer1", 1.0)]


def test_a_layer_decay_of_1_leaves_the_rates() -> None:
    groups = optim.param_groups(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)), 0.0, layer_decay=1.0)
    assert [group["lr_scale"] for group in groups] == [1.0, 1.0]


@pytest.mark.parametrize("options", [{"rules": [optim.GroupRule()]}, {"layer_decay": 0.5}, {"layers": ["0"]}])
def test_rules_and_layers_need_a_module(options: dict[str, Any]) -> None:
    with pytest.raises(TypeError) as refused:
        optim.param_groups([nn.Parameter(torch.zeros(1))], 0.1, **options)
    assert str(refused.value) == (
        "optim.param_groups: module must be a torch.nn.Module for rules and layers, got <class 'list'>."
    )


@pytest.mark.parametrize(("rules", "found"), [([{"pattern": "*"}], "{'pattern': '*'}"), ("head.*", "'h'")])
def test_rules_of_another_kind_are_refused(rules: Any, found: str) -> None:
    with pytest.raises(TypeError) as refused:
        optim.param_groups(nn.Linear(1, 1), 0.1, rules=rules)
    assert str(refused.value) == f"optim.param_groups: rules must be a sequence of GroupRule, got {found}."


def test_layers_without_a_decay_are_refused() -> None:
    with pytest.raises(ValueError, match="layers") as refused:
        optim.param_groups(nn.Linear(1, 1), 0.1, layers=["weight", "bias"])
    assert str(refused.value) == "optim.param_groups: layer_decay must be given with layers, got None."


@pytest.mark.parametrize(
    ("value", "error", "condition"),
    [
        (0.0, ValueError, "be a positive number"),
        (1.5, ValueError, "be at most 1"),
        ("0.5", TypeError, "be a positive number"),
    ],
)
def test_a_bad_layer_decay_is_refused(value: float, error: type[Exception], condition: str) -> None:
    with pytest.raises(error) as refused:
        optim.param_groups(nn.Linear(1, 1), 0.1, layer_decay=value)
    assert str(refused.value) == f"optim.param_groups: layer_decay must {condition}, got {value!r}."
