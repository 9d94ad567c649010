"""The mean over crops in real evaluations, against crops by torchvision and means by hand."""

import math
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.testing import assert_close
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics import MeanMetric
from torchvision.transforms import functional as tv

from lightning_regkit._lightning import Plan
from lightning_regkit.callbacks import EnsembleCheckpoints, MonteCarloDropout, MultiCrop
from lightning_regkit.crops import Layout, apply_view
from lightning_regkit.marginalize import Readout, combine, uncertainty
from tests._lightning.test_predictor import Outputs
from tests.callbacks.cropped import (
    BATCH,
    COUNT,
    RESIZE_PX,
    SIZED,
    SIZES,
    Pooled,
    evaluated,
    labels,
    lists,
    photo_loader,
    photos,
    view_scores,
)
from tests.callbacks.ensembles import lines
from tests.mixing.support import fake_device
from tests.photos import Photos, photo_folder
from tests.support import NUM_CLASSES, Classifier, Items, trainer

STAGES = ("validate", "test", "predict")


def mean_of_crops(model: Pooled, images: Tensor) -> Tensor:
    return view_scores(model.net, images).softmax(-1).mean(0)


@pytest.mark.parametrize("size", SIZES)
def test_it_is_the_mean_of_the_distributions_over_all_crops(size: tuple[int, int]) -> None:
    model = Pooled()
    found = evaluated(model, MultiCrop("ten", **SIZED), data=photo_loader(size=size))
    assert_close(found.softmax(-1), mean_of_crops(model, photos(size=size)))
    plain = evaluated(model, data=photo_loader(size=size))
    assert not torch.allclose(found.softmax(-1), plain.softmax(-1), atol=1e-3)


@pytest.mark.parametrize(("size", "count"), [((12, 16), 6 + 10), ((12, 12), 2 + 10)])
def test_crops_that_coincide_go_through_the_network_once(size: tuple[int, int], count: int) -> None:
    model = Pooled()
    evaluated(model, MultiCrop("ten", **SIZED), data=photo_loader(4, size))
    assert model.shapes == [(4, 3, 8, 8)] * count


@pytest.mark.parametrize("stage", STAGES)
def test_it_acts_in_the_chosen_stages(stage: str) -> None:
    model = Pooled()
    averaged = evaluated(model, MultiCrop(stages=(stage,), **SIZED), stage=stage)
    assert_close(averaged.softmax(-1), mean_of_crops(model, photos()))
    rest = MultiCrop(stages=tuple({*STAGES} - {stage}), **SIZED)
    assert torch.equal(evaluated(model, rest, stage=stage), evaluated(model, stage=stage))


@pytest.mark.parametrize(
    "layout",
    [
        Layout("center", (10,), 8),
        Layout("five", (10,), 8),
        Layout("ten", (), 8),
        Layout("flip"),
        Layout("flip", (8, 14)),
        Layout("shifts", shift_px=2),
        Layout("multiscale_50", (8, 9, 14), 8),
        Layout("multiscale_fcn", (8, 14)),
    ],
    ids=lambda layout: f"{layout.name}-{layout.num_views}",
)
def test_every_layout(layout: Layout) -> None:
    model, images = Pooled(), photos()
    with torch.no_grad():
        scores = torch.stack([model.net(apply_view(images, view)) for view in layout.views(12, 16)])
    assert_close(evaluated(model, MultiCrop(layout)).softmax(-1), scores.softmax(-1).mean(0))


def test_layouts_by_name_have_their_own_sizes() -> None:
    assert MultiCrop().layout == Layout("ten")
    assert MultiCrop("multiscale_50").layout.views(500, 375) == Layout("multiscale_50").views(500, 375)
    assert MultiCrop("ten", resize_px=[36], crop_px=32).layout.views(40, 60) == Layout("ten", (36,), 32).views(40, 60)


@settings(max_examples=15)
@given(st.integers(1, 100), st.sampled_from(SIZES), st.booleans())
def test_any_chunk_gives_the_same(chunk: int, size: tuple[int, int], curve: bool) -> None:
    model = Pooled()
    found = evaluated(model, MultiCrop(chunk=chunk, curve=curve, **SIZED), data=photo_loader(6, size, 3))
    assert_close(found.softmax(-1), mean_of_crops(model, photos(6, size)))
    assert max(shape[0] for shape in model.shapes) <= chunk


def test_a_forward_has_as_many_images_as_the_batch_or_the_chunk() -> None:
    for chunk, rows in ((None, {4, 2}), (3, {3, 1, 2}), (100, {4 * 16, 2 * 16})):
        model = Pooled()
        evaluated(model, MultiCrop("ten", chunk=chunk, **SIZED))
        assert {shape[0] for shape in model.shapes} <= rows
        assert max(shape[0] for shape in model.shapes) == max(rows)


UNEQUAL = [(12, 16), (9, 9), (12, 16), (16, 12), (9, 9), (20, 11), (12, 16)]


def unequal_loader(batch_size: int = len(UNEQUAL)) -> DataLoader[Any]:
    images = [photos(place + 1, size)[place] for place, size in enumerate(UNEQUAL)]
    items = Items(list(zip(images, labels(len(UNEQUAL)).tolist(), strict=True)))
    return DataLoader(items, batch_size=batch_size, collate_fn=lists)


@pytest.mark.parametrize(("chunk", "largest"), [(None, len(UNEQUAL)), (1, 1), (5, 5), (100, 3 * 16)])
@pytest.mark.parametrize("curve", [False, True])
def test_lists_of_images_of_unequal_size_equal_one_by_one(chunk: int | None, largest: int, curve: bool) -> None:
    model = Pooled()
    together, alone = MultiCrop(chunk=chunk, curve=curve, **SIZED), MultiCrop(curve=curve, **SIZED)
    found = evaluated(model, together, data=unequal_loader())
    assert max(shape[0] for shape in model.shapes) == largest
    assert_close(found, evaluated(model, alone, data=unequal_loader(1)))
    one_by_one = torch.cat(
        [mean_of_crops(model, image) for (image,), _ in unequal_loader(1) for image in [image[None]]]
    )
    assert_close(found.softmax(-1), one_by_one)
    for row, other in zip(together.curve, alone.curve, strict=True):
        assert row.num_views == other.num_views
        assert row.accuracy == pytest.approx(other.accuracy)
        assert row.nll == pytest.approx(other.nll, rel=1e-4)


def test_views_of_one_image_fill_a_chunk() -> None:
    model = Pooled()
    evaluated(model, MultiCrop("ten", chunk=5, **SIZED), data=unequal_loader(1))
    assert [shape[0] for shape in model.shapes[:4]] == [5, 5, 5, 1], "6 distinct crops at one scale, 10 at the next"


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_dtype_and_memory_format_of_the_images_stay(dtype: torch.dtype) -> None:
    seen: list[Tensor] = []

    class Sees(Pooled):
        def forward(self, inputs: Tensor) -> Tensor:
            seen.append(inputs)
            return super().forward(inputs)

    images = photos().to(dtype).contiguous(memory_format=torch.channels_last)
    model = Sees().to(dtype)
    data = DataLoader(Items([(images, labels())]), batch_size=None)
    found = evaluated(model, MultiCrop(**SIZED), data=data)
    assert {(each.dtype, each.stride(1)) for each in seen} == {(dtype, 1)}
    assert found.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    tolerance = {} if dtype == torch.float64 else {"atol": 0.02, "rtol": 0.0}
    assert_close(found.softmax(-1), view_scores(model.net, images).to(found.dtype).softmax(-1).mean(0), **tolerance)


class CallsForward(Pooled):
    def _evaluate(self, batch: Any) -> Tensor:
        self.outputs.append(self.forward(batch[0]))
        return self.outputs[-1]


class CallsChild(Pooled):
    def _evaluate(self, batch: Any) -> Tensor:
        self.outputs.append(self.net(batch[0]))
        return self.outputs[-1]


class CallsByKeyword(Pooled):
    def forward(self, pixel_values: Tensor) -> Tensor:
        return self.net(pixel_values)

    def _evaluate(self, batch: Any) -> Tensor:
        self.outputs.append(self(pixel_values=batch[0]))
        return self.outputs[-1]


class ReturnsTuple(Pooled):
    def forward(self, inputs: Tensor) -> Any:
        return Outputs(self.net(inputs), inputs)

    def _evaluate(self, batch: Any) -> Tensor:
        self.outputs.append(self(batch[0]).scores)
        return self.outputs[-1]


class ReturnsDict(Pooled):
    def forward(self, inputs: Tensor) -> Any:
        return {"scores": self.net(inputs)}

    def _evaluate(self, batch: Any) -> Tensor:
        self.outputs.append(self(batch[0])["scores"])
        return self.outputs[-1]


@pytest.mark.parametrize("shape", [Pooled, CallsForward, CallsChild, CallsByKeyword, ReturnsTuple, ReturnsDict])
def test_every_shape_of_module(shape: type[Pooled]) -> None:
    model = shape()
    found = evaluated(model, MultiCrop(readout=Readout(logits_key="scores"), **SIZED))
    assert_close(found.softmax(-1), mean_of_crops(model, photos()))
    assert "forward" not in {**vars(model), **vars(model.net)}


@pytest.mark.parametrize(
    ("outputs", "is_flat", "activation"),
    [(1, True, "sigmoid"), (1, False, "sigmoid"), (4, False, "sigmoid"), (2, False, "none")],
)
def test_binary_multi_label_and_plain_scores(outputs: int, is_flat: bool, activation: str) -> None:
    class Scores(Pooled):
        def forward(self, inputs: Tensor) -> Tensor:
            scores = super().forward(inputs)
            return scores[:, 0] if is_flat else scores

    model = Scores(outputs=outputs)
    crops = MultiCrop(curve=False, per_view=True, readout=Readout(activation=activation), **SIZED)
    found = evaluated(model, crops, stage="predict")
    scores = view_scores(model.forward, photos())
    apply = torch.sigmoid if activation == "sigmoid" else torch.clone
    assert_close(apply(found), apply(scores).mean(0))
    assert_close(crops.view_probabilities, apply(scores).transpose(0, 1))


def test_one_score_an_image_is_no_softmax() -> None:
    class Flat(Pooled):
        def forward(self, inputs: Tensor) -> Tensor:
            return super().forward(inputs)[:, 0]

    with pytest.raises(ValueError, match=r"be of two classes or more \(B, K\), got \(4,\)\. .*activation='sigmoid'"):
        evaluated(Flat(), MultiCrop(**SIZED))


@pytest.mark.parametrize("stage", ["test", "predict"])
def test_maps_of_labels_are_refused_for_crops_lie_elsewhere(stage: str) -> None:
    class Segmented(Pooled):
        def forward(self, inputs: Tensor) -> Tensor:
            return inputs.mean(1, keepdim=True).expand(-1, 3, -1, -1)

    with pytest.raises(ValueError, match="MultiCrop") as caught:
        evaluated(Segmented(), MultiCrop("flip", curve=False), stage=stage)
    assert str(caught.value) == (
        "MultiCrop: scores must be of shape (B, K), got (4, 3, 12, 16). "
        "Maps of crops lie over other pixels: remove MultiCrop."
    )


def test_the_space_of_the_readout() -> None:
    model = Pooled()
    for space in ("logits", "log_probs"):
        found = evaluated(model, MultiCrop(readout=Readout(space=space), **SIZED))
        assert_close(found, combine(view_scores(model.net, photos()), space=space))


class Loses(Pooled):
    """Logs its own metric, which knows of no crops."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(seed)
        self.mean = MeanMetric()

    def _evaluate(self, batch: Any) -> Tensor:
        scores = super()._evaluate(batch)
        self.mean(nn.functional.cross_entropy(scores, batch[1]), weight=len(scores))
        self.log("loss", self.mean)
        return scores

    def predict_step(self, batch: Any, batch_idx: int) -> Tensor:
        return super()._evaluate(batch)


def curve_by_hand(model: Pooled, size: tuple[int, int] = SIZES[0]) -> dict[int, tuple[float, float]]:
    """Accuracy and nll of the first views: the center of the first scale and its reflection, then all by scale."""
    scores = view_scores(model.net, photos(size=size)).softmax(-1)
    beginnings = {1: scores[[4]], 2: scores[[4, 9]], 10: scores[:10], 20: scores}
    means = {views: each.mean(0) for views, each in beginnings.items()}
    targets = labels()
    return {
        views: ((mean.argmax(-1) == targets).float().mean().item(), nn.functional.nll_loss(mean.log(), targets).item())
        for views, mean in means.items()
    }


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("stage", ["validate", "test"])
def test_the_curve_against_beginnings_by_hand(stage: str, size: tuple[int, int]) -> None:
    model, crops = Loses(), MultiCrop(stages=(stage,), **SIZED)
    own = trainer(callbacks=[crops])
    (metrics,) = getattr(own, stage)(model, photo_loader(size=size), verbose=False)
    rows = {row.num_views: row for row in crops.curve}
    assert list(rows) == [1, 2, 5, 10, 20]
    for views, (accuracy, nll) in curve_by_hand(model, size).items():
        assert rows[views].accuracy == pytest.approx(accuracy)
        assert rows[views].nll == pytest.approx(nll, rel=1e-4)
    times = [row.milliseconds for row in crops.curve]
    assert times[0] > 0
    assert times == sorted(times)
    assert rows[20].nll == pytest.approx(metrics["loss"], rel=1e-4), "the user's own metric"
    named = {f"multicrop/{name}_{v}" for name in ("accuracy", "nll", "ms") for v in rows}
    assert {name for name in metrics if name != "loss"} == named
    assert metrics["multicrop/accuracy_10"] == pytest.approx(rows[10].accuracy)
    assert metrics["multicrop/ms_20"] == pytest.approx(rows[20].milliseconds)


@pytest.mark.usefixtures("logs_of_lightning")
def test_the_curve_is_printed_and_the_start_is_said(caplog: Any) -> None:
    evaluated(Pooled(), MultiCrop(**SIZED))
    first, table = lines(caplog, "MultiCrop")
    assert first == "MultiCrop: 20 views of layout 'ten', 12 distinct of a square image."
    heading, columns, *rows = table.splitlines()
    assert heading == "MultiCrop: the first views together, from the center"
    assert columns.split() == ["views", "accuracy", "nll", "ms", "an", "image"]
    assert [row.split()[0] for row in rows] == ["1", "2", "5", "10", "20"]


def test_without_curve_no_targets_are_needed_and_nothing_is_logged() -> None:
    class Unlabeled(Pooled):
        def _evaluate(self, batch: Any) -> Tensor:
            return super()._evaluate([batch])

    crops, model = MultiCrop(curve=False, **SIZED), Unlabeled()
    own = trainer(callbacks=[crops])
    assert own.test(model, DataLoader(photos(), batch_size=BATCH), verbose=False) == [{}]
    assert_close(torch.cat(model.outputs).softmax(-1), mean_of_crops(model, photos()))
    assert crops.curve == ()


def test_curves_are_those_of_the_last_evaluation_that_drew_one() -> None:
    model, crops = Pooled(), MultiCrop(**SIZED)
    evaluated(model, crops)
    drawn = crops.curve
    evaluated(model, crops, stage="predict")
    evaluated(model, crops, stage="validate")
    assert crops.curve == drawn != ()
    evaluated(model, crops, data=photo_loader(4))
    assert crops.curve != drawn


def test_several_loaders_have_a_curve_each() -> None:
    class Two(Pooled):
        def test_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
            self._evaluate(batch)

    crops, alone = MultiCrop(**SIZED), MultiCrop(**SIZED)
    trainer(callbacks=[crops]).test(Two(), [photo_loader(4), photo_loader()], verbose=False)
    evaluated(Pooled(), alone)
    assert [(row.num_views, row.accuracy, row.nll) for row in crops.curves[1]] == [
        (row.num_views, row.accuracy, row.nll) for row in alone.curve
    ]
    assert crops.curve == crops.curves[0]


def members(folder: Path, kind: type[Pooled] = Pooled) -> list[Path]:
    paths = [folder / f"{seed}.ckpt" for seed in (1, 2)]
    for seed, path in enumerate(paths, start=1):
        torch.save({"state_dict": kind(seed).state_dict()}, path)
    return paths


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.usefixtures("logs_of_lightning")
def test_crops_of_members_in_any_order(order: tuple[int, int], tmp_path: Path, caplog: Any) -> None:
    crops, ensemble = MultiCrop(**SIZED), EnsembleCheckpoints(members(tmp_path))
    found = evaluated(Pooled(), *([crops, ensemble][place] for place in order))
    by_hand = torch.stack([mean_of_crops(Pooled(seed), photos()) for seed in (1, 2)]).mean(0)
    assert_close(found.softmax(-1), by_hand)
    assert ensemble.curve[-1].accuracy == pytest.approx((by_hand.argmax(-1) == labels()).float().mean().item())
    assert crops.curve == ()
    assert lines(caplog, "MultiCrop: no") == ["MultiCrop: no curve, for these views are part of another average."]


class Noisy(Pooled):
    def __init__(self, seed: int = 0) -> None:
        super().__init__(seed)
        self.net.insert(4, nn.Dropout(0.3))


def test_masks_of_crops_of_members_in_any_order(tmp_path: Path) -> None:
    paths, results = members(tmp_path, Noisy), []
    for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0)):
        asked: list[Tensor] = []

        class Records(Noisy):
            def forward(self, inputs: Tensor, asked: list[Tensor] = asked) -> Tensor:
                asked.append(super().forward(inputs))
                return asked[-1]

        three = [MonteCarloDropout(2), MultiCrop("flip"), EnsembleCheckpoints(paths)]
        results.append(evaluated(Records(), *(three[place] for place in order), data=photo_loader(3)))
        assert len({tuple(scores.flatten().tolist()) for scores in asked}) == len(asked) == 2 * 2 * 2
        assert_close(results[-1], combine(asked))
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])


def test_two_of_them_coexist() -> None:
    model = Pooled()
    both = MultiCrop("flip"), MultiCrop("shifts")
    found = evaluated(model, *both)
    with torch.no_grad():
        views = [
            apply_view(apply_view(photos(), outer), inner)
            for outer in Layout("shifts").views(12, 16)
            for inner in Layout("flip").views(12, 16)
        ]
        assert_close(found.softmax(-1), torch.stack([model.net(view) for view in views]).softmax(-1).mean(0))
    assert [len(crops.curve) for crops in both] == [0, 4], "the outer one"


@pytest.mark.usefixtures("logs_of_lightning")
def test_validation_in_a_fit(caplog: Any) -> None:
    class Learns(Loses):
        at_validation: list[tuple[Tensor, Tensor]]

        def on_validation_epoch_end(self) -> None:
            self.at_validation.append((torch.cat(self.outputs), mean_of_crops(self, photos())))
            self.outputs = []

    def fitted(*callbacks: Any) -> Learns:
        model = Learns()
        model.at_validation = []
        own = trainer(max_epochs=2, callbacks=list(callbacks), num_sanity_val_steps=1)
        own.fit(model, photo_loader(), photo_loader())
        return model

    crops = MultiCrop(stages=("validate",), **SIZED)
    model, plain = fitted(crops), fitted()
    sanity, *epochs = model.at_validation
    assert len(sanity[0]) == BATCH
    assert len(epochs) == 2
    for found, expected in epochs:
        assert_close(found.softmax(-1), expected)
    assert all(map(torch.equal, model.parameters(), plain.parameters())), "training is untouched"
    assert model.trainer.callback_metrics["multicrop/nll_20"] == pytest.approx(crops.curve[-1].nll)
    assert model.trainer.callback_metrics["loss"] == pytest.approx(crops.curve[-1].nll, rel=1e-4)
    assert lines(caplog, "MultiCrop") == ["MultiCrop: 20 views of layout 'ten', 12 distinct of a square image."]


def test_uncertainty_and_probabilities_of_every_view_after_predict() -> None:
    for data, count in ((photo_loader(), COUNT), (unequal_loader(3), len(UNEQUAL))):
        model, crops = Pooled(), MultiCrop(per_view=True, **SIZED)
        evaluated(model, crops, stage="predict", data=data)
        alone = [image[None] for batch, _ in data for image in batch]
        scores = torch.cat([view_scores(model.net, image) for image in alone], 1)
        assert crops.view_probabilities is not None
        assert crops.view_probabilities.shape == (count, 20, NUM_CLASSES)
        assert_close(crops.view_probabilities, scores.softmax(-1).transpose(0, 1))
        expected = uncertainty(scores)
        assert crops.uncertainty is not None
        assert_close(crops.uncertainty.mutual_information, expected.mutual_information, atol=1e-6, rtol=1e-4)
        assert_close(crops.uncertainty.scores, expected.scores, atol=1e-6, rtol=1e-5)


def test_probabilities_are_kept_only_where_they_were_asked_for(tmp_path: Path) -> None:
    asked = MultiCrop(per_view=True, **SIZED)
    evaluated(Pooled(), asked, stage="predict")
    assert asked.view_probabilities is not None
    evaluated(Pooled(), asked)
    assert asked.view_probabilities is None, "of the last evaluation"
    evaluated(Pooled(), asked, EnsembleCheckpoints(members(tmp_path)), stage="predict")
    assert asked.view_probabilities is None, "inside another average"
    unasked = MultiCrop(**SIZED)
    evaluated(Pooled(), unasked, stage="predict")
    assert unasked.view_probabilities is None


@pytest.mark.parametrize("size", [(8, 8), (7, 20), (20, 7)])
def test_images_that_leave_no_choice_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="MultiCrop") as caught:
        evaluated(Pooled(), MultiCrop(**SIZED), data=photo_loader(size=size))
    assert str(caught.value) == (
        f"MultiCrop: images must be larger than the crops of 8 x 8, got {size}. "
        "Take the center crop out of the validation transform, or pass allow_upscale=True."
    )
    model = Pooled()
    found = evaluated(model, MultiCrop(allow_upscale=True, **SIZED), data=photo_loader(size=size))
    assert_close(found.softmax(-1), mean_of_crops(model, photos(size=size)))


def test_scales_above_the_image_are_part_of_the_protocol() -> None:
    model, sizes = Pooled(), {"resize_px": (8, 30), "crop_px": 8}
    found = evaluated(model, MultiCrop("multiscale_50", **sizes))
    assert_close(found.softmax(-1), view_scores(model.net, photos(), **sizes).softmax(-1).mean(0))


def test_digits_are_shifted_as_they_are() -> None:
    data = load_digits()
    inputs, targets = torch.from_numpy(data.images[:64]).float()[:, None] / 16, torch.from_numpy(data.target[:64])

    class Digits(Classifier):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))

    model, crops = Digits(), MultiCrop("shifts")
    trainer(callbacks=[crops]).test(model, DataLoader(TensorDataset(inputs, targets), batch_size=20), verbose=False)
    padded = nn.functional.pad(inputs, (1, 1, 1, 1), "reflect")
    moved = [inputs, inputs, padded[..., :8, :8], padded[..., 2:, 2:]]
    with torch.no_grad():
        scores = torch.stack([model.net(view) for each in moved for view in (each, each.flip(-1))])
    assert_close(torch.cat(model.outputs).softmax(-1), scores.softmax(-1).mean(0))
    assert [row.num_views for row in crops.curve] == [1, 2, 5, 8]


def test_photographs_in_a_folder_of_jpegs(tmp_path: Path) -> None:
    items = photo_folder(tmp_path, 6, (40, 60))
    whole, batches = Photos(items), Photos(items, resize_px=(40, 60))
    model, sizes = Pooled(outputs=7), {"resize_px": (16, 20, 32), "crop_px": 16}
    crops = MultiCrop("multiscale_50", **sizes)
    found = evaluated(model, crops, data=DataLoader(whole, batch_size=3, collate_fn=lists))
    images = torch.stack([batches[index][0] for index in range(6)])
    scores = view_scores(model.net, images, **sizes)
    assert_close(found.softmax(-1), scores.softmax(-1).mean(0), atol=1e-5, rtol=1e-4)
    stacked = evaluated(model, MultiCrop("multiscale_50", **sizes), data=DataLoader(batches, batch_size=3))
    assert_close(found, stacked, atol=1e-5, rtol=1e-4)
    assert [row.num_views for row in crops.curve] == [1, 2, 5, 10, 20, 30]


@pytest.mark.parametrize("is_list", [False, True])
def test_the_device_is_not_waited_for(is_list: bool) -> None:
    device = fake_device()
    crops = MultiCrop("multiscale_50", curve=False, resize_px=(16, 20), crop_px=16, chunk=7)
    with FakeTensorMode(), torch.device(device):
        net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5))
        images = [torch.empty(3, *size) for size in ((24, 32), (20, 20), (24, 32))]
        found = crops.average(net, images if is_list else torch.empty(3, 3, 24, 32))
    assert (found.device.type, tuple(found.shape)) == (device, (3, 5))


def test_what_it_would_do_is_said_before_a_fit() -> None:
    plan: Any = Plan
    assert MultiCrop("multiscale_50").explain(plan) == (
        "nothing in fit; at test, predict the mean over 50 views of layout 'multiscale_50', "
        "42 distinct of a square image"
    )
    assert MultiCrop("flip", stages=("validate", "test")).explain(plan) == (
        "in its validations too; at validate, test the mean over 2 views of layout 'flip', 2 distinct of a square image"
    )


def test_it_pickles_for_spawn() -> None:
    crops = pickle.loads(pickle.dumps(MultiCrop("ten", **SIZED)))
    assert crops.layout.num_views == 10 * len(RESIZE_PX)
    assert math.isfinite(evaluated(Pooled(), crops).sum())


def test_it_works_in_the_other_distributions_trainer() -> None:
    other = pytest.importorskip("pytorch_lightning")

    class Plain(other.LightningModule):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.net = Pooled().net
            self.outputs: list[Tensor] = []

        def test_step(self, batch: Any, batch_idx: int) -> None:
            self.outputs.append(self.net(batch[0]))

    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "accelerator": "cpu"}
    model, crops = Plain(), MultiCrop(**SIZED)
    other.Trainer(callbacks=[crops], enable_model_summary=False, **quiet).test(model, photo_loader(), verbose=False)
    assert_close(torch.cat(model.outputs).softmax(-1), mean_of_crops(Pooled(), photos()))
    assert crops.curve[-1].num_views == 20


def test_names_that_are_unusual() -> None:
    class Species(Pooled):
        def _evaluate(self, batch: Any) -> Tensor:
            return super()._evaluate((batch["scan"],))

    items = [{"scan": image, "species": target} for image, target in zip(photos(), labels(), strict=True)]
    crops, model = MultiCrop(readout=Readout("scan", "species", "net"), **SIZED), Species()
    found = evaluated(model, crops, data=DataLoader(Items(items), batch_size=BATCH))
    assert_close(found.softmax(-1), mean_of_crops(model, photos()))
    assert len(crops.curve) == 5


def test_the_images_are_left_alone() -> None:
    images = photos()
    before = images.clone()
    evaluated(Pooled(), MultiCrop(**SIZED), data=DataLoader(Items([(images, labels())]), batch_size=None))
    assert torch.equal(images, before)
    assert not torch.equal(images, tv.hflip(images))
