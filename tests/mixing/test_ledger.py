from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_regkit.mixing._ledger import Ledger, Memory
from lightning_regkit.mixing._parents import Parents
from lightning_regkit.mixing._registry import LOSSES, describe_loss
from lightning_regkit.mixing._unreduced import UnreducedLosses

PARENTS = Parents(torch.tensor([[0, 1], [1, 0]]), torch.tensor([[0.75, 0.75], [0.25, 0.25]]))


def logits(requires_grad: bool = True) -> Tensor:
    return torch.tensor([[0.0, 1.0], [2.0, 0.0]], requires_grad=requires_grad)


def consume(ledger: Ledger, inputs: object, function: Any = F.cross_entropy, **options: Any) -> Tensor:
    loss = LOSSES.get(function) or describe_loss(function)
    return ledger.consume(loss, loss.bind((inputs, None), options), PARENTS)


def test_consumed_by_a_loss_whose_input_gets_a_gradient() -> None:
    ledger = Ledger()
    assert not ledger.is_consumed
    consume(ledger, logits(requires_grad=False))
    consume(ledger, logits().detach())
    with torch.no_grad():
        consume(ledger, logits())
    assert not ledger.is_consumed
    consume(ledger, logits())
    assert ledger.is_consumed
    consume(ledger, logits().detach())
    assert ledger.is_consumed


def test_a_gradient_of_something_else_does_not_count() -> None:
    temperature = nn.Parameter(torch.tensor(2.0))

    def tempered(inputs: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(inputs / temperature, target, reduction="none")

    ledger = Ledger()
    assert consume(ledger, logits().detach(), tempered).requires_grad
    assert not ledger.is_consumed


def test_a_loss_that_detaches_inside_consumes_nothing() -> None:
    ledger = Ledger()
    consume(ledger, logits(), lambda inputs, target: F.cross_entropy(inputs.detach(), target, reduction="none"))
    assert not ledger.is_consumed


def test_of_several_inputs_one_with_a_gradient_is_enough() -> None:
    def deep(heads: list[Tensor], target: Tensor) -> Tensor:
        return sum((F.cross_entropy(head, target, reduction="none") for head in heads), torch.zeros(2))

    ledger = Ledger()
    consume(ledger, [logits(requires_grad=False)], deep)
    assert not ledger.is_consumed
    consume(ledger, [logits(requires_grad=False), logits()], deep)
    assert ledger.is_consumed


def test_only_unreduced_losses_that_train_are_watched() -> None:
    assert type(consume(Ledger(), logits())) is Tensor
    assert type(consume(Ledger(), logits(), reduction="none")) is UnreducedLosses
    assert type(consume(Ledger(), logits().detach(), reduction="none")) is Tensor


def test_memory_of_the_batch_is_not_changed() -> None:
    memory = Memory()
    expected = (
        r"^MixedTarget: labels must not be changed in place, got 'fill_'\. Change the labels in the data set, or take "
        r"targets\.clone\(\): dominant labels, no longer mixed\.$"
    )
    with pytest.raises(ValueError, match=expected):
        memory.change("fill_")
    assert not memory.is_changed


def test_memory_of_a_copy_is_changed_and_remembers() -> None:
    memory = Memory(is_copy=True)
    assert not memory.is_changed
    memory.change("fill_")
    assert memory.is_changed
