import pytest
import torch
from torch import Tensor, nn

from lightning_regkit import optim
from lightning_regkit.optim._plain_entries import PLAIN
from tests.optim.worked import after_steps

# Two steps with gradient 1 from p = 1 at lr 0.1, by hand from each paper's update.
#   momentum: v = 1, 1.9     nesterov: g + 0.9 v = 1.9, then v = 1.9 and 1 + 1.71 = 2.71
#   asgd: r = 0.1, then 0.1 / (1 + 1e-4 * 0.1 * 1)^0.75; p <- p (1 - 1e-4 r) - r
SECOND_RATE = 0.1 / 1.00001**0.75
WORKED = {
    "sgd": [0.9, 0.8],
    "momentum": [0.9, 0.71],
    "nesterov": [0.81, 0.539],
    "asgd": [0.89999, 0.89999 * (1 - 1e-4 * SECOND_RATE) - SECOND_RATE],
}


@pytest.mark.parametrize("name", WORKED)
def test_two_steps_by_hand(name: str) -> None:
    assert after_steps(name, 1.0, lr=0.1) == pytest.approx(WORKED[name], rel=1e-7)


def test_the_table_above_covers_every_entry_that_steps_without_a_closure() -> None:
    assert {entry.name for entry in PLAIN if not entry.needs_closure} == set(WORKED)


@pytest.mark.parametrize("name", WORKED)
def test_the_update_grows_with_the_gradient(name: str) -> None:
    assert not optim.describe(name).is_adaptive
    moved, moved_more = 1 - after_steps(name, 1.0, lr=0.1)[0], 1 - after_steps(name, 8.0, lr=0.1)[0]
    assert moved_more == pytest.approx(8 * moved, rel=1e-3)


def test_lbfgs_solves_a_small_quadratic_problem_in_one_step() -> None:
    matrix = torch.tensor([[3.0, 1.0], [1.0, 2.0]], dtype=torch.float64)
    target = torch.tensor([1.0, -1.0], dtype=torch.float64)
    point = nn.Parameter(torch.zeros(2, dtype=torch.float64))
    optimizer = optim.create([point], "lbfgs")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = 0.5 * point @ matrix @ point - target @ point
        loss.backward()
        return loss

    optimizer.step(closure)
    # By Cramer's rule: determinant 5, solution (3, -4) / 5.
    assert point.tolist() == pytest.approx([0.6, -0.8], rel=1e-6)


def test_lbfgs_needs_what_its_entry_says() -> None:
    entry = optim.describe("lbfgs")
    assert (entry.needs_closure, entry.has_groups, entry.weight_decay) == (True, False, None)
    with pytest.raises(TypeError, match="closure"):
        optim.create(nn.Linear(1, 1), "lbfgs").step()
