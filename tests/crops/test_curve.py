"""The table of a curve."""

from lightning_regkit.crops import ViewsRow, curve_table


def test_columns_stand_under_their_heading() -> None:
    heading, *lines = curve_table((ViewsRow(1, 0.5, 1.25, 0.125), ViewsRow(1000, 1.0, 10.5, 12345.678))).splitlines()
    assert [line.split() for line in lines] == [
        ["1", "0.5000", "1.2500", "0.12"],
        ["1000", "1.0000", "10.5000", "12345.68"],
    ]
    assert {len(heading), *map(len, lines)} == {len(heading)}
    assert heading.split("  ")[-1] == "ms an image"
