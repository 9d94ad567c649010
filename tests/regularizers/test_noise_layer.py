"""When a layer of noise draws."""

import pytest
import torch
from torch import Tensor

from lightning_regkit.regularizers import NoiseLayer


class Shift(NoiseLayer):
    def forward(self, inputs: Tensor) -> Tensor:
        return inputs + torch.rand_like(inputs) if self.is_noisy else inputs


@pytest.mark.parametrize(
    ("training", "is_sampling", "draws"), [(True, False, True), (False, False, False), (False, True, True)]
)
def test_in_training_and_while_an_average_is_taken(training: bool, is_sampling: bool, draws: bool) -> None:
    layer = Shift().train(training)
    layer.is_sampling = is_sampling
    inputs = torch.zeros(4)
    assert layer.is_noisy == draws
    assert torch.equal(layer(inputs), inputs) == (not draws)


def test_it_adds_nothing_to_a_checkpoint() -> None:
    assert Shift().state_dict() == {}
