"""Nobody waits for anybody in a training step who does not in a bare Trainer's."""

from typing import Any

import pytest

from tests.ddp.rows import ROWS, Row
from tests.ddp.support import run

pytestmark = [pytest.mark.ddp, pytest.mark.slow]


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return run("collectives", tmp_path_factory.mktemp("collectives"))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
def test_collectives_of_a_step_and_of_an_epoch(row: Row, ranks: list[dict[str, Any]]) -> None:
    for found in ranks:
        assert (found[row.key]["step"], found[row.key]["epoch"]) == row.collectives


@pytest.mark.parametrize("row", [row for row in ROWS if row.name != "KFACPreconditioner"], ids=lambda row: row.key)
def test_there_is_none_in_a_step_but_of_kfac(row: Row) -> None:
    assert row.collectives[0] == 0


def test_many_callbacks_add_none_either(ranks: list[dict[str, Any]]) -> None:
    """The gather of the best epoch, and the gather and barrier of a save."""
    for found in ranks:
        assert (found["together"]["step"], found["together"]["epoch"]) == (0, 2 + 3)


def test_a_bare_trainer_has_two(ranks: list[dict[str, Any]]) -> None:
    """It reduces gradients, and tells of SIGTERM; with batch statistics DDP broadcasts them too."""
    for found in ranks:
        assert {found[row.key]["bare"] for row in ROWS if not (row.is_normalized or row.is_test)} == {2}
        assert {found[row.key]["bare"] for row in ROWS if row.is_test} == {0}
