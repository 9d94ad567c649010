"""Step 2 end to end."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lightning_regkit.tuning import Setup, overfit
from lightning_regkit.tuning._overfit import Unaugmented
from tests.support import Classifier, LayoutClassifier, loader
from tests.tuning.support import CPU, Digits, Net, network


def test_digits_are_learned_by_heart(tmp_path: Path) -> None:
    result = overfit(Net(), Digits(), setup=Setup(folder=tmp_path, trainer=CPU.trainer))
    assert result.verdict.is_healthy
    assert result.seen.accuracy == 1
    assert result.seen.losses[-1] < 0.1 * result.seen.losses[0]
    assert len(result.seen.losses) < 400
    assert (result.seen.frozen, result.seen.without_gradient) == (0, 0)
    assert 0.01 < result.seen.moved < 100
    assert json.loads((tmp_path / "2_overfit.json").read_text())["verdict"]["cause"] == "healthy"
    assert (tmp_path / "2_overfit.png").read_bytes().startswith(b"\x89PNG")


def test_regularizers_are_off() -> None:
    noisy = nn.Sequential(nn.Dropout(0.95), *network(), nn.Dropout(0.95))

    class Decayed(Net):
        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9, weight_decay=10.0)

    assert overfit(Decayed(noisy), Digits(), setup=CPU).verdict.is_healthy


class Scrambled(Digits):
    """Augmentation that no network can learn by heart, done on the device, and left out on request."""

    is_on = True

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        return [torch.randn_like(batch[0]), batch[1]] if self.is_on else batch

    def without_augmentation(self) -> Digits:
        plain = Scrambled()
        plain.is_on = False
        return plain


def test_augmentation_is_off_where_the_data_module_can() -> None:
    assert isinstance(Scrambled(), Unaugmented)
    result = overfit(Net(), Scrambled(), setup=CPU)
    assert (result.verdict.is_healthy, result.is_unaugmented) == (True, True)
    assert not overfit(Net(), Digits(), max_steps=10, setup=CPU).is_unaugmented


def test_without_a_cross_entropy_the_loss_alone_decides() -> None:
    result = overfit(LayoutClassifier(lr=0.2), loader(), max_steps=20, setup=CPU)
    assert (result.seen.accuracy, result.seen.spec) == (None, None)
    assert result.verdict.is_healthy


def test_weights_the_optimizer_does_not_have_are_frozen() -> None:
    class Half(Classifier):
        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD([self.net[1].bias], lr=0.1)

    seen = overfit(Half(), loader(), max_steps=3, setup=CPU).seen
    assert seen.frozen == pytest.approx(48 / 51)


def test_weights_from_zero_have_moved_all_the_way_or_not_at_all() -> None:
    module = Classifier()
    with torch.no_grad():
        for weight in module.parameters():
            weight.zero_()
    assert overfit(module, loader(), max_steps=3, setup=CPU).seen.moved == 1

    class Flat(Classifier):
        def training_step(self, batch: Any, batch_idx: int) -> Tensor:
            return 0 * self(batch[0]).sum() + 2.0

    module = Flat()
    module.load_state_dict({name: torch.zeros_like(value) for name, value in module.state_dict().items()})
    seen = overfit(module, loader(), max_steps=3, setup=CPU).seen
    assert (seen.moved, seen.without_gradient) == (0, 1)


@pytest.mark.parametrize("argument", ["num_batches", "max_steps"])
def test_refusals(argument: str) -> None:
    with pytest.raises(ValueError, match=rf"^tuning\.overfit: {argument} must be a positive integer, got 0\.$"):
        overfit(Net(), Digits(), **{argument: 0})
