"""Values end up where their names say."""

from functools import partial
from typing import Any

import pytest
import torch

from lightning_regkit.callbacks import Cutout, Mixup
from lightning_regkit.tuning._apply import apply_values, callbacks_of, module_of
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


def test_callbacks_are_made_by_class() -> None:
    made = callbacks_of(
        {"Mixup.alpha": 0.3, "lr": 0.1, "Mixup.per": "sample", "Cutout.length_frac": 0.25, "module.a": 1}
    )
    mixup, cutout = made
    assert isinstance(mixup, Mixup)
    assert isinstance(cutout, Cutout)
    with pytest.raises(ValueError, match=r"^tuning\.search: space must name a callback, got 'Mixop'\. Close: Mixup\.$"):
        callbacks_of({"Mixop.alpha": 0.3})
    with pytest.raises(ValueError, match=r"Close: .*Mixup"):
        callbacks_of({"Zzzz.alpha": 0.3})


@pytest.mark.parametrize("value", ["a", True, None])
def test_numbers_are_numbers(value: Any) -> None:
    with pytest.raises(TypeError, match=r"^tuning\.search: space must give numbers for options of the optimizer, got"):
        groups({"lr": value})
