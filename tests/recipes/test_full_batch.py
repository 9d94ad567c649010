"""L-BFGS against SGD, at a size that takes a second."""

import pytest
import torch

from recipes import full_batch
from recipes.data import DigitsData
from recipes.full_batch import best_rate, best_so_far, losses, main

SIZE = 100


def test_the_best_so_far_never_rises() -> None:
    assert best_so_far([3.0, 4.0, 1.0, 2.0]) == [3.0, 3.0, 1.0, 1.0]


def test_losses_are_those_of_gradient_descent_by_hand() -> None:
    data = DigitsData(train_size=SIZE, batch_size=SIZE)
    data.setup("fit")
    inputs, targets = data.parts["train"].tensors
    weight, bias = torch.zeros(10, 64, requires_grad=True), torch.zeros(10, requires_grad=True)
    expected = []
    for _ in range(4):
        logits = inputs.flatten(1) @ weight.T + bias
        loss = torch.nn.functional.cross_entropy(logits, targets, label_smoothing=0.1)
        expected.append(loss.item())
        for parameter, gradient in zip((weight, bias), torch.autograd.grad(loss, (weight, bias)), strict=True):
            parameter.data -= 0.5 * gradient
    assert losses({"name": "sgd", "lr": 0.5}, 4, SIZE) == pytest.approx(expected, rel=1e-5)


def test_every_evaluation_is_paid_for() -> None:
    assert len(losses({"name": "lbfgs"}, 7, SIZE)) == 7


def test_the_best_rate_is_that_of_the_lowest_loss() -> None:
    curves = {lr: best_so_far(losses({"name": "sgd", "lr": lr}, 6, SIZE)) for lr in full_batch.RATES["sgd"]}
    for (loss, lr), budget in zip(best_rate("sgd", (3, 6), SIZE), (3, 6), strict=True):
        reached = {rate: curve[budget - 1] for rate, curve in curves.items()}
        assert lr == min(reached, key=reached.__getitem__)
        assert loss == pytest.approx(reached[lr])  # the batch is shuffled: sums round otherwise


def test_l_bfgs_beats_sgd_at_its_best_rate() -> None:
    reached = {name: [loss for loss, _ in best_rate(name, (25, 50), SIZE)] for name in full_batch.RATES}
    ours = reached.pop("lbfgs")
    for name, theirs in reached.items():
        assert all(one < other for one, other in zip(ours, theirs, strict=True)), name


def test_the_table_has_a_row_for_each(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(full_batch, "BUDGETS", (2, 3))
    monkeypatch.setattr(full_batch, "RATES", {"sgd": (0.5, 1.0), "lbfgs": (1.0,)})
    main(["--train-size", str(SIZE)])
    said = capsys.readouterr().out
    assert "gradients of 100 scans" in said
    assert all(name in said for name in ("sgd", "lbfgs"))
