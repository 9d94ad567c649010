"""Fresh weights in the middle of a run; on two processes: tests/ddp/test_snapshots.py."""

from types import SimpleNamespace

import pytest
import torch
from lightning.pytorch.strategies import DDPStrategy, FSDPStrategy
from torch import Tensor, nn

from lightning_regkit._lightning._restart import refuse_sharded, refuse_unrestartable, restart
from tests.support import Classifier, trainer


class Whole(nn.Module):
    """Resets itself, and not its parts."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(2))
        self.part = nn.Linear(2, 2)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.scale * self.part(inputs)

    def reset_parameters(self) -> None:
        nn.init.ones_(self.scale)
        nn.init.ones_(self.part.weight)
        nn.init.ones_(self.part.bias)


class Loose(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(2))


def test_all_weights_and_statistics_are_drawn_anew_and_momentum_is_gone() -> None:
    linear, norm, whole = nn.Linear(2, 2), nn.BatchNorm1d(2), Whole()
    module = nn.Sequential(linear, norm, whole)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)
    module(torch.randn(4, 2))
    torch.stack([parameter.sum() for parameter in module.parameters()]).sum().backward()
    optimizer.step()
    parameters = list(module.parameters())
    torch.manual_seed(5)
    restart(trainer(), module, optimizer)
    torch.manual_seed(5)
    fresh = nn.Linear(2, 2)
    assert torch.equal(linear.weight, fresh.weight)
    assert norm.running_mean is not None
    assert norm.running_mean.tolist() == [0.0, 0.0]
    assert whole.part.bias.tolist() == [1.0, 1.0]
    assert not optimizer.state
    assert all(before is now for before, now in zip(parameters, module.parameters(), strict=True))


def test_what_cannot_be_drawn_again_is_refused() -> None:
    refuse_unrestartable("Ours", nn.Sequential(nn.Linear(1, 1), nn.ReLU(), Whole()))
    with pytest.raises(TypeError) as refusal:
        refuse_unrestartable("Ours", nn.Sequential(nn.Linear(1, 1), Loose()))
    assert str(refusal.value) == (
        "Ours: module must have reset_parameters() for all weights, got ['1.scale']. "
        "Give the submodule that holds them one."
    )


def test_only_strategies_with_whole_weights_are_let_through() -> None:
    refuse_sharded("Ours", trainer())
    refuse_sharded("Ours", trainer(strategy="ddp"))
    sharded = SimpleNamespace(strategy=FSDPStrategy())  # Lightning makes it only where there is a GPU
    with pytest.raises(TypeError) as refusal:
        refuse_sharded("Ours", sharded)
    condition = "keep the whole weights on every process: a single device, or DDP"
    assert str(refusal.value) == f"Ours: strategy must {condition}, got 'FSDPStrategy'."


def test_deepspeed_is_no_ddp() -> None:
    class DeepSpeedStrategy(DDPStrategy):
        """Lightning's own asks for the package to be installed."""

    with pytest.raises(TypeError, match="got 'DeepSpeedStrategy'"):
        refuse_sharded("Ours", SimpleNamespace(strategy=DeepSpeedStrategy()))


def test_the_classifier_of_the_tests_can_be_restarted() -> None:
    refuse_unrestartable("Ours", Classifier())
