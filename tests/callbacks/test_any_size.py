"""A network of fixed size is named as such where it raises, and other errors are left alone."""

from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn

from lightning_regkit.callbacks import MultiCrop
from lightning_regkit.callbacks._any_size import AnySize
from lightning_regkit.crops import Layout
from tests.callbacks.cropped import Pooled, evaluated, photo_loader

REMEDY = "Pass 'multiscale_50', or another layout of crops of one size."


def vision_transformer() -> nn.Module:
    return timm.create_model(
        "vit_tiny_patch16_224", img_size=16, patch_size=4, embed_dim=8, depth=1, num_heads=1, num_classes=3
    )


def flattening() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 3))


def choosy() -> nn.Module:
    class Choosy(nn.Module):
        def forward(self, inputs: Tensor) -> Tensor:
            if inputs.shape[2:] != (16, 16):
                raise ValueError("squares of 16 only")
            return inputs.mean((2, 3))

    return Choosy()


def module(net: nn.Module) -> Pooled:
    model = Pooled()
    model.net = net
    return model


@pytest.mark.parametrize("layout", [Layout("multiscale_fcn", (16, 24)), Layout("flip", (16, 24))])
@pytest.mark.parametrize(
    ("net", "kind", "cause"),
    [
        (vision_transformer, AssertionError, "Input height"),
        (flattening, RuntimeError, "mat1 and mat2 shapes cannot be multiplied"),
        (choosy, ValueError, "squares of 16 only"),
    ],
)
def test_networks_of_fixed_size_are_refused(layout: Layout, net: Any, kind: type[Exception], cause: str) -> None:
    model = module(net())
    with pytest.raises(ValueError, match="MultiCrop") as caught:
        evaluated(model, MultiCrop(layout), data=photo_loader(size=(32, 32)))
    assert str(caught.value) == (
        f"MultiCrop: layout must suit the network, which takes no images of 24 x 24, got {layout.name!r}. {REMEDY}"
    )
    assert isinstance(caught.value.__cause__, kind)
    assert cause in str(caught.value.__cause__)
    assert "forward" not in vars(model)


def test_the_first_forward_may_be_the_one_that_raises() -> None:
    with pytest.raises(ValueError, match="takes no images of 20 x 26, got 'multiscale_fcn'"):
        evaluated(module(flattening()), MultiCrop("multiscale_fcn", resize_px=[20]), data=photo_loader(size=(24, 32)))


@pytest.mark.parametrize("layout", [Layout("ten", (20,), 16), Layout("flip"), Layout("shifts")])
def test_such_a_network_takes_views_of_one_size(layout: Layout) -> None:
    size = (20, 24) if layout.name == "ten" else (16, 16)
    for net in (vision_transformer, flattening):
        assert len(evaluated(module(net()), MultiCrop(layout), data=photo_loader(size=size))) == 10


def test_an_error_of_the_network_is_its_own_where_all_views_are_of_one_size() -> None:
    with pytest.raises(RuntimeError, match=r"^mat1 and mat2"):
        evaluated(module(flattening()), MultiCrop("flip"), data=photo_loader(size=(12, 12)))


@pytest.mark.parametrize(
    ("error", "is_named"),
    [
        (RuntimeError("size"), True),
        (ValueError("size"), True),
        (AssertionError(), True),
        (torch.OutOfMemoryError("CUDA out of memory."), False),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."), False),
        (KeyError("size"), False),
        (TypeError("size"), False),
    ],
)
def test_which_errors_are_of_the_size(error: Exception, is_named: bool) -> None:
    def net(_: Any) -> Tensor:
        raise error

    with pytest.raises(type(error) if not is_named else ValueError) as caught:
        AnySize("Ours", "flip", predict=net)(torch.zeros(1, 3, 8, 10))
    assert (caught.value is error) != is_named
    if is_named:
        expected = f"Ours: layout must suit the network, which takes no images of 8 x 10, got 'flip'. {REMEDY}"
        assert str(caught.value) == expected
        assert caught.value.__cause__ is error


def test_refusals_of_this_package_are_not_taken_for_the_size() -> None:
    class Softmaxed(Pooled):
        def forward(self, inputs: Tensor) -> Tensor:
            return super().forward(inputs).softmax(-1)

    with pytest.raises(ValueError, match=r"^MultiCrop: scores must be logits; these are in \[0, 1\]"):
        evaluated(Softmaxed(), MultiCrop("multiscale_fcn", resize_px=[8, 12]))


def test_what_the_network_returns_is_passed_on() -> None:
    assert AnySize("Ours", "flip", predict=len)(torch.zeros(2, 1, 2, 2)) == 2
