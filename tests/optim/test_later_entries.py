import pytest
import torch
from torch import nn
from torch.optim import SGD

from lightning_regkit import optim
from lightning_regkit.optim._builtin import BUILTIN
from lightning_regkit.optim._later_entries import CAME_WITH, later


def test_what_torch_lacks_is_absent() -> None:
    assert later({"SGD": SGD}) == ()


def test_what_torch_has_is_there() -> None:
    class Muon(SGD): ...

    (entry,) = later({"Muon": Muon, "SGD": SGD})
    assert (entry.name, entry.optimizer_class, entry.ndim) == ("muon", Muon, 2)


def test_every_entry_has_a_version() -> None:
    class Muon(SGD): ...

    assert {entry.name for entry in later({"Muon": Muon})} == set(CAME_WITH)


def test_the_version_is_that_of_torch() -> None:
    installed = tuple(int(part) for part in torch.__version__.split(".")[:2])
    present = {entry.name for entry in BUILTIN} & set(CAME_WITH)
    assert present == {
        name for name, version in CAME_WITH.items() if tuple(int(part) for part in version.split(".")) <= installed
    }


@pytest.mark.skipif("Muon" not in vars(torch.optim), reason="it came with torch 2.9")
def test_two_steps_of_muon_by_hand() -> None:
    # A 1 x 1 matrix is normalized to 1; then x <- 3.4445 x - 4.775 x^3 + 2.0315 x^5, five times, in bfloat16.
    sign = 1.0
    for _ in range(5):
        sign = 3.4445 * sign - 4.775 * sign**3 + 2.0315 * sign**5
    module = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        module.weight.fill_(1.0)
    optimizer = optim.create(module, "muon", lr=0.1, weight_decay=0.5)
    expected = 1.0
    for gradient in (1.0, 8.0):
        module.weight.grad = torch.full((1, 1), gradient)
        optimizer.step()
        expected = expected * (1 - 0.1 * 0.5) - 0.1 * sign
        assert module.weight.item() == pytest.approx(expected, abs=2e-3)
