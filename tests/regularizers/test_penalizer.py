from typing import Any

import pytest
import torch
from sklearn.linear_model import Lasso
from torch import Tensor, nn

from lightning_regkit.regularizers import Penalizer
from tests.regularizers.test_proximal import regression


def parameter(*values: float) -> nn.Parameter:
    weight = nn.Parameter(torch.tensor(values))
    weight.grad = torch.zeros_like(weight)
    return weight


def values(weight: Tensor) -> list[float]:
    return weight.tolist()


def test_gradients_of_the_chosen_that_move() -> None:
    chosen, still, other, elsewhere = parameter(2.0), parameter(2.0), parameter(2.0), parameter(2.0)
    still.grad = None
    Penalizer([chosen, still, elsewhere], l2=0.5).add_gradients(torch.optim.SGD([chosen, still, other]))
    found = [None if weight.grad is None else values(weight.grad) for weight in (chosen, still, other, elsewhere)]
    assert found == [[1.0], None, [0.0], [0.0]]


def test_proximal_steps_of_the_chosen_that_move() -> None:
    chosen, still, other, elsewhere = parameter(2.0), parameter(2.0), parameter(2.0), parameter(2.0)
    still.grad = None
    penalizer, optimizer = Penalizer([chosen, still, elsewhere], l1=1.0), torch.optim.SGD([chosen, still, other], 0.5)
    penalizer.before_step(optimizer)
    optimizer.param_groups[0]["lr"] = 99.0  # a schedule that writes right after the step
    penalizer.after_step(optimizer)
    assert [values(weight) for weight in (chosen, still, other, elsewhere)] == [[1.5], [2.0], [2.0], [2.0]]


def test_each_group_moves_by_its_own_length() -> None:
    slow, fast = parameter(2.0), parameter(2.0)
    optimizer = torch.optim.SGD([{"params": [slow]}, {"params": [fast], "lr": 1.0}], lr=0.5)
    penalizer = Penalizer([slow, fast], l1=1.0)
    penalizer.before_step(optimizer)
    penalizer.after_step(optimizer)
    assert (values(slow), values(fast)) == ([1.5], [1.0])


def test_a_step_that_was_skipped_has_no_proximal_step() -> None:
    weight = parameter(2.0)
    optimizer: Any = torch.optim.SGD([weight], lr=0.5)
    penalizer = Penalizer([weight], l1=1.0)
    penalizer.before_step(optimizer)
    optimizer.found_inf = torch.tensor(1.0)
    penalizer.after_step(optimizer)
    assert values(weight) == [2.0]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"momentum": 0.9},
        {"momentum": 0.9, "nesterov": True},
        {"momentum": 0.8, "dampening": 0.5},
        {"momentum": 0.9, "maximize": True},
    ],
)
def test_with_any_momentum_the_solution_is_that_of_scikit_learn(options: dict[str, Any]) -> None:
    inputs, targets = regression()
    solution = torch.from_numpy(Lasso(alpha=0.3, fit_intercept=False, tol=1e-12).fit(inputs, targets).coef_)
    x, y = torch.from_numpy(inputs), torch.from_numpy(targets)
    weight = nn.Parameter(torch.ones(x.shape[1], dtype=torch.float64))
    optimizer, penalizer = torch.optim.SGD([weight], lr=0.03, **options), Penalizer([weight], l1=0.3)
    optimizer.register_step_pre_hook(penalizer.before_step)
    for _ in range(2000):
        loss = (x @ weight - y).square().mean() / 2
        optimizer.zero_grad()
        (-loss if "maximize" in options else loss).backward()
        optimizer.step()
        penalizer.after_step(optimizer)
    assert torch.equal(weight == 0, solution == 0)
    torch.testing.assert_close(weight.detach(), solution, atol=1e-8, rtol=0)


def test_what_it_refuses() -> None:
    weight = parameter(1.0)
    with pytest.raises(ValueError, match=r"^Penalizer: l1 and l2 must not both be 0"):
        Penalizer([weight])
    penalizer = Penalizer([weight], l2=0.1, owner="Mine")
    with pytest.raises(TypeError, match=r"^Mine: optimizer must take one gradient a step"):
        penalizer.check(torch.optim.LBFGS([weight]), proximal=True)
    with pytest.raises(ValueError, match=r"^Mine: optimizer must not be fused"):
        penalizer.check(torch.optim.SGD([weight], fused=True), proximal=False, is_scaled=True)
    with pytest.raises(ValueError, match=r"^Mine: weight_decay"):
        penalizer.check(torch.optim.AdamW([weight]), proximal=True)
    with pytest.raises(ValueError, match=r"^Mine: maximize"):
        penalizer.check(torch.optim.SGD([weight], maximize=True), proximal=False)
    penalizer.check(torch.optim.SGD([weight]), proximal=False)


@pytest.mark.parametrize("proximal", [False, True])
def test_a_group_added_later_is_checked_at_the_step(proximal: bool) -> None:
    first, late = parameter(1.0), parameter(2.0)
    optimizer = torch.optim.SGD([first], lr=0.1, weight_decay=0.5)
    penalizer = Penalizer([late], l2=0.1, owner="Mine")
    act = penalizer.before_step if proximal else penalizer.add_gradients
    penalizer.check(optimizer, proximal=proximal)
    act(optimizer)
    optimizer.add_param_group({"params": [late]})
    with pytest.raises(ValueError, match="decay") as refused:
        act(optimizer)
    assert str(refused.value) == (
        "Mine: weight_decay of a penalized weight must be 0 beside l2, got 0.5. "
        "Pass weight_decay=0 to the optimizer, or leave l2 to it."
    )
