"""What runs a batch's views: how many scores are alive at once, and who sees them. Results: test_multi_crop.py."""

import weakref
from typing import Any

import pytest
import torch
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor

from lightning_regkit.callbacks._crop_settings import CropSettings
from lightning_regkit.callbacks._crop_views import CropViews
from lightning_regkit.crops import Layout, apply_view
from lightning_regkit.marginalize import Readout, combine
from tests.callbacks.cropped import labels, photos
from tests.support import trainer


class Net:
    """Predicts from the mean of an image, and counts what it made that is still there."""

    def __init__(self) -> None:
        self.made: list[weakref.ref[Tensor]] = []
        self.inputs: list[weakref.ref[Tensor]] = []
        self.most = self.most_inputs = 0

    def __call__(self, images: Any) -> Tensor:
        self.inputs = [ref for ref in self.inputs if ref() is not None]
        self.made = [ref for ref in self.made if ref() is not None]
        self.most, self.most_inputs = max(self.most, len(self.made)), max(self.most_inputs, len(self.inputs))
        scores = images.mean(dim=(2, 3))
        self.inputs.append(weakref.ref(images))
        self.made.append(weakref.ref(scores))
        return scores


def views(layout: Layout, stage: str = "test", **options: Any) -> CropViews:
    given = {"allow_upscale": False, "chunk": None, "curve": True, "per_view": False, "readout": Readout()}
    return CropViews(CropSettings("Ours", layout, **{**given, **options}), stage)


@pytest.mark.parametrize("curve", [False, True])
def test_memory_does_not_grow_with_the_number_of_scales(curve: bool) -> None:
    alive = []
    for scales in (2, 12):
        net = Net()
        layout = Layout("ten", tuple(range(8, 8 + scales)), 8)
        run = views(layout, curve=curve)
        combine(run.scores(net, photos(), is_last=True))
        alive.append((net.most, net.most_inputs))
    assert alive[0] == alive[1]
    assert max(alive[0]) <= 10, "at most those of a scale"


def test_scores_of_the_layout_from_the_center_on() -> None:
    layout = Layout("ten", (10,), 8)
    scores = list(views(layout).scores(Net(), photos(), is_last=True))
    assert len(scores) == layout.num_views
    by_view = [apply_view(photos(), view).mean(dim=(2, 3)) for view in layout.views(12, 16)]
    for at, place in enumerate((4, 9, 0, 1, 2, 3, 5, 6, 7, 8)):
        torch.testing.assert_close(scores[at], by_view[place])


class Sink:
    """Stands for a module whose Trainer is in some state."""

    def __init__(self, fn: TrainerFn, *, is_sanity: bool = False) -> None:
        self.trainer = trainer()
        self.trainer.state.fn = fn
        self.trainer.sanity_checking = is_sanity
        self.names: list[str] = []

    def log_dict(self, values: dict[str, float], **_: Any) -> None:
        self.names += values


@pytest.mark.parametrize(
    ("stage", "is_last", "options", "is_drawn", "is_kept"),
    [
        ("test", True, {}, True, False),
        ("validate", True, {}, True, False),
        ("predict", True, {}, False, False),
        ("test", False, {}, False, False),
        ("test", True, {"curve": False}, False, False),
        ("predict", True, {"per_view": True}, False, True),
        ("predict", False, {"per_view": True}, False, False),
        ("test", True, {"per_view": True}, True, False),
    ],
)
def test_who_looks_at_the_scores(stage: str, is_last: bool, options: Any, is_drawn: bool, is_kept: bool) -> None:
    run = views(Layout("flip"), stage, **options)
    list(run.scores(Net(), photos(), is_last=is_last))
    run.end((photos(), labels()), 0)
    run.end("no batch of ours", 0)
    curves = run.finish(Sink(TrainerFn.TESTING))
    assert [row.num_views for row in curves.get(0, ())] == ([1, 2] if is_drawn else [])
    assert (run.probabilities is not None) == is_kept


def test_a_sanity_check_has_no_curve() -> None:
    run = views(Layout("flip"), "validate")
    list(run.scores(Net(), photos(), is_last=True))
    run.end((photos(), labels()), 0)
    sink = Sink(TrainerFn.FITTING, is_sanity=True)
    assert run.finish(sink) == {}
    assert sink.names == []
