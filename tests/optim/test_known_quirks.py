"""What people met with optimizers that take a closure, each under the number of its thread (landscape 3.9)."""

from typing import Any

import lightning.pytorch as pl
import pytest
import torch

from lightning_regkit import optim
from tests.optim.probe import COUNT, OPTIONS, Guard, Probe, batches, by_hand, fitted
from tests.optim.support_table import EXCEPTIONS, NAMES
from tests.support import trainer

HERE = [name for name in NAMES if name in optim.names()]


def are_equal(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    return all(map(torch.equal, one.parameters(), other.parameters()))


def test_lightning_4083_246_3672_l_bfgs_goes_where_it_goes_in_plain_torch() -> None:
    assert are_equal(fitted("lbfgs", "plain"), by_hand("lbfgs", "plain"))


class Counts(pl.Callback):
    """Counts forward passes, backward passes and steps."""

    def __init__(self) -> None:
        self.forward = self.backward = self.steps = 0

    def on_before_zero_grad(self, *_: Any) -> None:
        self.forward += 1

    def on_after_backward(self, *_: Any) -> None:
        self.backward += 1

    def on_train_batch_end(self, *_: Any) -> None:
        self.steps += 1


@pytest.mark.parametrize(("name", "evaluations"), [("momentum", 1), ("sam", 2)])
def test_lightning_4188_2785_no_backward_pass_too_many(name: str, evaluations: int) -> None:
    counts = Counts()
    trainer(max_epochs=1, precision="64-true", callbacks=[counts]).fit(Probe(name), batches())
    assert (counts.forward, counts.backward, counts.steps) == (6 * evaluations, 6 * evaluations, 6)


def test_lightning_4188_l_bfgs_evaluates_as_often_as_in_plain_torch() -> None:
    counts, model = Counts(), Probe("lbfgs")
    loader = batches(COUNT)
    trainer(max_epochs=1, precision="64-true", callbacks=[counts]).fit(model, loader)
    (state,) = model.trainer.optimizers[0].state.values()
    assert counts.backward == state["func_evals"] > OPTIONS["lbfgs"]["max_iter"] - 1


@pytest.mark.parametrize("name", HERE)
def test_lightning_2785_every_optimizer_takes_a_closure(name: str) -> None:
    assert are_equal(fitted(name, "plain"), by_hand(name, "plain"))


def test_lightning_17650_16143_sam_under_accumulation_says_why_not() -> None:
    with pytest.raises(RuntimeError) as refused:
        fitted("sam", "accumulation")
    assert str(refused.value) == EXCEPTIONS["sam", "accumulation"].text


def test_sam_31_42_8_sam_does_not_crash_in_lightning() -> None:
    assert are_equal(fitted("sam", "plain"), by_hand("sam", "plain"))
    assert not are_equal(fitted("sam", "plain"), by_hand("sam", "groups")), "it is no trivial equality"


def test_f_sam_2_mixed_precision_works_or_says_why_not() -> None:
    assert are_equal(fitted("sam", "bf16"), by_hand("sam", "bf16"))
    with pytest.raises(TypeError) as refused:
        fitted("sam", "fp16")
    assert str(refused.value) == EXCEPTIONS["sam", "fp16"].text


def test_lightning_246_the_reasons_come_before_the_first_step() -> None:
    model = Probe("lbfgs")
    with pytest.raises(ValueError, match="LBFGS"):
        trainer(max_epochs=1, accumulate_grad_batches=2, callbacks=[Guard()]).fit(model, batches())
    assert model.trainer.global_step == 0
