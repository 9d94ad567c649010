from pathlib import Path

import pytest

from tests.regularizers import decay_tables

CARD = Path(__file__).parents[2] / "docs" / "cards" / "weight_penalty.md"


@pytest.mark.parametrize("row", decay_tables.rows())
def test_the_card_has_the_tables_that_are_computed(row: str) -> None:
    assert row in CARD.read_text().splitlines()
