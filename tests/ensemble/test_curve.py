"""The table of a curve."""

from lightning_regkit.ensemble import CurveRow, curve_table


def test_columns_stand_under_their_heading() -> None:
    rows = (CurveRow(1, 0.5, 1.25, 0.125, 0.0, 0.5, 1.25), CurveRow(10, 1.0, 10.5, 0.0, 0.75, 0.25, 12.0))
    heading, *lines = curve_table(rows).splitlines()
    assert len(lines) == 2
    assert [line.split() for line in lines] == [
        ["1", "0.5000", "1.2500", "0.1250", "0.0000", "0.5000", "1.2500"],
        ["10", "1.0000", "10.5000", "0.0000", "0.7500", "0.2500", "12.0000"],
    ]
    assert {len(heading), *map(len, lines)} == {len(heading)}
    assert heading.split("  ")[-2:] == ["member accuracy", "member nll"]
