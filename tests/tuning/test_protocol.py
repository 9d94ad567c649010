"""All seven steps on digits; going on; and stopping at a fault."""

from pathlib import Path
from typing import Any

import pytest
import torch

from lightning_regkit.tuning import Budget, Protocol, Setup
from lightning_regkit.tuning._progress import StepDone, write_progress
from tests.tuning.support import CPU, Digits, Net, one_more

COARSE, REFINED = Budget(3, 1, name="4_coarse"), Budget(1, 8, name="5_refined")


class Blind(Net):
    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("nan", torch.tensor(float("nan")))


def protocol(folder: Path, module: Any = Net, data: Any = None) -> Protocol:
    return Protocol(module, data or Digits(), COARSE, REFINED, Setup(folder, trainer=CPU.trainer))


def test_seven_steps_and_any_of_them_again(tmp_path: Path) -> None:
    before = torch.get_rng_state()
    made = protocol(tmp_path)
    done = list(made.run())
    assert torch.equal(torch.get_rng_state(), before)
    assert [each.step for each in done] == [1, 2, 3, 4, 5, 6, 7]
    assert [each.cause for each in done[:5]] == ["healthy"] * 5
    assert done[4].facts["round"] == [1]
    names = [
        "1_initial_loss",
        "2_overfit",
        "3_range_test",
        "3_rate_trials",
        "4_coarse",
        "5_refined",
        "6_curves",
        "7_next",
    ]
    assert sorted(path.stem for path in tmp_path.glob("[1-7]*.json")) == names
    assert len((tmp_path / "trials.csv").read_text().splitlines()) == 5
    with pytest.raises(ValueError, match=r"^tuning\.Protocol: first must be a step, 1 to 7, got 8\. All are done\.$"):
        list(made.run())
    again = list(made.run(7))
    assert again == done[6:]


def test_a_fault_ends_it_and_it_goes_on_when_it_is_mended(tmp_path: Path) -> None:
    faulty = list(protocol(tmp_path, data=Digits(one_more)).run())
    assert [(each.step, each.cause) for each in faulty] == [(1, "labels off by one")]
    with pytest.raises(
        ValueError, match=r"^tuning\.Protocol: first must be at most 2, the first that was not made, got 4\.$"
    ):
        next(protocol(tmp_path).run(4))
    with pytest.raises(ValueError, match=r"^tuning\.Protocol: first must be a step, 1 to 7, got 0\.$"):
        next(protocol(tmp_path).run(0))
    assert protocol(tmp_path).start(is_stubborn=True) == 2
    steps = protocol(tmp_path).run()
    assert [next(steps).step, next(steps).step] == [1, 2]
    assert next(protocol(tmp_path).run()).step == 3


def test_a_stubborn_one_goes_on(tmp_path: Path) -> None:
    steps = protocol(tmp_path, module=lambda: Net(lr=1e-6)).run(is_stubborn=True)
    assert [next(steps).cause for _ in range(3)] == ["healthy", "rate too low", "healthy"]


def test_a_search_without_a_score_ends_it(tmp_path: Path) -> None:
    write_progress(tmp_path, {step: StepDone(step, "", "healthy", "", {}) for step in (1, 2, 3)})
    blind = Budget(1, 1, monitor="nan")
    steps = Protocol(Blind, Digits(), blind, blind, Setup(tmp_path, trainer=CPU.trainer)).run(is_stubborn=True)
    assert [(each.step, each.cause) for each in steps] == [(4, "no score")]


def test_a_setup_needs_a_folder() -> None:
    with pytest.raises(ValueError, match=r"^tuning\.Protocol: setup must have a folder, got None\.$"):
        Protocol(None, None)
