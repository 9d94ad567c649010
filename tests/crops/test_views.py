import gc
import weakref
from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torchvision.transforms import functional as tv

from lightning_regkit.crops import Box, View, apply_view, apply_views, flip, multiscale_50, shifts, ten
from lightning_regkit.crops import _views as module
from tests.crops.support import numbered, slow_loop
from tests.mixing.support import aten_calls, fake_device

SIDES = st.integers(1, 8)
RESIZE = "aten._upsample_bilinear2d_aa.default"


def images(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0)).to(dtype)


def test_worked_example() -> None:
    image = numbered(3, 4)
    assert apply_view(image, View((3, 4), Box(1, 1, 2, 3)))[0, 0].tolist() == [[5, 6, 7], [9, 10, 11]]
    mirrored = View((3, 4), Box(1, 1, 2, 3), is_mirrored=True)
    assert apply_view(image, mirrored)[0, 0].tolist() == [[7, 6, 5], [11, 10, 9]]


@given(SIDES, SIDES, st.booleans(), st.data())
def test_equals_a_loop(height: int, width: int, is_mirrored: bool, data: st.DataObject) -> None:
    top = data.draw(st.integers(1 - height, height - 1))
    left = data.draw(st.integers(1 - width, width - 1))
    box = Box(
        top,
        left,
        data.draw(st.integers(1, 2 * height - 1 - max(top, 0))),
        data.draw(st.integers(1, 2 * width - 1 - max(left, 0))),
    )
    if box.top + box.height >= 2 * height or box.left + box.width >= 2 * width:
        return
    view = View((height, width), box, is_mirrored)
    image = numbered(height, width)
    assert apply_view(image, view)[0, 0].tolist() == slow_loop(image, view)


@pytest.mark.parametrize("size", [(20, 20), (20, 30), (31, 20), (9, 40)])
def test_ten_crops_at_several_scales_are_torchvisions(size: tuple[int, int]) -> None:
    batch = images(2, 3, *size)
    ours = apply_views(batch, ten(*size, resize_px=[8, 9, 25], crop_px=8))
    theirs = [crop for side in (8, 9, 25) for crop in tv.ten_crop(tv.resize(batch, [side], antialias=True), [8, 8])]
    assert all(torch.equal(our, their) for our, their in zip(ours, theirs, strict=True))


def test_tensors_of_all_small_sizes_are_torchvisions_and_a_loops() -> None:
    for height, width in product(range(1, 13), repeat=2):
        image = numbered(height, width)
        for crop_px in range(1, min(height, width) + 1):
            ours = apply_views(image, ten(height, width, resize_px=[], crop_px=crop_px))
            assert all(map(torch.equal, ours, tv.ten_crop(image, crop_px)))
        whole = (*flip(height, width), *(shifts(height, width) if min(height, width) > 1 else ()))
        assert all(
            shown[0, 0].tolist() == slow_loop(image, view)
            for view, shown in zip(whole, apply_views(image, whole), strict=True)
        )


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("side", [5, 20])
def test_resizing_is_torchvisions_for_any_dtype(dtype: torch.dtype, side: int) -> None:
    batch = images(2, 3, 10, 12, dtype=dtype)
    resized = apply_view(batch, flip(10, 12, resize_px=[side])[0])
    assert resized.dtype == dtype
    assert torch.equal(resized, tv.resize(batch, [side], antialias=True))


def test_resizing_is_antialiased() -> None:
    # One bright column in four. Without antialiasing, torch looks at the two dark ones in the middle.
    stripes = (torch.arange(16) % 4 == 0).float().expand(1, 1, 16, 16).contiguous()
    small = apply_view(stripes, flip(16, 16, resize_px=[4])[0])
    torch.testing.assert_close(small[..., 1:3], torch.full((1, 1, 4, 2), (5 + 3) / 32))  # weights 1 3 5 7 7 5 3 1


@pytest.mark.parametrize("views", [ten(20, 30, resize_px=[12], crop_px=8), flip(20, 30), shifts(20, 30)])
def test_memory_format_and_dtype_stay(views: tuple[View, ...]) -> None:
    batch = images(4, 3, 20, 30, dtype=torch.bfloat16).contiguous(memory_format=torch.channels_last)
    for shown in apply_views(batch, views):
        assert shown.dtype == torch.bfloat16
        assert shown.stride(1) == 1


def test_crops_share_the_memory_of_the_images() -> None:
    batch = images(2, 3, 8, 9)
    plain, mirrored = apply_views(batch, [View((8, 9), Box(1, 1, 4, 4), is_mirrored) for is_mirrored in (False, True)])
    assert plain.untyped_storage().data_ptr() == batch.untyped_storage().data_ptr()
    assert mirrored.untyped_storage().data_ptr() != batch.untyped_storage().data_ptr()


def test_a_scale_is_resized_once() -> None:
    batch = images(1, 1, 30, 40)
    views = multiscale_50(30, 40, resize_px=[8, 12, 16], crop_px=8)
    calls = aten_calls(lambda: torch.cat(list(apply_views(batch, views))))
    assert calls.count(RESIZE) == 3
    assert calls.count("aten.flip.default") == 15


def test_images_of_that_size_are_not_resized() -> None:
    batch = images(1, 1, 8, 12)
    assert RESIZE not in aten_calls(lambda: torch.cat(list(apply_views(batch, ten(8, 12, resize_px=[8], crop_px=8)))))


def test_one_scale_is_held_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    alive: list[weakref.ref[Tensor]] = []
    resize = module._resized

    def watched(batch: Tensor, size_px: tuple[int, int]) -> Tensor:
        gc.collect()
        assert [ref for ref in alive if ref() is not None] == []
        resized = resize(batch, size_px)
        alive.append(weakref.ref(resized))
        return resized

    monkeypatch.setattr(module, "_resized", watched)
    shapes = [
        tuple(map(int, shown.shape)) for shown in apply_views(images(1, 1, 9, 9), flip(9, 9, resize_px=[4, 5, 6]))
    ]
    assert shapes == [(1, 1, side, side) for side in (4, 4, 5, 5, 6, 6)]
    assert len(alive) == 3


def test_views_are_made_when_they_are_asked_for() -> None:
    def stream() -> object:
        yield from flip(4, 4)
        raise AssertionError

    shown = apply_views(images(1, 1, 4, 4), stream())
    assert next(shown).shape == next(shown).shape == (1, 1, 4, 4)


def test_one_view_at_a_time_or_all_is_the_same() -> None:
    batch = images(2, 3, 20, 30)
    views = (*ten(20, 30, resize_px=[12, 16], crop_px=8), *shifts(20, 30))
    assert all(
        torch.equal(apply_view(batch, view), shown)
        for view, shown in zip(views, apply_views(batch, views), strict=True)
    )


def test_arguments_stay_as_they_are() -> None:
    batch = images(2, 3, 9, 9)
    before = batch.clone()
    list(apply_views(batch, (*shifts(9, 9), *flip(9, 9, resize_px=[5]))))
    assert torch.equal(batch, before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_no_wait_for_the_device(dtype: torch.dtype) -> None:
    device = fake_device()
    with FakeTensorMode():
        batch = torch.empty(2, 3, 20, 30, device=device, dtype=dtype)
        views = (*ten(20, 30, resize_px=[8, 16], crop_px=8), *shifts(20, 30))
        for view, shown in zip(views, apply_views(batch, views), strict=True):
            assert shown.device.type == device
            assert shown.dtype == dtype
            assert shown.shape == (2, 3, view.box.height, view.box.width)


@pytest.mark.parametrize(
    ("batch", "shown"), [([1.0], "'list'"), (torch.zeros(1, 1, 4, 4, dtype=torch.uint8), r"torch\.uint8")]
)
def test_what_is_no_image_is_refused_at_once(batch: Tensor, shown: str) -> None:
    expected = (
        rf"^crops: images must be a floating point tensor, got {shown}\. "
        r"Convert and normalize first, for example images\.float\(\) / 255\.$"
    )
    with pytest.raises(TypeError, match=expected):
        apply_view(batch, flip(4, 4)[0])
    with pytest.raises(TypeError, match=expected):
        apply_views(batch, flip(4, 4))


def test_what_is_no_batch_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^crops: images must be of shape \(B, C, H, W\), got \(3, 4, 4\)\.$"):
        apply_view(torch.zeros(3, 4, 4), flip(4, 4)[0])
