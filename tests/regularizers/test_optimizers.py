from typing import Any

import pytest
import torch
from torch import nn

from lightning_regkit.regularizers._optimizers import check_groups, check_optimizer, is_skipped, step_lengths


def weight() -> nn.Parameter:
    return nn.Parameter(torch.tensor([1.0]))


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({}, 1.0),
        ({"dampening": 0.5}, 1.0),
        ({"momentum": 0.9}, 10.0),
        ({"momentum": 0.9, "dampening": 0.5}, 5.0),
        ({"momentum": 0.75, "nesterov": True}, 4.0),
    ],
)
def test_the_length_is_how_far_sgd_goes_along_a_constant_gradient(options: dict[str, Any], steps: float) -> None:
    parameter = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer = torch.optim.SGD([parameter], lr=0.5, **options)
    for _ in range(300):
        before = parameter.item()
        parameter.grad = torch.ones_like(parameter)
        optimizer.step()
    assert step_lengths(optimizer) == pytest.approx([0.5 * steps])
    assert before - parameter.item() == pytest.approx(0.5 * steps)


def test_each_group_has_its_own() -> None:
    groups: list[dict[str, Any]] = [{"params": [weight()], "lr": 0.1}, {"params": [weight()], "momentum": 0.5}]
    assert step_lengths(torch.optim.SGD(groups, lr=1.0)) == [0.1, 2.0]


@pytest.mark.parametrize("kind", [torch.optim.AdamW, torch.optim.RMSprop])
def test_it_is_the_rate_where_steps_are_rescaled(kind: Any) -> None:
    assert step_lengths(kind([weight()], lr=0.25)) == [0.25]


@pytest.mark.parametrize("momentum", [0.0, 0.5])
@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.RMSprop])
def test_a_rate_in_a_tensor_is_copied(kind: Any, momentum: float) -> None:
    rate = torch.tensor(0.25)
    optimizer = kind([weight()], momentum=momentum, foreach=False)
    optimizer.param_groups[0]["lr"] = rate
    (length,) = step_lengths(optimizer)
    before = float(length)
    rate.fill_(9.0)
    assert float(length) == before


def test_momentum_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match="momentum") as caught:
        step_lengths(torch.optim.SGD([weight()], lr=0.1, momentum=1.0))
    assert str(caught.value) == (
        "regularizers.step_lengths: momentum must be below 1, got 1.0. With it no step length is finite."
    )


@pytest.mark.parametrize(("found_inf", "skipped"), [(1.0, True), (0.0, False)])
def test_a_fused_optimizer_says_what_it_skipped(found_inf: float, skipped: bool) -> None:
    optimizer: Any = torch.optim.SGD([weight()])
    optimizer.found_inf = torch.tensor(found_inf)  # as the gradient scaler does
    assert is_skipped(optimizer) == skipped


def test_one_that_was_told_nothing_has_stepped() -> None:
    assert not is_skipped(torch.optim.SGD([weight()]))


@pytest.mark.parametrize("proximal", [False, True])
def test_lbfgs_is_refused(proximal: bool) -> None:
    with pytest.raises(TypeError) as caught:
        check_optimizer("WeightPenalty", torch.optim.LBFGS([weight()]), proximal=proximal, is_scaled=False)
    assert str(caught.value) == (
        "WeightPenalty: optimizer must take one gradient a step, got 'LBFGS'. Its line search needs the whole loss: "
        "add regularizers.weight_penalty(...) in training_step instead."
    )


def test_scaled_gradients_are_refused() -> None:
    fused, plain = (torch.optim.SGD([weight()], fused=fused) for fused in (True, False))
    with pytest.raises(ValueError, match="fused") as caught:
        check_optimizer("WeightPenalty", fused, proximal=False, is_scaled=True)
    assert str(caught.value) == (
        "WeightPenalty: optimizer must not be fused under 16-mixed, got 'SGD'. "
        "It unscales gradients inside its step: pass fused=False, or take proximal=True."
    )
    check_optimizer("WeightPenalty", fused, proximal=True, is_scaled=True)
    check_optimizer("WeightPenalty", fused, proximal=False, is_scaled=False)
    check_optimizer("WeightPenalty", plain, proximal=False, is_scaled=True)


@pytest.mark.parametrize("proximal", [False, True])
def test_a_second_decay_is_refused_where_it_meets_l2(proximal: bool) -> None:
    ours, other = weight(), weight()
    optimizer = torch.optim.AdamW([ours], weight_decay=0.01)
    with pytest.raises(ValueError, match="decay") as caught:
        check_groups("WeightPenalty", optimizer, [ours], l2=0.1, proximal=proximal)
    assert str(caught.value) == (
        "WeightPenalty: weight_decay of a penalized weight must be 0 beside l2, got 0.01. "
        "Pass weight_decay=0 to the optimizer, or leave l2 to it."
    )
    check_groups("WeightPenalty", optimizer, [ours], l2=0.0, proximal=proximal)
    check_groups("WeightPenalty", optimizer, [other], l2=0.1, proximal=proximal)


def test_a_loss_that_is_maximized_is_refused_through_the_gradient() -> None:
    ours = weight()
    optimizer = torch.optim.SGD([ours], maximize=True)
    with pytest.raises(ValueError, match="maximize") as caught:
        check_groups("WeightPenalty", optimizer, [ours], l2=0.1, proximal=False)
    assert str(caught.value) == (
        "WeightPenalty: maximize of a penalized weight must be False, got True. "
        "Return the negative loss, or take proximal=True."
    )
    check_groups("WeightPenalty", optimizer, [ours], l2=0.1, proximal=True)
