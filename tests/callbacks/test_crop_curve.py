"""The curve of an evaluation: beginnings of a stream, loaders apart, targets where they are."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from lightning_regkit._lightning import Keys
from lightning_regkit.callbacks import _crop_curve
from lightning_regkit.callbacks._crop_curve import CropCurve
from lightning_regkit.crops import tally
from lightning_regkit.errors import BatchLayoutError
from lightning_regkit.marginalize import Averaging, combine
from tests.callbacks.ensembles import lines
from tests.support import trainer

SCORES = torch.randn(7, 4, 3, generator=torch.Generator().manual_seed(0))
TARGETS = torch.tensor([0, 1, 2, 0])
CPU = torch.device("cpu")
POINTS = (1, 2, 5, 7)


class Logs:
    """Stands for a module in an evaluation."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}

    def log_dict(self, values: dict[str, float], **_: Any) -> None:
        self.values.update(values)


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look at the clock takes a second."""
    looks = iter(range(10**6))
    monkeypatch.setattr(_crop_curve, "device_seconds", lambda _: float(next(looks)))


def curve(space: str = "probs") -> CropCurve:
    return CropCurve(Keys("Ours", may_be_list=True), num_views=7, averaging=Averaging(space=space))


def run(table: CropCurve, scores: Tensor = SCORES) -> None:
    table.begin()
    passed = list(table.watched(table.timed(iter(scores), CPU)))
    assert all(map(torch.equal, passed, scores))


@pytest.mark.parametrize("space", ["probs", "logits", "log_probs"])
def test_beginnings_of_the_stream(space: str) -> None:
    table = curve(space)
    run(table)
    table.add((torch.zeros(4, 1), TARGETS), 0)
    found = table.finish(trainer(), Logs(), is_printed=False)
    means = {views: combine(SCORES[:views], space=space) for views in POINTS}
    seconds = {1: 1.0, 2: 2.0, 5: 3.0, 7: 4.0}  # one look at the start, and one at each point
    assert found == {0: tally(means, TARGETS, seconds).rows()}


def test_times_of_several_sizes_add_up() -> None:
    table = curve()
    table.begin()
    for _ in range(2):
        list(table.timed(iter(SCORES), CPU))
    list(table.watched(iter(SCORES)))
    table.add((torch.zeros(4, 1), TARGETS), 0)
    found = table.finish(trainer(), Logs(), is_printed=False)[0]
    assert [row.milliseconds for row in found] == [500.0, 1000.0, 1500.0, 2000.0]


def test_the_clock_is_read_at_points_only_and_as_views_come() -> None:
    taken: list[int] = []

    def views() -> Iterator[Tensor]:
        for number, each in enumerate(SCORES):
            taken.append(number)
            yield each

    table = curve()
    stream = table.watched(table.timed(views(), CPU))
    assert taken == []
    next(stream)
    assert taken == [0]


def test_batches_of_each_loader_are_added_up() -> None:
    table, logs = curve(), Logs()
    inputs = torch.zeros(2, 1)
    for rows in (slice(0, 2), slice(2, 4)):
        run(table, SCORES[:, rows])
        table.add((inputs, TARGETS[rows]), 0)
    run(table, SCORES[:, :2])
    table.add({"images": inputs, "labels": TARGETS[:2]}, 1)
    found = table.finish(trainer(), logs, is_printed=False)
    means = {views: combine(SCORES[:views]) for views in POINTS}
    expected = tally(means, TARGETS, dict.fromkeys(POINTS, 0.0)).rows()
    assert [row.accuracy for row in found[0]] == [row.accuracy for row in expected]
    assert [row.nll for row in found[0]] == pytest.approx([row.nll for row in expected])
    assert logs.values["multicrop/accuracy_5/dataloader_idx_1"] == found[1][2].accuracy
    assert len(logs.values) == 2 * len(POINTS) * 3


def test_one_loader_has_no_suffix_and_a_new_one_is_empty() -> None:
    table, logs = curve(), Logs()
    run(table)
    table.add(([torch.zeros(3, 4, 4), torch.zeros(3, 5, 4)] * 2, TARGETS), 0)
    (rows,) = table.finish(trainer(), logs, is_printed=False).values()
    assert logs.values == {
        **{f"multicrop/accuracy_{row.num_views}": row.accuracy for row in rows},
        **{f"multicrop/nll_{row.num_views}": row.nll for row in rows},
        **{f"multicrop/ms_{row.num_views}": row.milliseconds for row in rows},
    }
    assert curve().finish(trainer(), logs, is_printed=True) == {}


def test_a_batch_that_is_begun_again_counts_once() -> None:
    once, twice = curve(), curve()
    run(once)
    for scores in (SCORES.flip(0), SCORES):
        run(twice, scores)
    for table in (once, twice):
        table.add((torch.zeros(4, 1), TARGETS), 0)
    assert once.finish(trainer(), Logs(), is_printed=False) == twice.finish(trainer(), Logs(), is_printed=False)


@pytest.mark.parametrize(
    ("batch", "kind", "text"),
    [
        (torch.zeros(4, 1), BatchLayoutError, "Ours: batch must hold inputs and targets, got Tensor"),
        ((torch.zeros(4, 1), torch.zeros(4)), TypeError, "crops.tally: targets must hold classes as integers"),
    ],
)
def test_batches_without_classes_are_refused(batch: Any, kind: type[Exception], text: str) -> None:
    table = curve()
    run(table)
    with pytest.raises(kind, match=text):
        table.add(batch, 0)


@pytest.mark.usefixtures("logs_of_lightning")
def test_what_is_printed(caplog: pytest.LogCaptureFixture) -> None:
    table = curve()
    run(table)
    table.add((torch.zeros(4, 1), TARGETS), 0)
    table.finish(trainer(), Logs(), is_printed=False)
    assert lines(caplog, "Ours") == []
    table.finish(trainer(), Logs(), is_printed=True)
    table.decline()
    table.decline()
    printed, declined = lines(caplog, "Ours")
    assert printed.startswith("Ours: the first views together, from the center\nviews  accuracy")
    assert declined == "Ours: no curve, for these views are part of another average."
