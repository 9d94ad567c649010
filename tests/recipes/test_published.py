"""The recipes of ImageNet and CIFAR, against the numbers of their sources worked out by hand, and other libraries."""

import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from lightning.pytorch.callbacks import EMAWeightAveraging
from timm.optim import Lamb, param_groups_weight_decay
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, MultiStepLR, SequentialLR

import lightning_regkit as rk
from recipes import plan
from recipes._quiet import without_chatter, without_known_warnings
from recipes.data import CIFARData, ImageFolderData
from recipes.table import HEADER, header

FOLDER = Path(__file__).parents[2] / "recipes"
PATHS = {path.stem: path for part in ("imagenet", "cifar", "digits") for path in sorted((FOLDER / part).glob("*.yaml"))}
PUBLISHED = {name: path for name, path in PATHS.items() if path.parent.name != "digits"}
EVALUATIONS = [name for name in PUBLISHED if name.startswith("eval_")]
FITS = [name for name in PUBLISHED if not name.startswith("eval_")]

#: Machines, devices of each, images on each, epochs.
SCALE = {
    "resnet18_step90": (1, 8, 32, 90),
    "resnet50_step90": (1, 8, 32, 90),
    "resnet50_lecture": (1, 8, 32, 100),
    "resnet50_goyal_8k": (32, 8, 32, 90),
    "resnet50_rsb_a1": (1, 8, 256, 600),
    "resnet50_rsb_a2": (1, 8, 256, 300),
    "resnet50_rsb_a3": (1, 8, 256, 100),
    "resnet50_torchvision_v2": (1, 8, 128, 600),
    "resnet50_snapshot": (1, 8, 32, 90),
    "resnet18_cutout_c10": (1, 1, 128, 200),
    "wrn28_10_cutout_c10": (1, 1, 128, 200),
    "preact18_mixup_c10": (1, 1, 128, 200),
    "resnet110_snapshot_c100": (1, 1, 64, 200),
}
#: (epoch, rate), as the sources have it; an epoch is the moment at which it begins.
STEPS_OF_10 = [(0, 0.1), (5, 0.1), (29.9, 0.1), (30, 0.01), (60, 0.001)]
CUTOUT = [(0, 0.1), (59.9, 0.1), (60, 0.02), (120, 0.004), (160, 0.0008), (199.9, 0.0008)]
RATES = {
    "resnet18_step90": [*STEPS_OF_10, (89.9, 0.001)],
    "resnet50_step90": [*STEPS_OF_10, (89.9, 0.001)],
    "resnet50_lecture": [*STEPS_OF_10, (90, 0.0001), (99.9, 0.0001)],
    "resnet50_goyal_8k": [(0, 0.1), (2.5, 1.65), (5, 3.2), (29.9, 3.2), (30, 0.32), (60, 0.032), (80, 0.0032)],
    "resnet50_rsb_a1": [(0, 0.0001), (5, 0.005), (302.5, 0.0025005), (600, 0.000001)],
    "resnet50_rsb_a2": [(0, 0.0001), (5, 0.005), (152.5, 0.0025005), (300, 0.000001)],
    "resnet50_rsb_a3": [(0, 0.0001), (5, 0.008), (52.5, 0.0040005), (100, 0.000001)],
    "resnet50_torchvision_v2": [(0, 0.005), (2.5, 0.2525), (5, 0.5), (302.5, 0.25), (600, 0.0)],
    "resnet18_cutout_c10": CUTOUT,
    "wrn28_10_cutout_c10": CUTOUT,
    "preact18_mixup_c10": [(0, 0.1), (99.9, 0.1), (100, 0.01), (150, 0.001), (199.9, 0.001)],
}
DECAYS = {"all": 0.0001, "cutout": 0.0005, "v2": 0.00002}


@dataclass(frozen=True)
class Read:
    """A recipe as its command reads it, on the devices that it names."""

    recipe: plan.Recipe
    explained: str

    @property
    def callbacks(self) -> dict[str, Any]:
        return {type(callback).__name__: callback for callback in self.recipe.trainer.callbacks}  # type: ignore[attr-defined]

    @property
    def data(self) -> Any:
        return self.recipe.data

    @property
    def optimizer(self) -> torch.optim.Optimizer:
        return self.recipe.model.configure_optimizers()  # type: ignore[return-value]


@cache
def read(name: str, devices: int = 0) -> Read:
    nodes, each = (1, devices) if devices or name not in SCALE else SCALE[name][:2]
    with without_chatter(), without_known_warnings(), torch.device("meta"):
        recipe = plan.build(["--config", str(PATHS[name])], each or 1, nodes)
        return Read(recipe, recipe.explained())


@pytest.fixture(autouse=True)
def _as_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["recipes"])  # LightningCLI warns where it sees arguments twice


def test_these_are_all_of_them() -> None:
    assert set(FITS) == set(SCALE)
    assert set(EVALUATIONS) == {"eval_1crop", "eval_10crop", "eval_50crop", "eval_fcn"}


@pytest.mark.parametrize("name", PATHS)
def test_the_first_lines_are_whole_and_in_order(name: str) -> None:
    lines = PATHS[name].read_text().splitlines()
    assert [line.removeprefix("# ").partition(":")[0] for line in lines[:5]] == list(HEADER)
    assert all(len(text) > 4 for text in header("\n".join(lines)).values())
    assert all(len(line) <= 120 for line in lines)


@pytest.mark.parametrize("name", PUBLISHED)
def test_nothing_was_run_at_full_scale(name: str) -> None:
    assert header(PUBLISHED[name].read_text())["Our run"].startswith("not yet run ")


@pytest.mark.parametrize("name", FITS)
def test_the_budget_is_what_will_run(name: str) -> None:
    nodes, devices, batch_size, epochs = SCALE[name]
    text, found = header(PATHS[name].read_text()), read(name)
    assert int(re.match(r"(\d+) epochs", text["Budget"])[1]) == epochs  # type: ignore[index]
    assert f"global batch {nodes * devices * batch_size:,}" in text["Budget"]
    load, written = found.recipe.load, PATHS[name].read_text()
    assert (load.epochs, load.global_batch) == (epochs, nodes * devices * batch_size)
    assert f"  devices: {devices}\n" in written
    assert (f"  num_nodes: {nodes}\n" in written) == (nodes > 1)
    assert found.data.batch_size == batch_size


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("resnet18_step90", torchvision.models.ResNet18_Weights.IMAGENET1K_V1),
        ("resnet50_step90", torchvision.models.ResNet50_Weights.IMAGENET1K_V1),
        ("resnet50_torchvision_v2", torchvision.models.ResNet50_Weights.IMAGENET1K_V2),
        ("eval_1crop", torchvision.models.ResNet50_Weights.IMAGENET1K_V1),
    ],
)
def test_targets_of_torchvision_are_what_it_publishes(name: str, weights: Any) -> None:
    target = float(re.match(r"test_acc ([\d.]+)", header(PATHS[name].read_text())["Target"])[1])  # type: ignore[index]
    assert target == pytest.approx(weights.meta["_metrics"]["ImageNet-1K"]["acc@1"], abs=0.005)
    transforms = weights.transforms()
    assert transforms.crop_size == [224]
    views = read(name).callbacks.get("MultiCrop")
    resize = read(name).data.images.test_resize_px if views is None else views.layout.resize_px[0]
    assert transforms.resize_size == [resize]


def errors(name: str) -> list[float]:
    found = re.findall(r"error ([\d.]+)", header(PATHS[name].read_text())["Target"])
    return [float(number) for number in found]


@pytest.mark.parametrize(
    "name",
    ["resnet50_goyal_8k", "resnet50_snapshot", *(name for name in FITS if name.endswith(("_c10", "_c100")))],
)
def test_targets_are_the_errors_of_the_source(name: str) -> None:
    target, tolerance = re.match(r"test_acc ([\d.]+) ± ([\d.]+)", header(PATHS[name].read_text())["Target"]).groups()  # type: ignore[union-attr]
    assert float(target) == pytest.approx(100 - errors(name)[0], abs=0.06)
    assert 0.2 <= float(tolerance) <= 0.5


def rate(name: str, epoch: float) -> float:
    """The rate of the first group in the step with which that part of the run begins."""
    found = read(name)
    load, schedule = found.recipe.load, found.callbacks["ScheduleLR"]
    each = load.steps // load.epochs
    horizon = rk.schedules.Horizon(load.steps, tuple(each * (done + 1) for done in range(load.epochs)))
    factor = rk.schedules.compose(
        schedule.spec, horizon, warmup=schedule.warmup, start_factor=schedule.start_factor
    )(round(epoch * each))  # fmt: skip
    base = found.optimizer.param_groups[0]["lr"]
    if (scale := found.callbacks.get("ScaleLR")) is not None:
        base = rk.optim.scale_lr(base, batch=load.global_batch, reference_batch=scale.reference_batch)
    return base * factor


@pytest.mark.parametrize("name", RATES)
def test_rates_are_those_of_the_source(name: str) -> None:
    for epoch, expected in RATES[name]:
        assert rate(name, epoch) == pytest.approx(expected, rel=3e-3, abs=1e-9), epoch


@pytest.mark.parametrize("name", ["resnet50_step90", "resnet50_lecture", "resnet18_cutout_c10", "preact18_mixup_c10"])
def test_steps_down_are_torchs_of_whole_epochs(name: str) -> None:
    spec = read(name).callbacks["ScheduleLR"].spec
    positions = [int(position.removesuffix("ep")) for position in spec.positions]
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    peer = MultiStepLR(optimizer, positions, spec.gamma)
    for epoch in range(SCALE[name][3]):
        assert rate(name, epoch) == pytest.approx(optimizer.param_groups[0]["lr"])
        optimizer.step()
        peer.step()


@pytest.mark.filterwarnings("ignore:The epoch parameter in `scheduler.step:UserWarning")
def test_torchvisions_cosine_at_the_beginning_of_each_epoch() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    warmup = LinearLR(optimizer, start_factor=0.01, total_iters=5)
    peer = SequentialLR(optimizer, [warmup, CosineAnnealingLR(optimizer, T_max=595, eta_min=0.0)], milestones=[5])
    for epoch in range(600):
        assert rate("resnet50_torchvision_v2", epoch) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-4)
        optimizer.step()
        peer.step()


@pytest.mark.parametrize(
    ("name", "cycles", "base"), [("resnet50_snapshot", 2, 0.1), ("resnet110_snapshot_c100", 5, 0.2)]
)
def test_snapshots_follow_equation_2(name: str, cycles: int, base: float) -> None:
    found = read(name)
    ends = [found.recipe.load.steps * (cycle + 1) // cycles for cycle in range(cycles)]
    assert f"drives the rate in cycles; takes members after steps {', '.join(map(str, ends))}" in found.explained
    assert found.optimizer.param_groups[0]["lr"] == base
    assert found.callbacks["SnapshotEnsemble"].cycles.num_cycles == cycles
    assert SCALE[name][3] % cycles == 0  # as many epochs in each
    assert "ScheduleLR" not in found.callbacks


def decays(name: str) -> dict[float, set[str]]:
    network: Any = read(name).recipe.model.network
    known = {id(parameter): own for own, parameter in network.named_parameters()}
    groups = read(name).optimizer.param_groups
    return {group["weight_decay"]: {known[id(parameter)] for parameter in group["params"]} for group in groups}


@pytest.mark.parametrize("name", FITS)
def test_what_decays_is_what_the_source_lets_decay(name: str) -> None:
    network: Any = read(name).recipe.model.network
    everything = {own for own, _ in network.named_parameters()}
    norms = {
        f"{own}.{part}"
        for own, layer in network.named_modules()
        if isinstance(layer, nn.BatchNorm2d)
        for part in ("weight", "bias")
    }
    if "rsb" in name:  # timm
        known = {id(parameter): own for own, parameter in network.named_parameters()}
        still = {known[id(parameter)] for parameter in param_groups_weight_decay(network)[0]["params"]}
        decay = {"resnet50_rsb_a1": 0.01}.get(name, 0.02)
    elif name in {"resnet50_goyal_8k", "resnet50_torchvision_v2"}:  # section 5.1; --norm-weight-decay 0
        still, decay = norms, 0.0001 if "goyal" in name else 0.00002
    else:  # parameters() of torch, getParameters() of Torch7
        still, decay = set(), 0.0005 if "cutout" in name else 0.0001
    assert norms
    assert decays(name) == {decay: everything - still} | ({0.0: still} if still else {})


@pytest.mark.parametrize("name", FITS)
def test_momentum_is_the_sources(name: str) -> None:
    optimizer = read(name).optimizer
    if "rsb" in name:
        assert isinstance(optimizer, Lamb)
        return
    assert isinstance(optimizer, torch.optim.SGD)
    group = optimizer.param_groups[0]
    is_nesterov = any(part in name for part in ("goyal", "cutout", "snapshot"))
    assert (group["momentum"], group["dampening"], group["nesterov"]) == (0.9, 0, is_nesterov)


@pytest.mark.parametrize("name", FITS)
def test_a_killed_run_can_go_on(name: str) -> None:
    resume = read(name).callbacks["ExactResume"]
    assert Path(resume.dirpath).parts[-2:] == ("checkpoints", name)  # a folder of its own
    assert "refuses this run" not in read(name).explained
    assert "Not known" not in read(name).explained


@pytest.mark.parametrize("name", [name for name in FITS if PATHS[name].parent.name == "imagenet"])
def test_another_number_of_devices_scales_the_rate(name: str) -> None:
    found = read(name, 16)
    batch, reference = 16 * SCALE[name][2], found.callbacks["ScaleLR"].reference_batch
    rule = "sqrt" if "rsb" in name else "linear"
    assert f"{rule} rule, k = {batch / reference:g}: global batch {batch}" in found.explained
    assert reference == (256 if name == "resnet50_goyal_8k" else read(name).recipe.load.global_batch)


@pytest.mark.parametrize("name", PUBLISHED)
def test_data_are_known_before_they_are_there(name: str) -> None:
    data = read(name).data
    if isinstance(data, CIFARData):
        assert data.train_size == 50_000  # none is kept for validation, as in the papers
    else:
        assert isinstance(data, ImageFolderData)
        assert name in EVALUATIONS or data.train_size == 1_281_167
        assert data.images.law == ("resnet" if name in EVALUATIONS else "inception")


def test_the_strikes_back_columns() -> None:
    """Table 2: mixup, stochastic depth, repeated augmentation, RandAugment; BCE in all three."""
    columns = {"a1": (0.2, 0.05, 3, 7, 224), "a2": (0.1, 0.05, 3, 7, 224), "a3": (0.1, 0.0, 1, 6, 160)}
    for column, (alpha, depth, repeats, magnitude, crop_px) in columns.items():
        found = read(f"resnet50_rsb_{column}")
        mixup, cutmix = found.callbacks["OneOf"].members
        assert (mixup.alpha, cutmix.alpha) == (alpha, 1.0)
        assert found.callbacks["OneOf"].weights[0] == 0.5
        layers: list[Any] = list(found.recipe.model.modules())
        rates: list[float] = [layer.drop_prob for layer in layers if type(layer).__name__ == "DropPath"]
        assert max(rates, default=0.0) == pytest.approx(depth)
        assert found.data.folder.repeats == repeats
        assert {op.magnitude for op in found.data.images.transform.transform.ops} == {magnitude}
        assert found.data.images.crop_px == crop_px
        assert found.recipe.model.hparams["loss"] == {"name": "bce", "threshold": 0.2}
    views = read("resnet50_rsb_a3").callbacks["MultiCrop"]
    assert (views.layout.resize_px, views.layout.crop_px) == ([235], 224)
    assert read("resnet50_rsb_a1").data.images.test_resize_px == int(224 / 0.95)


def test_torchvisions_new_recipe() -> None:
    found = read("resnet50_torchvision_v2")
    assert found.data.folder.repeats == 4
    transform = found.data.images.transform.transform
    assert type(transform) is torchvision.transforms.v2.TrivialAugmentWide
    assert [member.alpha for member in found.callbacks["OneOf"].members] == [0.2, 1.0]
    assert found.callbacks["RandomErasing"].probability == 0.1
    assert found.recipe.model.hparams["loss"] == {"label_smoothing": 0.1}
    average = found.callbacks["EMAWeightAveraging"]
    assert isinstance(average, EMAWeightAveraging)
    assert average.update_every_n_steps == 32
    names = list(found.callbacks)
    assert names.index("RandomErasing") < names.index("OneOf")  # images are erased before they are mixed


def test_trivial_augment_is_bilinear() -> None:
    """The class takes what it is given, and only its kernels ask what that is."""
    ours = read("resnet50_torchvision_v2").data.images.transform
    bilinear = torchvision.transforms.InterpolationMode.BILINEAR
    peer = rk.augment.from_torchvision(torchvision.transforms.v2.TrivialAugmentWide(interpolation=bilinear))
    image = np.random.default_rng(0).integers(0, 255, (24, 24, 3), dtype=np.uint8)
    for seed in range(40):
        one, other = (
            rk.augment.apply_transform(transform, {"image": image}, generator=np.random.default_rng(seed))["image"]
            for transform in (ours, peer)
        )
        assert np.array_equal(one, other)


def test_torchvisions_average_of_weights() -> None:
    """references/classification/train.py: alpha = min(1, (1 - decay) world batch steps / epochs)."""
    average = read("resnet50_torchvision_v2").callbacks["EMAWeightAveraging"]
    update = average._kwargs["avg_fn"]
    old, new = torch.tensor(1.0), torch.tensor(0.0)
    assert update(old, new, 1).item() == pytest.approx(1 - (1 - 0.99998) * 8 * 128 * 32 / 600, abs=1e-7)


@pytest.mark.parametrize("name", [name for name in FITS if "resnet" in name and "110" not in name])
def test_residual_branches_start_as_in_the_source(name: str) -> None:
    is_zero = any(part in name for part in ("goyal", "rsb", "lecture"))
    assert read(name).recipe.model.hparams["model_options"]["zero_init_last"] is is_zero


def test_cutout_of_half_the_side_and_mixup_of_alpha_1() -> None:
    for name in ("resnet18_cutout_c10", "wrn28_10_cutout_c10"):
        cutout = read(name).callbacks["Cutout"]
        assert (cutout.length_frac * 32, cutout.border, cutout.holes, cutout.probability) == (16, "clip", 1, 1.0)
    assert read("preact18_mixup_c10").callbacks["Mixup"].alpha == 1.0
    dropouts = {
        layer.p for layer in read("wrn28_10_cutout_c10").recipe.model.modules() if isinstance(layer, nn.Dropout)
    }
    assert dropouts == {0.3}


@pytest.mark.parametrize(
    ("name", "views"), [("eval_1crop", None), ("eval_10crop", 10), ("eval_50crop", 50), ("eval_fcn", 10)]
)
def test_evaluations_name_their_views(name: str, views: int | None) -> None:
    found = read(name)
    assert found.recipe.is_evaluation
    assert found.recipe.model.hparams["model_options"]["weights"].endswith(".pth")
    crops = found.callbacks.get("MultiCrop")
    assert (None if crops is None else crops.layout.num_views) == views
    assert found.data.images.test == ("center" if views is None else "whole")
    assert len(found.explained.splitlines()) == (1 if views is None else 2)
