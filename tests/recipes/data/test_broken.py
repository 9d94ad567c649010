import logging
import multiprocessing
from typing import Any, cast

import pytest

from recipes.data._broken import BrokenImageError, Ledger, broken


def test_an_error_is_one_line() -> None:
    error = broken("a/b.jpg", OSError("two\n  lines"))

    assert str(error) == "ImageFolderData: 'a/b.jpg' cannot be read: two lines."
    assert isinstance(error, BrokenImageError)


def test_each_image_is_said_and_counted_once(caplog: pytest.LogCaptureFixture) -> None:
    ledger = Ledger(2500)
    with caplog.at_level(logging.WARNING):
        for position in (7, 3, 7):
            ledger.note(position, broken(f"{position}.jpg", "it is empty"))

    assert ledger.skipped == [3, 7]
    assert [record.getMessage() for record in caplog.records] == [
        "ImageFolderData: '7.jpg' cannot be read: it is empty. It is skipped, 1 of 2,500 so far.",
        "ImageFolderData: '3.jpg' cannot be read: it is empty. It is skipped, 2 of 2,500 so far.",
    ]


@pytest.mark.parametrize(("num_images", "allowed"), [(1, 0), (999, 0), (1000, 1), (1999, 1), (2000, 2), (3000, 3)])
def test_more_than_one_in_a_thousand_are_too_many(num_images: int, allowed: int) -> None:
    ledger = Ledger(num_images)
    for position in range(allowed):
        ledger.note(position, broken("a.jpg", "it is empty"))

    with pytest.raises(BrokenImageError) as error:
        ledger.note(num_images - 1, broken("z.jpg", "it is empty"))
    assert str(error.value) == (
        "ImageFolderData: 'z.jpg' cannot be read: it is empty. on_error=\"skip\" is for at most 0.1 % of the images, "
        f"got {allowed + 1:,} of {num_images:,}. Replace them."
    )


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_have_one_account(method: str) -> None:
    ledger, context = Ledger(5000), cast("Any", multiprocessing.get_context(method))
    for position in (4, 2):
        process = context.Process(target=ledger.note, args=(position, broken("a.jpg", "it is empty")))
        process.start()
        process.join()
        assert process.exitcode == 0

    assert ledger.skipped == [2, 4]
