"""The callback of short runs: rates as told, losses as they were, and what it refuses."""

import math
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor, nn

from lightning_regkit.tuning._steps import run_steps
from lightning_regkit.tuning._watch import KEPT, Watch
from tests.support import NUM_CLASSES, SIDE_PX, Classifier, loader
from tests.tuning.support import CPU

if TYPE_CHECKING:
    from collections.abc import Callable


class Groups(Classifier):
    """Two groups, one of which has no rate of its own."""

    def configure_optimizers(self) -> torch.optim.Optimizer:
        weight, bias = self.net[1].parameters()
        return torch.optim.SGD([{"params": [weight]}, {"params": [bias], "lr": 0.3, "weight_decay": 0.5}], lr=0.1)

    def on_train_batch_end(self, *_: Any) -> None:
        self.rates.extend(group["lr"] for group in self.trainer.optimizers[0].param_groups)
        self.outputs.append(self.trainer.optimizers[0].param_groups[1]["weight_decay"])


def watched(module: Classifier, watch: Watch, num_steps: int = 4) -> Any:
    return run_steps(module, loader(), watch, CPU, (num_steps, None, ())).module


def test_groups_keep_their_ratio() -> None:
    watch = Watch(lambda step, highest: (step + 1) / highest, weight_decay=0.25)
    module = watched(Groups(), watch)
    assert watch.rates == pytest.approx([1, 2, 3, 4])
    assert module.rates[::2] == pytest.approx([rate / 3 for rate in (1, 2, 3, 4)])
    assert module.rates[1::2] == pytest.approx([1, 2, 3, 4])
    assert set(module.outputs) == {0.25}


def test_without_a_factor_nothing_is_written() -> None:
    watch = Watch()
    module = watched(Groups(), watch)
    assert set(module.rates) == {0.1, 0.3}
    assert set(module.outputs) == {0.5}
    assert watch.rates == [0.3] * 4


def test_losses_are_those_of_the_module() -> None:
    module, watch = Classifier(lr=0.5), Watch()
    trained = watched(module, watch, 12)
    expected = [nn.functional.cross_entropy(module.net(trained.seen[0][0]), trained.seen[0][1]).item()]
    assert watch.losses[:1] == pytest.approx(expected)
    assert len(watch.losses) == len(watch.accuracies) == 12
    assert len(watch.calls) == len(watch.batches) == KEPT
    assert all(watch.gradients.values())
    assert torch.equal(watch.first["net.1.weight"], module.net[1].weight)


def test_it_ends_when_told_or_at_a_loss_that_is_not_finite() -> None:
    watch = Watch(until=lambda seen: len(seen.losses) == 3)
    watched(Classifier(), watch, 10)
    assert len(watch.losses) == 3

    class Wild(Classifier):
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            return super().training_step(batch, batch_idx) * (math.nan if batch_idx == 1 else 1.0)

    watch = Watch()
    watched(Wild(), watch, 10)
    assert len(watch.losses) == 2


class Noisy(Classifier):
    def __init__(self) -> None:
        super().__init__()
        layers = [nn.Flatten(), nn.Dropout(0.9), nn.Linear(SIDE_PX * SIDE_PX, NUM_CLASSES), nn.Dropout(0.9)]
        self.net = nn.Sequential(*layers)

    def forward(self, inputs: Tensor) -> Tensor:
        self.outputs.append(nn.functional.dropout(super().forward(inputs), 0.9))
        return self.outputs[-1]


def test_noise_is_off_where_it_is_told() -> None:
    for is_silent in (True, False):
        module, watch = Noisy(), Watch(lambda *_: 0.0, is_silent=is_silent)
        trained = watched(module, watch, 1)
        plain = module.net[2](trained.seen[0][0].flatten(1))
        assert torch.equal(trained.outputs[0], plain) == is_silent
        assert watch.modes["net.1"] is not is_silent


def test_closures_and_manual_optimization_are_watched_too() -> None:
    class Closures(Classifier):
        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.LBFGS(self.parameters(), lr=0.1, max_iter=4)

    class Manual(Classifier):
        def __init__(self) -> None:
            super().__init__()
            self.automatic_optimization = False

        def training_step(self, batch: Any, batch_idx: int) -> Any:
            loss = super().training_step(batch, batch_idx)
            optimizer: Any = self.optimizers()
            optimizer.zero_grad()
            self.manual_backward(loss)
            optimizer.step()

    class Mapped(Classifier):
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            return {"loss": super().training_step(batch, batch_idx)}

    modules: list[Callable[[], Classifier]] = [Closures, Manual, Mapped]
    for make in modules:
        watch = Watch()
        watched(make(), watch)
        assert len(watch.losses) == len(watch.accuracies) == 4
        assert len(watch.rates) == 4


def test_a_step_without_a_loss_is_refused() -> None:
    class Silent(Classifier):
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            return None

    text = r"^tuning: training_step must return its loss, got None\. Return the loss, also under manual optimization\.$"
    with pytest.raises(TypeError, match=text):
        watched(Silent(), Watch())
