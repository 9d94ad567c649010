"""Values end up where their names say."""

from functools import partial
from typing import Any

import pytest
import torch

from lightning_regkit.tuning._apply import apply_values, check_places, module_of
from lightning_regkit.tuning._space import Among, Between
from tests.support import Classifier


class Groups(Classifier):
    def __init__(self, decay: float = 0.5, width: int = 1, **options: Any) -> None:
        super().__init__()
        self.decay, self.width, self.options = decay, width, options

    def configure_optimizers(self) -> Any:
        weight, bias = self.net[1].parameters()
        groups = [{"params": [weight], "weight_decay": self.decay}, {"params": [bias], "lr": 0.3}]
        optimizer = torch.optim.SGD(groups, lr=0.1)
        return [optimizer], [torch.optim.lr_scheduler.ConstantLR(optimizer)]


def groups(values: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
    module: Any = Groups(**options)
    apply_values(module, values)
    (optimizer,) = module.configure_optimizers()
    found: list[dict[str, Any]] = optimizer.param_groups
    return found


def test_rates_keep_their_ratio_and_schedulers_go() -> None:
    scaled = groups({"lr": 0.6})
    assert [group["lr"] for group in scaled] == pytest.approx([0.2, 0.6])
    assert [group["weight_decay"] for group in scaled] == [0.5, 0]


def test_decay_goes_where_some_is_else_everywhere() -> None:
    assert [group["weight_decay"] for group in groups({"weight_decay": 0.01})] == [0.01, 0]
    assert [group["weight_decay"] for group in groups({"weight_decay": 0.01}, decay=0.0)] == [0.01, 0.01]
    assert [group["momentum"] for group in groups({"momentum": 0.9})] == [0.9, 0.9]


def test_an_optimizer_by_name() -> None:
    module: Any = Groups()
    apply_values(module, {"optimizer": "adamw", "lr": 0.02})
    (optimizer,) = module.configure_optimizers()
    assert isinstance(optimizer, torch.optim.AdamW)
    assert {group["lr"] for group in optimizer.param_groups} == {0.02}


def test_manual_optimization_keeps_its_schedulers() -> None:
    module: Any = Groups()
    module.automatic_optimization = False
    apply_values(module, {"lr": 0.6})
    optimizers, schedulers = module.configure_optimizers()
    assert len(optimizers) == len(schedulers) == 1


def test_no_optimizer_stays_none() -> None:
    class Still(Classifier):
        def configure_optimizers(self) -> Any:
            return None

    module = Still()
    apply_values(module, {"lr": 0.1})
    assert module.configure_optimizers() is None


def test_modules_are_made_with_their_arguments() -> None:
    module = Groups()
    assert module_of(module, {"lr": 0.1}) is module
    assert module_of(Groups, {"module.width": 7, "lr": 0.1}).width == 7
    assert module_of(partial(Groups, decay=0.25), {}).decay == 0.25
    text = r"^tuning\.search: module must be made with width, got 'Groups'\. Pass its class, or a function that"
    with pytest.raises(ValueError, match=text):
        module_of(module, {"module.width": 7})


def test_options_of_the_optimizer_go_to_every_group() -> None:
    assert [group["nesterov"] for group in groups({"momentum": 0.9, "optimizer.nesterov": True})] == [True, True]
    with pytest.raises(ValueError, match="space must name options of SGD") as refused:
        groups({"optimizer.eps": 1e-8})
    assert str(refused.value).startswith("tuning.search: space must name options of SGD, got 'optimizer.eps'. It has ")
    assert "momentum" in str(refused.value).rpartition("It has ")[2]


def test_an_optimizer_by_name_takes_options_decay_and_momentum() -> None:
    values = {"optimizer": "adamw", "optimizer.eps": 1e-3, "weight_decay": 0.25, "momentum": 0.75}
    made = groups(values)
    assert {group["eps"] for group in made} == {1e-3}
    assert sorted(group["weight_decay"] for group in made) == [0, 0.25]
    assert [group["betas"] for group in made] == [(0.75, 0.999)] * 2
    assert {group["weight_decay"] for group in groups({"optimizer": "adamw", "weight_decay": 0.0})} == {0}
    with pytest.raises(TypeError, match="nesterov"):
        groups({"optimizer": "adamw", "optimizer.nesterov": True})


def test_momentum_that_is_not_there_is_refused() -> None:
    assert groups({"optimizer": "lbfgs", "weight_decay": 0.1})
    with pytest.raises(
        ValueError, match=r"^tuning\.search: space must name options of LBFGS, got 'momentum'\. It has "
    ):
        groups({"optimizer": "lbfgs", "momentum": 0.9})


def test_places_are_checked_before_any_step() -> None:
    space = {"lr": Between(0.1, 1.0), "Mixup.alpha": Among((0.2,)), "optimizer": Among(("adamw", "sgd"))}
    check_places(Groups(), [], space)
    check_places(Groups, [], {"module.width": Among((7,))})
    with pytest.raises(ValueError, match=r"^tuning\.search: module must be made with width"):
        check_places(Groups(), [], {"module.width": Among((7,))})
    with pytest.raises(ValueError, match="got 'adamv'"):
        check_places(Groups(), [], {"optimizer": Among(("adamw", "adamv"))})
    with pytest.raises(ValueError, match="got 'Mixop'"):
        check_places(Groups(), [], {"Mixop.alpha": Among((1,))})


@pytest.mark.parametrize("value", ["a", True, None])
def test_numbers_are_numbers(value: Any) -> None:
    with pytest.raises(TypeError, match=r"^tuning\.search: space must give numbers for options of the optimizer, got"):
        groups({"lr": value})
