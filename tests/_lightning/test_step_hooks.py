"""Once a step, for classes that call torch's hooks once, twice or not at all."""

from typing import Any

import pytest
import timm.optim
import torch
from torch import nn

from lightning_regkit._lightning._step_hooks import after_each_step
from lightning_regkit.callbacks import ScheduleLR
from lightning_regkit.schedules import Linear
from tests.callbacks.test_schedule_lr import line
from tests.support import Classifier, loader, trainer


class Own(torch.optim.SGD):
    """Does something of its own around the step of its parent."""

    def step(self, closure: Any = None) -> Any:
        return super().step(closure)


class Again(Own): ...


def lookahead(parameters: Any, lr: float) -> Any:
    return timm.optim.Lookahead(torch.optim.SGD(parameters, lr=lr), k=2)


MAKERS: dict[str, Any] = {
    "SGD": torch.optim.SGD,
    "AdamW, whose step is Adam's": torch.optim.AdamW,
    "LBFGS": torch.optim.LBFGS,
    "super().step()": Own,
    "inherits from one": Again,
    "Lookahead": lookahead,
}


def made(name: str) -> Any:
    parameter = nn.Parameter(torch.ones(2))
    parameter.grad = torch.ones(2)
    for parent in (torch.optim.SGD, torch.optim.Adam):
        parent([parameter], lr=0.1)  # torch wraps the parent's step now, if it has not before
    return MAKERS[name]([parameter], lr=0.1)


@pytest.mark.parametrize("name", MAKERS)
def test_once_a_step_with_what_the_step_was_given(name: str) -> None:
    optimizer, calls = made(name), []
    before = dict(vars(optimizer))
    stop = after_each_step(optimizer, lambda *given: calls.append(given))

    def closure() -> torch.Tensor:
        return torch.zeros((), requires_grad=True)

    for count in range(1, 4):
        assert optimizer.step(closure=closure) is not None, "the step's own result"
        assert len(calls) == count
        optimizer.zero_grad()  # torch wraps the step of a class it has not seen here
    assert calls[-1][0] is optimizer
    assert calls[-1][2] == {"closure": closure}
    stop()
    stop()
    optimizer.step(closure)
    assert len(calls) == 3
    assert "step" not in vars(optimizer)
    assert vars(optimizer).keys() - before.keys() <= {"_zero_grad_profile_name"}


def test_torch_s_own_classes_get_no_layer() -> None:
    for name in ("SGD", "AdamW, whose step is Adam's", "LBFGS"):
        optimizer = made(name)
        after_each_step(optimizer, lambda *_: None)
        assert "step" not in vars(optimizer)
        assert len(optimizer._optimizer_step_post_hooks) == 1


def test_a_class_seen_before_its_parent_gets_none_either() -> None:
    class Parent(torch.optim.Optimizer):
        def __init__(self, parameters: Any) -> None:
            super().__init__(parameters, {"lr": 0.1})

        def step(self, closure: Any = None) -> Any:
            return closure

    class Child(Parent): ...

    optimizer = Child([nn.Parameter(torch.ones(2))])
    calls: list[Any] = []
    Parent([nn.Parameter(torch.ones(2))])
    assert "step" in vars(Child), "two wrappers of one body"
    after_each_step(optimizer, lambda *given: calls.append(given))
    optimizer.step()
    assert "step" not in vars(optimizer)
    assert len(calls) == 1


def test_it_acts_after_the_step() -> None:
    for name in ("SGD", "super().step()", "Lookahead"):
        optimizer = made(name)
        seen: list[torch.Tensor] = []
        parameter = optimizer.param_groups[0]["params"][0]
        after_each_step(optimizer, lambda *_, p=parameter, seen=seen: seen.append(p.detach().clone()))
        optimizer.step()
        assert seen[0].tolist() == pytest.approx([0.9, 0.9])


@pytest.mark.parametrize("name", ["SGD", "super().step()", "Lookahead"])
def test_a_schedule_is_as_declared_under_each(name: str) -> None:
    class Model(Classifier):
        def configure_optimizers(self) -> Any:
            torch.optim.SGD(self.parameters(), lr=0.1)
            return MAKERS[name](self.parameters(), lr=0.1)

        def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
            self.rates.append(self.trainer.optimizers[0].param_groups[0]["lr"])

    model = Model()
    schedule = ScheduleLR(Linear())
    trainer(max_epochs=2, callbacks=[schedule]).fit(model, loader())
    assert model.rates == pytest.approx([line(step, 10) for step in range(10)])
    assert schedule._clock.steps == [10]
