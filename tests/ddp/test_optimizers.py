"""The column of the support table that needs two processes."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lightning_regkit import optim
from tests.ddp.support import run
from tests.optim.probe import BATCH_SIZE, Probe, batches, net
from tests.optim.support_table import NAMES, cell
from tests.support import trainer

pytestmark = [pytest.mark.ddp, pytest.mark.slow]

HERE = [name for name in NAMES if name in optim.names()]


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return run("optimizers", tmp_path_factory.mktemp("optimizers"))


def weights(module: nn.Module) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in module.parameters()])


@pytest.mark.parametrize("name", [name for name in HERE if cell(name, "ddp").verdict != "refused"])
def test_two_processes_equal_one_with_the_whole_batch(name: str, ranks: list[dict[str, Any]]) -> None:
    first, second = (torch.tensor(found[name]["weights"], dtype=torch.float64) for found in ranks)
    assert torch.equal(first, second)
    model = Probe(name)
    trainer(max_epochs=1, precision="64-true").fit(model, batches(2 * BATCH_SIZE))
    way = (first - weights(net())).abs().max()
    assert way > 1e-4, "it moved"
    assert (first - weights(model.net)).abs().max() <= (2e-2 if name == "muon" else 1e-9) * way  # bfloat16 inside


@pytest.mark.parametrize("name", [name for name in HERE if cell(name, "ddp").verdict == "refused"])
def test_what_is_refused_says_this_sentence_on_every_process(name: str, ranks: list[dict[str, Any]]) -> None:
    assert [found[name].get("refusal") for found in ranks] == [cell(name, "ddp").text] * 2
