"""The page of the docs, and that no callback is left out of it."""

from pathlib import Path

import pytest

from lightning_regkit import callbacks
from tests.ddp.devices_table import COLUMNS, EXCEPTIONS, NOT_TRIED, STRATEGIES, cell, page, sentence
from tests.ddp.rows import ROWS

PAGE = Path(__file__).parents[2] / "docs" / "devices_support.md"


def test_every_callback_has_a_row() -> None:
    assert {row.name for row in ROWS} == set(callbacks.__all__)


def test_keys_are_unique() -> None:
    keys = [row.key for row in ROWS]
    assert len(set(keys)) == len(keys)


def test_exceptions_are_cells() -> None:
    assert EXCEPTIONS.keys() <= {(row.key, way) for row in ROWS for way in COLUMNS}


def test_what_is_refused_is_refused_by_the_strategy() -> None:
    assert {way for (_, way), each in EXCEPTIONS.items() if each.verdict == "refused"} == STRATEGIES.keys()


@pytest.mark.parametrize("way", ["ddp", "unused"])
def test_nothing_is_left_out_under_ddp(way: str) -> None:
    assert [row.key for row in ROWS if cell(row, way) == NOT_TRIED] == []


def test_a_worked_sentence() -> None:
    row = next(row for row in ROWS if row.name == "ExactResume")
    assert sentence(row, "fsdp") == (
        "ExactResume: strategy must keep the whole weights on every process: a single device, or DDP, got "
        "'FSDPStrategy'."
    )


def test_the_page_in_the_docs_is_the_one_that_is_made() -> None:
    assert PAGE.read_text("utf-8") == page(), "python -m tests.ddp.devices_table > docs/devices_support.md"


def test_the_tables_are_rectangular() -> None:
    rows = [line for line in page().splitlines() if line.startswith(("| `", "| |"))]
    for width in (len(COLUMNS) + 2, 4):
        assert len([row for row in rows if row.count("|") == width]) == 1 + len(ROWS)
    assert len(rows) == 2 * (1 + len(ROWS))
