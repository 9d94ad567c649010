import sys
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import LearningRateMonitor
from lightning.pytorch.cli import LightningCLI
from lightning.pytorch.loggers import CSVLogger
from torch import Tensor, nn
from torch.optim import (
    ASGD,
    LBFGS,
    SGD,
    Adadelta,
    Adafactor,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    NAdam,
    Optimizer,
    RAdam,
    RMSprop,
    Rprop,
)
from torch.utils.data import DataLoader
from typing_extensions import override

from lightning_regkit import optim
from lightning_regkit.callbacks import ScheduleLR
from lightning_regkit.optim._builtin import BUILTIN
from lightning_regkit.schedules import Linear

BY_HAND: list[tuple[str, dict[str, Any], type[Optimizer], dict[str, Any]]] = [
    ("sgd", {}, SGD, {"lr": 1e-2}),
    ("sgd", {"lr": 0.1, "momentum": 0.5, "dampening": 0.1}, SGD, {"lr": 0.1, "momentum": 0.5, "dampening": 0.1}),
    ("momentum", {"lr": 0.1}, SGD, {"lr": 0.1, "momentum": 0.9}),
    ("momentum", {"momentum": 0.7}, SGD, {"lr": 1e-2, "momentum": 0.7}),
    ("nesterov", {}, SGD, {"lr": 1e-2, "momentum": 0.9, "nesterov": True}),
    ("adagrad", {"initial_accumulator_value": 0.5}, Adagrad, {"lr": 1e-2, "initial_accumulator_value": 0.5}),
    ("rmsprop", {"centered": True}, RMSprop, {"lr": 1e-3, "centered": True}),
    ("adam", {"betas": [0.8, 0.9]}, Adam, {"lr": 1e-3, "betas": (0.8, 0.9)}),
    ("adam", {"weight_decay": 0.1, "amsgrad": True}, Adam, {"lr": 1e-3, "weight_decay": 0.1, "amsgrad": True}),
    ("adamw", {}, AdamW, {"lr": 1e-3, "weight_decay": 1e-2}),
    ("adamw", {"weight_decay": 0.0, "foreach": False}, AdamW, {"lr": 1e-3, "weight_decay": 0.0, "foreach": False}),
    ("adadelta", {"rho": 0.5}, Adadelta, {"lr": 1.0, "rho": 0.5}),
    ("adafactor", {"weight_decay": 0.1}, Adafactor, {"lr": 1e-2, "weight_decay": 0.1}),
    ("adamax", {}, Adamax, {"lr": 2e-3}),
    ("asgd", {"t0": 2, "weight_decay": 0.1}, ASGD, {"lr": 1e-2, "t0": 2, "weight_decay": 0.1}),
    ("nadam", {"decoupled_weight_decay": True}, NAdam, {"lr": 2e-3, "decoupled_weight_decay": True}),
    ("radam", {"betas": [0.5, 0.6]}, RAdam, {"lr": 1e-3, "betas": (0.5, 0.6)}),
    ("rprop", {"etas": [0.4, 1.5]}, Rprop, {"lr": 1e-2, "etas": (0.4, 1.5)}),
    ("lbfgs", {"max_iter": 3}, LBFGS, {"lr": 1.0, "max_iter": 3, "line_search_fn": "strong_wolfe"}),
]


def small_net() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.BatchNorm1d(3), nn.Linear(3, 2))


def train(net: nn.Module, optimizer: Optimizer, steps: int = 5) -> list[Tensor]:
    inputs = torch.linspace(-1, 1, 32).view(8, 4).sin()

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = cast("Tensor", net(inputs)).square().sum()
        loss.backward()
        return loss

    for _ in range(steps):
        optimizer.step(closure)
    return [parameter.detach().clone() for parameter in net.parameters()]


@pytest.mark.parametrize(("name", "given", "cls", "by_hand"), BY_HAND)
def test_is_the_torch_object_made_by_hand(
    name: str, given: dict[str, Any], cls: type[Optimizer], by_hand: dict[str, Any]
) -> None:
    ours_net, theirs_net = small_net(), small_net()
    start = [parameter.detach().clone() for parameter in theirs_net.parameters()]
    ours = optim.create(ours_net, name, **given)
    weights = [theirs_net[0].weight, theirs_net[3].weight]
    rest = [theirs_net[0].bias, *theirs_net[2].parameters(), theirs_net[3].bias]
    decay = by_hand.get("weight_decay", 0.0)
    split = [{"params": weights, "weight_decay": decay}, {"params": rest, "weight_decay": 0.0}]
    theirs = cls(split if decay else theirs_net.parameters(), **by_hand)
    assert type(ours) is cls
    assert ours.defaults == theirs.defaults
    assert ours.state_dict()["param_groups"] == theirs.state_dict()["param_groups"]
    assert all(
        torch.equal(mine, other) and not torch.equal(mine, old)
        for mine, other, old in zip(train(ours_net, ours), train(theirs_net, theirs), start, strict=True)
    )


@pytest.mark.parametrize("given", [{}, {"lr": 0.1, "weight_decay": 0.0, "nesterov": False}])
def test_muon_is_torch_s_too(given: dict[str, Any]) -> None:
    muon = vars(torch.optim).get("Muon")
    if muon is None:
        pytest.skip("it came with torch 2.9")
    nets = [nn.Sequential(nn.Linear(4, 3, bias=False), nn.Tanh(), nn.Linear(3, 2, bias=False)) for _ in range(2)]
    nets[1].load_state_dict(nets[0].state_dict())
    ours, theirs = optim.create(nets[0], "muon", **given), muon(nets[1].parameters(), **given)
    assert type(ours) is muon
    assert ours.state_dict()["param_groups"] == theirs.state_dict()["param_groups"]
    assert all(map(torch.equal, train(nets[0], ours), train(nets[1], theirs)))


def test_every_built_in_entry_is_compared_above() -> None:
    elsewhere = {"muon", "sam"}  # just above; test_sam.py
    assert {name for name, *_ in BY_HAND} | elsewhere >= {entry.name for entry in BUILTIN}


def test_a_group_s_factor_is_applied_once_and_kept() -> None:
    first, second, third = nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 2)
    groups: list[dict[str, Any]] = [
        {"params": first.parameters(), "lr_scale": 0.5},
        {"params": second.parameters(), "lr_scale": 0.5, "lr": 0.3},
        {"params": third.parameters()},
    ]
    optimizer = optim.create(groups, "sgd", lr=0.1)
    found = [(group["lr"], group.get("lr_scale")) for group in optimizer.param_groups]
    assert found == [(0.05, 0.5), (0.3, 0.5), (0.1, None)]
    again = optim.create(optimizer.param_groups, "adam", lr=0.7)
    assert [group["lr"] for group in again.param_groups] == [0.05, 0.3, 0.1]


@pytest.mark.parametrize(("value", "error"), [(0.0, ValueError), (-1.0, ValueError), ("0.5", TypeError)])
def test_a_bad_factor_is_refused(value: object, error: type[Exception]) -> None:
    with pytest.raises(error) as refused:
        optim.create([{"params": [nn.Parameter(torch.zeros(1))], "lr_scale": value}], "sgd")
    assert str(refused.value) == f"optim.create: lr_scale must be a positive number, got {value!r}."


def test_the_factor_of_param_groups_reaches_the_optimizer() -> None:
    net = small_net()
    groups = optim.param_groups(net, 0.1, layer_decay=0.5)
    optimizer = optim.create(groups, "adamw", lr=0.1)
    rates = {group["name"]: (group["lr"], group["weight_decay"]) for group in optimizer.param_groups}
    assert rates == {
        "layer0": (0.025, 0.1),
        "layer0-no-decay": (0.025, 0.0),
        "layer1-no-decay": (0.05, 0.0),
        "layer2": (0.1, 0.1),
        "layer2-no-decay": (0.1, 0.0),
    }


def test_a_rate_that_has_no_default_must_be_given() -> None:
    with pytest.raises(ValueError, match="default") as refused:
        optim.create(small_net(), "timm/sgdp")
    assert str(refused.value) == "optim.create: lr must be given for timm/sgdp, which has no default, got None."


def test_weight_decay_of_0_is_no_weight_decay() -> None:
    group = optim.create(small_net(), "rprop", weight_decay=0.0).param_groups[0]
    assert "weight_decay" not in group


def test_the_options_of_an_optimizer_without_weight_decay_are_listed_without_it() -> None:
    with pytest.raises(TypeError) as refused:
        optim.create(nn.Linear(1, 1), "rprop", momentum=0.9)
    assert str(refused.value) == (
        "optim.create: options must be ones that rprop accepts, got ['momentum']. Accepted: lr, etas, step_sizes, "
        "capturable, foreach, maximize, differentiable."
    )


def test_an_alias_creates_the_same() -> None:
    alias, name = optim.create(small_net(), "nag"), optim.create(small_net(), "nesterov")
    assert alias.state_dict() == name.state_dict()


def test_none_means_the_entry_s_default() -> None:
    module = nn.Linear(2, 2, bias=False)
    group = optim.create(module, "adamw", lr=None, weight_decay=None).param_groups[0]
    assert (group["lr"], group["weight_decay"]) == (1e-3, 1e-2)


def test_parameters_are_split_by_ndim() -> None:
    net = small_net()
    optimizer = optim.create(net.parameters(), "sgd", weight_decay=0.1)
    assert [(len(group["params"]), group["weight_decay"]) for group in optimizer.param_groups] == [(2, 0.1), (4, 0.0)]


def test_torch_groups_keep_what_they_set_and_inherit_the_rest() -> None:
    first, second = nn.Linear(2, 2), nn.Linear(2, 2)
    groups: list[dict[str, Any]] = [
        {"params": first.parameters(), "lr": 0.5, "weight_decay": 0.0},
        {"params": list(second.parameters())},
    ]
    optimizer = optim.create(groups, "momentum", lr=0.1, weight_decay=0.2)
    assert [(g["lr"], g["weight_decay"], g["momentum"], len(g["params"])) for g in optimizer.param_groups] == [
        (0.5, 0.0, 0.9, 2),
        (0.1, 0.2, 0.9, 2),
    ]
    assert [set(group) for group in groups] == [{"params", "lr", "weight_decay"}, {"params"}]


def test_torch_groups_may_hold_named_parameters() -> None:
    net = small_net()
    (group,) = optim.create([{"params": net.named_parameters()}], "adamw").param_groups
    assert group["param_names"] == [name for name, _ in net.named_parameters()]
    assert [id(parameter) for parameter in group["params"]] == [id(parameter) for parameter in net.parameters()]


def test_a_torch_group_may_hold_one_tensor() -> None:
    net = nn.Linear(2, 1)
    optimizer = optim.create([{"params": net.weight}, {"params": [net.bias], "lr": 0.5, "tag": ["1"]}], "sgd")
    assert [[id(p) for p in group["params"]] for group in optimizer.param_groups] == [[id(net.weight)], [id(net.bias)]]
    assert optimizer.param_groups[1]["tag"] == ["1"], "what is no option is none of our business"


def test_text_in_a_torch_group_is_refused_with_the_remedy() -> None:
    with pytest.raises(TypeError) as refused:
        optim.create([{"params": nn.Linear(2, 1).parameters(), "weight_decay": "1e-3"}], "sgd")
    assert str(refused.value) == (
        "optim.create: weight_decay must be a number, got '1e-3'. Write 0.001 without quotes: YAML takes 1e-3 for text."
    )


def test_a_torch_group_without_parameters_is_refused() -> None:
    with pytest.raises(ValueError, match="params") as refused:
        optim.create([{"lr": 0.1}], "sgd")
    assert str(refused.value) == (
        "optim.create: module must hold parameter groups with the key 'params', got [['lr']]."
    )


def test_the_options_given_are_not_modified() -> None:
    settings: dict[str, Any] = {"name": "adam", "lr": 0.1, "betas": [0.5, 0.6]}
    optim.create(small_net(), **settings)
    assert settings == {"name": "adam", "lr": 0.1, "betas": [0.5, 0.6]}


@pytest.mark.parametrize("name", ["adamv", "torch.optim.Adam"])
def test_an_unknown_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="registered") as refused:
        optim.create(nn.Linear(1, 1), name)
    start = f"optim.create: name must be a registered optimizer, got {name!r}. "
    rest = {
        "adamv": "Close: adamw, adam, adamax.",
        "torch.optim.Adam": f"Registered: {', '.join(optim.names())}; timm's: see names('timm/*').",
    }
    assert str(refused.value) == start + rest[name]


def test_swapped_arguments_are_refused_in_one_line() -> None:
    with pytest.raises(TypeError) as refused:
        optim.create(cast("nn.Module", "sgd"), cast("str", nn.Linear(1, 1)))
    assert str(refused.value) == ("optim.create: name must be a string, got <class 'torch.nn.modules.linear.Linear'>.")


def test_unknown_options_are_refused_with_the_accepted_ones() -> None:
    with pytest.raises(TypeError) as refused:
        optim.create(nn.Linear(1, 1), "sgd", learning_rate=0.1, betas=(0.9, 0.99))
    assert str(refused.value) == (
        "optim.create: options must be ones that sgd accepts, got ['betas', 'learning_rate']. Accepted: lr, "
        "weight_decay, momentum, dampening, nesterov, maximize, foreach, differentiable, fused."
    )


@pytest.mark.parametrize("key", ["params", "self"])
def test_arguments_of_torch_that_are_no_options_are_refused(key: str) -> None:
    with pytest.raises(TypeError, match=rf"^optim\.create: options must be ones that adam accepts, got \['{key}'\]\."):
        optim.create(nn.Linear(1, 1), "adam", **cast("dict[str, Any]", {key: []}))


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (0, ValueError),
        (-0.1, ValueError),
        (float("nan"), ValueError),
        (float("inf"), ValueError),
        (True, TypeError),
        ("fast", TypeError),
        ("nan", TypeError),
        (torch.tensor(0.1), TypeError),
        ([0.1], TypeError),
    ],
)
def test_a_bad_lr_is_refused(value: object, error: type[Exception]) -> None:
    with pytest.raises(error) as refused:
        optim.create(nn.Linear(1, 1), "sgd", lr=cast("float", value))
    assert str(refused.value) == f"optim.create: lr must be a positive number, got {value!r}."


@pytest.mark.parametrize(("value", "error"), [(-0.1, ValueError), (float("nan"), ValueError), (False, TypeError)])
def test_a_bad_weight_decay_is_refused(value: float, error: type[Exception]) -> None:
    with pytest.raises(error) as refused:
        optim.create(nn.Linear(1, 1), "sgd", weight_decay=value)
    assert str(refused.value) == f"optim.create: weight_decay must be a number of at least 0, got {value!r}."


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"lr": "1e-3"}, "lr must be a positive number, got '1e-3'. Write 0.001 without"),
        ({"lr": "2"}, "lr must be a positive number, got '2'. Write 2 without"),
        ({"weight_decay": "5e-4"}, "weight_decay must be a number of at least 0, got '5e-4'. Write 0.0005 without"),
        ({"eps": "1e-8"}, "eps must be a number, got '1e-8'. Write 0.00000001 without"),
        ({"betas": [0.9, "0.99"]}, "betas must be a number, got '0.99'. Write 0.99 without"),
    ],
)
def test_a_number_that_came_as_text_is_refused_with_the_remedy(options: dict[str, Any], text: str) -> None:
    with pytest.raises(TypeError) as refused:
        optim.create(nn.Linear(1, 1), "adam", **options)
    assert str(refused.value) == f"optim.create: {text} quotes: YAML takes 1e-3 for text."


def test_plain_yaml_really_reads_that_as_text() -> None:
    yaml = pytest.importorskip("yaml")
    settings = yaml.safe_load("{name: adam, lr: 1e-3}")
    with pytest.raises(TypeError, match=r"got '1e-3'\. Write 0\.001 without quotes"):
        optim.create(nn.Linear(1, 1), **settings)


def test_other_text_is_left_to_torch() -> None:
    group = optim.create(nn.Linear(1, 1), "sgd", maximize="yes").param_groups[0]
    assert group["maximize"] == "yes"


@pytest.mark.parametrize(
    "module", [nn.Linear(1, 1).requires_grad_(requires_grad=False), nn.Flatten(), [], nn.Flatten().parameters()]
)
def test_nothing_to_train_is_refused(module: nn.Module) -> None:
    with pytest.raises(ValueError, match="trainable") as refused:
        optim.create(module, "sgd")
    assert str(refused.value) == (
        "optim.create: module must hold at least 1 trainable parameter, got 0. Unfreeze some with requires_grad_(True)."
    )


def test_what_is_no_module_is_refused_in_the_words_of_create() -> None:
    with pytest.raises(TypeError) as refused:
        optim.create(cast("nn.Module", 3), "sgd")
    assert str(refused.value) == (
        "optim.create: module must be a torch.nn.Module, an iterable of parameters or an iterable of parameter-group "
        "dicts, got <class 'int'>."
    )


class Line(LightningModule):
    """The one line of the product, in the smallest module."""

    def __init__(self, optimizer: dict[str, Any]) -> None:  # save_hyperparameters reads the frame
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Linear(2, 1)

    @override
    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        return cast("Tensor", self.net(batch)).square().sum()

    @override
    def train_dataloader(self) -> DataLoader[Tensor]:
        return DataLoader(cast("Any", [torch.ones(2), torch.zeros(2)]), batch_size=1)

    @override
    def configure_optimizers(self) -> Optimizer:
        return optim.create(self, **self.hparams["optimizer"])


QUIET: dict[str, Any] = {
    "max_epochs": 1,
    "accelerator": "auto",
    "devices": 1,
    "logger": False,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
}


def fitted_and_saved(trainer: Trainer, module: LightningModule, path: Path) -> Optimizer:
    before = [parameter.detach().clone() for parameter in module.parameters()]
    trainer.fit(module)
    assert not all(torch.equal(old, new.cpu()) for old, new in zip(before, module.parameters(), strict=True))
    trainer.save_checkpoint(path)
    return trainer.optimizers[0]


def test_from_python_and_back_from_the_checkpoint(tmp_path: Path) -> None:
    settings = {"name": "nesterov", "lr": 0.25, "weight_decay": 0.5}
    made = fitted_and_saved(Trainer(**QUIET), Line(settings), tmp_path / "line.ckpt")
    loaded = Line.load_from_checkpoint(tmp_path / "line.ckpt")
    again = loaded.configure_optimizers()
    assert dict(loaded.hparams["optimizer"]) == settings
    for optimizer in (made, again):
        assert type(optimizer) is SGD
        found = [(g["lr"], g["weight_decay"], g["momentum"], g["nesterov"]) for g in optimizer.param_groups]
        assert found == [(0.25, 0.5, 0.9, True), (0.25, 0.0, 0.9, True)]


def cli(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, *arguments: str) -> LightningCLI:
    config = tmp_path / "config.yaml"
    config.write_text(text, "utf-8")
    # lightning 2.6.6 calls what jsonargparse 4.53 deprecates.
    monkeypatch.setenv("JSONARGPARSE_DEPRECATION_WARNINGS", "off")
    monkeypatch.setattr(sys, "argv", ["fit.py", "--config", str(config), *arguments])
    return LightningCLI(
        Line, run=False, save_config_callback=None, trainer_defaults=QUIET, seed_everything_default=False
    )


def test_from_yaml_and_back_from_the_checkpoint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = "model: {optimizer: {name: adam, lr: 1e-3, betas: [0.5, 0.75], weight_decay: 5e-4}}"
    built = cli(monkeypatch, tmp_path, text)
    made = fitted_and_saved(built.trainer, built.model, tmp_path / "line.ckpt")
    again = Line.load_from_checkpoint(tmp_path / "line.ckpt").configure_optimizers()
    for optimizer in (made, again):
        assert type(optimizer) is Adam
        found = [(g["lr"], g["weight_decay"], g["betas"]) for g in optimizer.param_groups]
        assert found == [(0.001, 0.0005, (0.5, 0.75)), (0.001, 0.0, (0.5, 0.75))]


@pytest.mark.parametrize("lr", ["1e-3", "0.001", "1.0e-3"])
def test_the_command_line_wins_over_yaml(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lr: str) -> None:
    text = "model: {optimizer: {name: momentum, lr: 0.5, momentum: 0.75}}"
    built = cli(monkeypatch, tmp_path, text, f"--model.optimizer.lr={lr}")
    group = cast("Line", built.model).configure_optimizers().param_groups[0]
    assert (group["lr"], group["momentum"]) == (0.001, 0.75)


def test_a_name_alone_in_yaml_gives_the_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    built = cli(monkeypatch, tmp_path, "model: {optimizer: {name: adamw}}")
    found = cast("Line", built.model).configure_optimizers().param_groups
    assert [(group["lr"], group["weight_decay"]) for group in found] == [(0.001, 0.01), (0.001, 0.0)]


class Scaled(Line):
    @override
    def configure_optimizers(self) -> Optimizer:
        rule = optim.GroupRule("*.bias", lr_scale=0.25)
        return optim.create(optim.param_groups(self, 0.0, rules=[rule]), "sgd", lr=0.5)


def test_a_schedule_applies_no_factor_twice_and_the_monitor_shows_the_names(tmp_path: Path) -> None:
    monitor = LearningRateMonitor("step")
    options = {"max_epochs": 2, "logger": CSVLogger(tmp_path), "log_every_n_steps": 1}
    Trainer(**QUIET | options, callbacks=[ScheduleLR(Linear()), monitor]).fit(Scaled({}))
    # Two epochs of two steps, from the base rate to 0 at step 4.
    assert monitor.lrs == {"lr-SGD/rest": [0.5, 0.375, 0.25, 0.125], "lr-SGD/rule0": [0.125, 0.09375, 0.0625, 0.03125]}
