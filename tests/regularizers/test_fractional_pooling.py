"""Fractional pooling as a layer: sizes, what is drawn, and in the place of another pooling."""

import copy
import pickle
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional

from lightning_regkit.regularizers import FractionalPooling, pool_regions, pseudorandom_starts, sampling

KINDS: Any = ["pseudorandom", "random"]


def images(height: int = 25, width: int = 30) -> Tensor:
    return torch.randn(2, 3, height, width)


@pytest.mark.parametrize("regions", KINDS)
@pytest.mark.parametrize(
    ("ratio", "size", "expected"),
    [(2**0.5, (25, 30), (17, 21)), (1.5, (9, 10), (6, 6)), (2, (8, 9), (4, 4)), (1.25, (5, 7), (4, 5))],
)
def test_sizes_are_divided_and_rounded_down(regions: Any, ratio: float, size: Any, expected: Any) -> None:
    layer = FractionalPooling(ratio, regions=regions)
    for pooled in (layer(images(*size)), layer.eval()(images(*size))):
        assert tuple(pooled.shape) == (2, 3, *expected)


@pytest.mark.parametrize("regions", KINDS)
def test_drawn_in_training_and_fixed_in_evaluation(regions: Any) -> None:
    layer, inputs = FractionalPooling(regions=regions), images()
    assert not torch.equal(layer(inputs), layer(inputs))
    layer.eval()
    fixed = layer(inputs)
    assert torch.equal(layer(inputs), fixed)
    starts = pseudorandom_starts(25, 17, 2, 0.5), pseudorandom_starts(30, 21, 2, 0.5)
    assert torch.equal(fixed, pool_regions(inputs, starts, 2))
    with sampling([layer]):
        assert not torch.equal(layer(inputs), layer(inputs))


def test_pseudorandom_ones_are_torchs() -> None:
    inputs = images()
    state = torch.get_rng_state()
    pooled = FractionalPooling(1.5, kernel_px=3)(inputs)
    torch.set_rng_state(state)
    assert torch.equal(pooled, functional.fractional_max_pool2d(inputs, 3, output_size=(16, 20)))


def test_random_ones_are_shared_by_the_batch() -> None:
    inputs = images()[:1].expand(4, 3, 25, 30)
    pooled = FractionalPooling(regions="random")(inputs)
    assert all(torch.equal(one, pooled[0]) for one in pooled)


@pytest.mark.parametrize("regions", KINDS)
@pytest.mark.parametrize(
    "pool",
    [
        nn.MaxPool2d(3, stride=2, padding=1),
        nn.MaxPool2d(2),
        nn.MaxPool2d(3, stride=2, ceil_mode=True),
        nn.MaxPool2d((3, 3), stride=(2, 2), padding=(1, 0)),
        nn.MaxPool2d(2, stride=3),
    ],
    ids=str,
)
def test_in_place_of_another_pooling_every_size_is_the_same(pool: nn.MaxPool2d, regions: Any) -> None:
    layer = FractionalPooling.like(pool, regions=regions)
    for height in range(3, 20):
        inputs = images(height, 22 - height)
        expected = pool(inputs).shape
        assert layer.train()(inputs).shape == layer.eval()(inputs).shape == expected


def test_the_stem_of_a_resnet() -> None:
    layer = FractionalPooling.like(nn.MaxPool2d(3, 2, padding=1).eval())
    assert not layer.training
    assert layer(torch.zeros(1, 1, 112, 112)).shape == (1, 1, 56, 56)
    assert layer.state_dict() == {}
    assert list(layer.modules()) == [layer]


@pytest.mark.parametrize(
    "make", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))], ids=["copy", "pickle"]
)
def test_copies(make: Any) -> None:
    inputs = images()
    for layer in (FractionalPooling(1.3), FractionalPooling.like(nn.MaxPool2d(2))):
        assert torch.equal(make(layer.eval())(inputs), layer(inputs))


def test_repr() -> None:
    assert repr(FractionalPooling(1.5)) == "FractionalPooling(ratio=1.5, kernel_px=2, regions='pseudorandom')"
    like = FractionalPooling.like(nn.MaxPool2d(3, 2, padding=1), regions="random")
    assert repr(like) == (
        "FractionalPooling(like MaxPool2d(kernel_size=3, stride=2, padding=1, dilation=1, ceil_mode=False), "
        "kernel_px=3, regions='random')"
    )


@pytest.mark.parametrize("regions", KINDS)
def test_no_wait_for_the_device(regions: Any) -> None:
    with FakeTensorMode(), torch.device("cuda"):
        for layer in (FractionalPooling(regions=regions), FractionalPooling.like(nn.MaxPool2d(2), regions=regions)):
            assert layer(torch.empty(2, 3, 25, 25)).device.type == "cuda"
            assert layer.eval()(torch.empty(2, 3, 25, 25)).device.type == "cuda"


@pytest.mark.parametrize("regions", KINDS)
def test_compiled(regions: Any) -> None:
    layer, inputs = FractionalPooling(regions=regions).eval(), images()
    assert torch.equal(torch.compile(layer, backend="eager")(inputs), layer(inputs))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: FractionalPooling(1.0), "FractionalPooling: ratio must be above 1, got 1.0."),
        (lambda: FractionalPooling(kernel_px=0), "FractionalPooling: kernel_px must be a positive integer, got 0."),
        (
            lambda: FractionalPooling(regions="all"),
            "FractionalPooling: regions must be one of pseudorandom, random, got 'all'.",
        ),
        (
            lambda: FractionalPooling(3.0)(images(2, 9)),
            "FractionalPooling: images must be large enough for a ratio of 3, got (2, 9).",
        ),
        (
            lambda: FractionalPooling.like(nn.MaxPool2d((2, 3))),
            "FractionalPooling: pool must have square regions and one stride above 1, got "
            "MaxPool2d(kernel_size=(2, 3), stride=(2, 3), padding=0, dilation=1, ceil_mode=False).",
        ),
        (
            lambda: FractionalPooling.like(nn.MaxPool2d(3, 1, padding=1)),
            "FractionalPooling: pool must have square regions and one stride above 1, got "
            "MaxPool2d(kernel_size=3, stride=1, padding=1, dilation=1, ceil_mode=False).",
        ),
        (
            lambda: FractionalPooling.like(nn.MaxPool2d(2, dilation=2)),
            "FractionalPooling: pool must be neither dilated nor return indices, got "
            "MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=2, ceil_mode=False).",
        ),
    ],
    ids=range(7),
)
def test_refusals(make: Any, text: str) -> None:
    with pytest.raises(ValueError, match="FractionalPooling") as caught:
        make()
    assert str(caught.value) == text
