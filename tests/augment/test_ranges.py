import pytest

from lightning_regkit._checks import positive_float, positive_int
from lightning_regkit.augment._ranges import ends


def test_a_range_is_returned_as_it_is() -> None:
    assert ends("owner", "resize_px", (3, 3), positive_int) == (3, 3)
    assert ends("owner", "area", (0.25, 1.0), positive_float) == (0.25, 1.0)


@pytest.mark.parametrize(
    ("value", "error", "expected"),
    [
        ([1, 2], TypeError, r"^owner: area must be a tuple \(smallest, largest\), got \[1, 2\]\.$"),
        ((1, 2, 3), TypeError, r"^owner: area must be a tuple \(smallest, largest\), got \(1, 2, 3\)\.$"),
        ((1,), TypeError, r"^owner: area must be a tuple \(smallest, largest\), got \(1,\)\.$"),
        ((1, "2"), TypeError, r"^owner: area must be a positive integer, got '2'\.$"),
        ((0, 2), ValueError, r"^owner: area must be a positive integer, got 0\.$"),
        ((2, 1), ValueError, r"^owner: area must have its ends in order, got \(2, 1\)\.$"),
    ],
)
def test_what_is_no_range_is_refused(value: object, error: type[Exception], expected: str) -> None:
    with pytest.raises(error, match=expected):
        ends("owner", "area", value, positive_int)
