"""The first of two processes logs what one process with the doubled batch would, and the second nothing."""

from typing import Any

import pytest

from tests.ddp.command_center import fit
from tests.ddp.support import run

pytestmark = [pytest.mark.ddp, pytest.mark.slow]

#: Figures of the batch of one process, and of the machine.
OWN = {"center/train_loss", "center/samples_per_s", "center/wait_share", "center/seconds"}


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return run("command_center", tmp_path_factory.mktemp("command_center"))


def test_rows_are_those_of_one_process(ranks: list[dict[str, Any]]) -> None:
    _, alone = fit("alone")
    rows = ranks[0]["rows"]
    assert [step for step, _ in rows] == [step for step, _ in alone] == [1, 3, 5, 7]
    for (_, found), (_, expected) in zip(rows, alone, strict=True):
        assert found.keys() == expected.keys()
        common = found.keys() - OWN
        assert {"center/samples", "center/grad_norm", "center/update_ratio"} <= common
        assert {name: found[name] for name in common} == pytest.approx({name: expected[name] for name in common})
    assert [row["center/samples"] for _, row in rows] == [16, 32, 48, 64]


def test_the_second_process_logs_nothing(ranks: list[dict[str, Any]]) -> None:
    assert ranks[1]["rows"] == []
