from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.ops import sigmoid_focal_loss

from lightning_regkit.mixing import MixedTarget, MixupDraw, mix_targets, register_loss
from lightning_regkit.mixing._registry import LOSSES

LABELS = torch.tensor([[0, 1, 2, 3], [1, 1, 0, 2]])
WEIGHTS = torch.tensor([[0.7, 0.7, 0.4, 0.5], [0.3, 0.3, 0.6, 0.5]])
NUM_CLASSES = 5


def target() -> MixedTarget:
    return MixedTarget(LABELS, WEIGHTS)


def logits() -> Tensor:
    return torch.randn(4, NUM_CLASSES, generator=torch.Generator().manual_seed(0)).requires_grad_()


def by_hand(losses: list[Tensor]) -> Tensor:
    """Losses (B, ...) of both parents, mixed example by example."""
    return torch.stack([sum((WEIGHTS[m, i] * losses[m][i] for m in range(2)), torch.tensor(0.0)) for i in range(4)])


def focal(inputs: Tensor, target: Tensor, gamma: float = 2.0, reduction: str = "mean") -> Tensor:
    losses = F.cross_entropy(inputs, target, reduction="none")
    losses = (1 - torch.exp(-losses)) ** gamma * losses
    return {"mean": losses.mean(), "sum": losses.sum(), "none": losses}[reduction]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_a_loss_of_ones_own_is_mixed_example_by_example(reduction: str) -> None:
    mixable = register_loss(focal)
    expected = by_hand([focal(logits(), labels, 1.0, "none") for labels in LABELS])
    expected = {"mean": expected.mean(), "sum": expected.sum(), "none": expected}[reduction]
    mixed = target()
    torch.testing.assert_close(mixable(logits(), mixed, 1.0, reduction=reduction), expected, check_dtype=True)
    assert mixed.is_consumed
    assert torch.equal(mixable(inputs=logits(), target=target(), gamma=2.0), mixable(logits(), target()))


def test_its_gradient_is_mixed() -> None:
    scores = logits()
    expected = by_hand([focal(scores, labels, reduction="none") for labels in LABELS]).mean()
    mixed = register_loss(focal)(scores, target())
    torch.testing.assert_close(*(torch.autograd.grad(value, scores)[0] for value in (mixed, expected)))


def test_it_stays_itself_for_plain_labels() -> None:
    mixable = register_loss(focal)
    assert torch.equal(mixable(logits(), LABELS[0]), focal(logits(), LABELS[0]))
    assert mixable.__name__ == "focal"


def test_unregistered_it_is_refused() -> None:
    with pytest.raises(ValueError, match=r"got 'exp'\. Wrap the function that computes the whole loss"):
        focal(logits(), target())


def test_a_decorated_loss_without_reduction() -> None:
    @register_loss
    def squares(inputs: Tensor, target: Tensor) -> Tensor:
        return ((inputs - F.one_hot(target, NUM_CLASSES)) ** 2).sum(1)

    expected = by_hand([((logits() - F.one_hot(labels, NUM_CLASSES)) ** 2).sum(1) for labels in LABELS])
    torch.testing.assert_close(squares(logits(), target()).mean(), expected.mean())


def test_a_mean_over_the_batch_is_refused() -> None:
    def mean(inputs: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(inputs, target)

    expected = (
        "mean: unreduced loss must be of shape (4,), got (). Give the input the shape of the target, or return one "
        "loss for each example: means cannot be mixed."
    )
    with pytest.raises(ValueError, match="unreduced") as caught:
        register_loss(mean)(logits(), target())
    assert str(caught.value) == expected


def test_torchvisions_focal_loss() -> None:
    mixable = register_loss(sigmoid_focal_loss)
    coded = F.one_hot(target(), NUM_CLASSES).float()
    expected = by_hand([sigmoid_focal_loss(logits(), F.one_hot(labels, NUM_CLASSES).float()) for labels in LABELS])
    torch.testing.assert_close(mixable(logits(), coded, reduction="mean"), expected.mean())
    with pytest.raises(ValueError, match=r"got 'mul'\. Wrap the function"):
        sigmoid_focal_loss(logits(), coded, reduction="mean")


def test_a_function_of_torch_mixes_under_its_own_name_and_in_its_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(LOSSES, F.smooth_l1_loss, raising=False)
    coded = F.one_hot(target(), NUM_CLASSES).float()
    plain = F.smooth_l1_loss(logits(), coded)
    register_loss(F.smooth_l1_loss)
    expected = by_hand(
        [F.smooth_l1_loss(logits(), F.one_hot(labels, NUM_CLASSES).float(), reduction="none") for labels in LABELS]
    ).mean()
    torch.testing.assert_close(F.smooth_l1_loss(logits(), coded), expected)
    torch.testing.assert_close(nn.SmoothL1Loss()(logits(), coded), expected)
    assert not torch.isclose(plain, expected)
    monkeypatch.delitem(LOSSES, F.smooth_l1_loss)


def test_what_is_built_in_keeps_its_mean() -> None:
    weight = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0])
    expected = F.cross_entropy(logits(), target(), weight)
    assert torch.equal(register_loss(F.cross_entropy)(logits(), target(), weight), expected)
    assert torch.equal(F.cross_entropy(logits(), target(), weight), expected)


def test_a_target_in_the_place_of_the_input_is_not_mixed() -> None:
    mixed = target()
    register_loss(focal)(logits(), LABELS[0])
    squares = register_loss(lambda inputs, target: (inputs - target) ** 2)
    squares(mixed.float(), torch.zeros(4, requires_grad=True))
    assert not mixed.is_consumed


def test_a_mixture_of_mixtures() -> None:
    draw = MixupDraw(np.array([0.5, 0.25, 0.75, 1.0], dtype=np.float32), np.array([1, 0, 3, 2]))
    remixed = mix_targets(target(), draw)
    assert isinstance(remixed, MixedTarget)
    losses = [focal(logits(), labels, reduction="none") for labels in remixed.labels]
    expected = sum(
        (weights @ values for weights, values in zip(remixed.weights, losses, strict=True)), torch.tensor(0.0)
    )
    torch.testing.assert_close(register_loss(focal)(logits(), remixed, reduction="sum"), expected)


class Focal(nn.Module):
    def forward(self, inputs: Tensor, target: Tensor) -> Tensor:
        return focal(inputs, target)


@pytest.mark.parametrize("loss", [Focal(), "focal"])
def test_what_is_no_function_is_refused(loss: Any) -> None:
    expected = (
        f"mixing.register_loss: loss must be a function, got {loss!r}. Define a function (input, target) that calls it."
    )
    with pytest.raises(TypeError) as caught:
        register_loss(loss)
    assert str(caught.value) == expected
