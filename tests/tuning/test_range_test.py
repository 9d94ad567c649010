"""Step 3 end to end: rates, ratios, where it ends, what it writes."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from lightning_regkit.tuning import Setup, range_test
from lightning_regkit.tuning._range_test import geometric
from tests.support import Classifier, loader
from tests.tuning.support import CPU, Digits, Net


def test_rates_are_geometric() -> None:
    assert geometric(1.0, 8.0, 4) == pytest.approx((1, 2, 4, 8))


def test_a_rate_for_digits(tmp_path: Path) -> None:
    result = range_test(Net(), Digits(), setup=Setup(folder=tmp_path, trainer=CPU.trainer))
    assert result.verdict.is_healthy
    assert result.analysis.suggested is not None
    assert 1e-3 < result.analysis.suggested < 1
    assert result.rates == pytest.approx(geometric(1e-6, 10, 100)[: len(result.losses)])
    written = json.loads((tmp_path / "3_range_test.json").read_text())
    assert written["analysis"]["reach"] == result.analysis.reach
    assert (tmp_path / "3_range_test.png").read_bytes().startswith(b"\x89PNG")


def test_the_range_of_a_rate_is_that_of_its_first_group() -> None:
    class Groups(Classifier):
        def configure_optimizers(self) -> Any:
            weight, bias = self.net[1].parameters()
            return torch.optim.SGD([{"params": [weight], "lr": 0.02}, {"params": [bias], "lr": 0.01}], lr=0.1)

    class Same(Classifier):
        def configure_optimizers(self) -> Any:
            weight, bias = self.net[1].parameters()
            return torch.optim.SGD([{"params": [weight], "lr": 2.0}, {"params": [bias], "lr": 1.0}], lr=0.1)

    torch.manual_seed(0)
    module = Groups()
    twin = Same()
    twin.load_state_dict(module.state_dict())
    options: dict[str, Any] = {"rates": (0.1, 1.0), "num_steps": 8, "setup": CPU}
    first, second = range_test(module, loader(), **options), range_test(twin, loader(), **options)
    assert first.losses == pytest.approx(second.losses)
    plain = Classifier()
    plain.load_state_dict(module.state_dict())
    assert range_test(plain, loader(), **options).losses != pytest.approx(first.losses)


def test_repeats_are_averaged_as_far_as_all_of_them_came() -> None:
    module, options = Net(), {"rates": (0.01, 100.0), "num_steps": 30}
    single = [range_test(module, Digits(), **options, setup=replace(CPU, seed=seed)).losses for seed in (4, 5, 6)]
    result = range_test(module, Digits(), **options, setup=replace(CPU, seed=4, repeats=3))
    assert single[0] != single[1]
    assert result.losses == pytest.approx([sum(losses) / 3 for losses in zip(*single, strict=False)])
    assert len(result.losses) == len(result.rates) == min(map(len, single))


def test_it_ends_where_it_diverges_and_draws_what_there_is(tmp_path: Path) -> None:
    setup = Setup(folder=tmp_path, trainer=CPU.trainer)
    result = range_test(Net(), Digits(), rates=(1.0, 1e6), num_steps=50, setup=setup)
    assert len(result.losses) < 50

    class Wild(Classifier):
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            return super().training_step(batch, batch_idx) * float("nan")

    result = range_test(Wild(), loader(), setup=setup)
    assert result.verdict.cause == "not finite"
    assert len(result.losses) == 5


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"rates": (1.0, 0.1)}, r"rates must grow, got \(1\.0, 0\.1\)\."),
        ({"rates": (0.0, 0.1)}, r"rates must be a positive number, got 0\.0\."),
        ({"num_steps": 4}, r"num_steps must be at least 5, got 4\."),
        ({"num_steps": 0}, r"num_steps must be a positive integer, got 0\."),
    ],
)
def test_refusals(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=f"^tuning.range_test: {text}$"):
        range_test(Net(), Digits(), **options)
