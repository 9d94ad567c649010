from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_regkit.mixing._parents import Parents
from lightning_regkit.mixing._registry import LOSSES, describe_loss

PARENTS = Parents(torch.tensor([[0, 1], [1, -100]]), torch.tensor([[0.75, 0.5], [0.25, 0.5]]))


def test_what_is_registered() -> None:
    built_in: set[Callable[..., object]] = {
        F.cross_entropy,
        F.nll_loss,
        F.binary_cross_entropy,
        F.binary_cross_entropy_with_logits,
        F.mse_loss,
    }
    assert built_in <= LOSSES.keys()
    assert all(loss.function is function for function, loss in LOSSES.items())
    assert {LOSSES[function].input for function in built_in} == {"input"}
    assert {LOSSES[function].target for function in built_in} == {"target"}
    assert all(LOSSES[function].is_reducing for function in built_in)
    assert LOSSES[F.mse_loss].name == "mse_loss"


def test_defaults_are_filled_in() -> None:
    call = LOSSES[F.nll_loss].bind((1,), {"target": 2, "ignore_index": 3})
    assert call.arguments == {
        "input": 1,
        "target": 2,
        "weight": None,
        "size_average": None,
        "ignore_index": 3,
        "reduce": None,
        "reduction": "mean",
    }


@pytest.mark.parametrize("function", [F.cross_entropy, F.nll_loss])
def test_the_mean_of_classes_divides_by_the_weight_of_what_is_kept(function: Callable[..., object]) -> None:
    total = LOSSES[function].total
    # Kept: label 0 of weight 0.75, label 1 of weights 0.25 and 0.5.
    assert total(PARENTS, {"weight": None, "ignore_index": -100}) == 1.5
    assert total(PARENTS, {"weight": torch.tensor([2.0, 4.0]), "ignore_index": -100}) == 2 * 0.75 + 4 * 0.75
    assert total(PARENTS, {"weight": None, "ignore_index": 1}) == 0.75 + 0.5


def test_the_mean_of_probabilities_divides_by_the_number_of_examples() -> None:
    probs = Parents(torch.zeros(2, 2, 3), PARENTS.weights)
    assert LOSSES[F.cross_entropy].total(probs, {"weight": None, "ignore_index": -100}) is None


def test_the_mean_of_elements_divides_by_their_number_and_that_of_mse_by_its_weights() -> None:
    for function in (F.binary_cross_entropy, F.binary_cross_entropy_with_logits):
        assert LOSSES[function].total(PARENTS, {"weight": torch.ones(2)}) is None
    assert LOSSES[F.mse_loss].total(PARENTS, {"weight": None}) is None
    assert LOSSES[F.mse_loss].total(PARENTS, {}) is None
    assert LOSSES[F.mse_loss].total(PARENTS, {"weight": torch.tensor([1.0, 3.0])}) == 4


def test_names_of_parameters_are_free() -> None:
    def hinge(scores: Tensor, truth: Tensor, margin: float = 1.0) -> Tensor:
        return scores

    loss = describe_loss(hinge)
    assert (loss.input, loss.target, loss.is_reducing, loss.name) == ("scores", "truth", False, "hinge")
    assert loss.total(PARENTS, {}) is None


def test_a_loss_of_other_parameters_is_refused() -> None:
    def variadic(*args: Tensor) -> Tensor:
        return args[0]

    expected = (
        "mixing.register_loss: loss must take the input and the target as its first two arguments, got "
        "'(*args: torch.Tensor) -> torch.Tensor'. Define a function (input, target) that calls it."
    )
    with pytest.raises(ValueError, match="first two") as caught:
        describe_loss(variadic)
    assert str(caught.value) == expected
    with pytest.raises(ValueError, match="first two"):
        describe_loss(lambda logits: logits)
    with pytest.raises(ValueError, match="first two"):
        describe_loss(lambda logits, *, target: logits)
