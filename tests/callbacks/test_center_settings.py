import re
from typing import Any

import pytest

from lightning_regkit.callbacks._center_settings import CenterSettings

PLAIN: dict[str, Any] = {"x_axis": "step", "prefix": "center", "gaps": None, "images": 16, "images_every": "1ep"}


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        ({"x_axis": "time"}, ValueError, "x_axis must be one of epoch, samples, seconds, step, got 'time'."),
        ({"prefix": "/"}, ValueError, "prefix must be a name, got '/'."),
        ({"prefix": None}, ValueError, "prefix must be a name, got None."),
        ({"images": -1}, ValueError, "images must be an integer of at least 0, got -1."),
        ({"images": 1.5}, TypeError, "images must be an integer of at least 0, got 1.5."),
        (
            {"images_every": "daily"},
            ValueError,
            "images_every must be a duration such as '5ep', '500step' or '0.1run', got 'daily'.",
        ),
        *(
            (
                {"images_every": every},
                ValueError,
                f"images_every must be a whole number of epochs or steps, such as '1ep' or '500step', got {every!r}.",
            )
            for every in ("0.5ep", "0.1run", 0)
        ),
        *(
            (
                {"gaps": {"loss": pair}},
                ValueError,
                f"gaps must name two metrics for each gap, of training and of validation, got {{'loss': {pair!r}}}.",
            )
            for pair in ("ab", ("a",), ("a", 1), None)
        ),
    ],
    ids=str,
)
def test_what_is_out_of_range_is_refused(given: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(f'CommandCenter: {text}')}$"):
        CenterSettings(**{**PLAIN, **given})


@pytest.mark.parametrize(
    ("every", "due"),
    [
        ("1ep", [(0, 0), (1, 5), (2, 10), (4, 20)]),
        ("2ep", [(0, 0), (2, 10), (4, 20)]),
        ("7step", [(0, 0), (1, 7), (2, 14), (4, 22)]),
        (3, [(0, 0), (0, 3), (1, 6), (1, 9), (2, 12), (4, 20)]),
    ],
)
def test_sheets_are_due_so_often_and_at_the_first_chance_after(every: int | str, due: list[tuple[int, int]]) -> None:
    settings, last, found = CenterSettings(**{**PLAIN, "images_every": every}), None, []
    for step in (*range(15), 20, 22):  # an epoch without a logging step in between
        if settings.is_sheet_due(step // 5, step, last):
            last = step // 5, step
            found.append(last)
    assert found == due


def test_no_images_are_never_due() -> None:
    settings = CenterSettings(**{**PLAIN, "images": 0})
    assert not settings.is_sheet_due(0, 0, None)
    assert not settings.is_sheet_due(9, 9, (0, 0))
