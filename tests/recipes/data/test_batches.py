import copy
import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torchvision.transforms import v2

from recipes.data._batches import Packed, Sample, Standardize, collate, pack
from recipes.data._broken import BrokenImageError
from recipes.data._image_options import IMAGENET_MEAN, IMAGENET_STD
from tests.mixing.support import fake_device
from tests.recipes.data.zoo import photo

SIZES = ((20, 30), (40, 10), (20, 30))


def samples(sizes: Sequence[tuple[int, int]] = ((20, 30),) * 3) -> list[Sample]:
    return [(photo(height, width, number), 10 * number) for number, (height, width) in enumerate(sizes)]


def standardize() -> Standardize:
    return Standardize(IMAGENET_MEAN, IMAGENET_STD)


def by_torchvision(sample: Sample) -> torch.Tensor:
    transform = v2.Compose(
        [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(list(IMAGENET_MEAN), list(IMAGENET_STD))]
    )
    return transform(sample[0])


def test_a_batch_is_bytes_with_channels_last() -> None:
    images, labels = collate(samples())

    assert (images.dtype, images.shape) == (torch.uint8, (3, 3, 20, 30))
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert (labels.dtype, labels.tolist()) == (torch.int64, [0, 10, 20])
    for image, (pixels, _) in zip(images, samples(), strict=True):
        np.testing.assert_array_equal(image.permute(1, 2, 0).numpy(), pixels)


def test_images_of_unequal_size_are_one_tensor() -> None:
    batch = pack(samples(SIZES))

    assert (batch.pixels.dtype, batch.pixels.shape) == (torch.uint8, (600 + 400 + 600, 3))
    assert batch.sizes_px == SIZES
    assert (batch.labels.dtype, batch.labels.tolist()) == (torch.int64, [0, 10, 20])


def test_floats_are_those_of_torchvision() -> None:
    images, labels = standardize()(collate(samples()))

    assert isinstance(images, torch.Tensor)
    assert images.dtype == torch.float32
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert labels.tolist() == [0, 10, 20]
    for image, sample in zip(images, samples(), strict=True):
        torch.testing.assert_close(image, by_torchvision(sample), rtol=1e-5, atol=1e-6)


def test_images_of_unequal_size_are_a_list_of_the_same_floats() -> None:
    images, labels = standardize()(pack(samples(SIZES)))

    assert isinstance(images, list)
    assert [tuple(image.shape) for image in images] == [(3, *size_px) for size_px in SIZES]
    assert labels.tolist() == [0, 10, 20]
    for image, sample in zip(images, samples(SIZES), strict=True):
        torch.testing.assert_close(image, by_torchvision(sample), rtol=1e-5, atol=1e-6)


def test_a_batch_in_another_order_of_memory_gives_the_same() -> None:
    images, labels = collate(samples())

    one, _ = standardize()((images, labels))
    other, _ = standardize()((images.contiguous(), labels))
    assert isinstance(one, torch.Tensor)
    assert isinstance(other, torch.Tensor)
    assert torch.equal(one, other)
    assert other.is_contiguous(memory_format=torch.channels_last)


def test_batches_are_not_changed() -> None:
    for batch in (collate(samples()), pack(samples(SIZES))):
        kept = copy.deepcopy(batch)
        standardize()(batch)
        assert torch.equal(batch[0], kept[0])


def test_what_was_skipped_is_left_out() -> None:
    kept = samples(SIZES)
    images, labels = collate([None, kept[0], None, kept[2]])

    assert (images.shape, labels.tolist()) == ((2, 3, 20, 30), [0, 20])
    assert pack([None, kept[1]]).sizes_px == (SIZES[1],)


@pytest.mark.parametrize("collate_fn", [collate, pack])
def test_a_batch_of_nothing_is_refused(collate_fn: Any) -> None:
    with pytest.raises(BrokenImageError) as error:
        collate_fn([None, None])
    sentence = "ImageFolderData: a batch must have a whole image, got none. Pass a larger batch_size."
    assert str(error.value) == sentence


class Operations(TorchDispatchMode):
    """Every operation of torch."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's
        self.names: list[str] = []

    def __torch_dispatch__(self, operation: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.append(operation.overloadpacket._qualified_op_name.removeprefix("aten::"))
        return operation(*args, **(kwargs or {}))


def batches_on(device: str) -> tuple[Any, Any]:
    stacked = torch.empty(4, 8, 9, 3, dtype=torch.uint8, device=device).permute(0, 3, 1, 2)
    labels = torch.empty(4, dtype=torch.int64, device=device)
    flat = torch.empty(8 * 9 + 5 * 6, 3, dtype=torch.uint8, device=device)
    return (stacked, labels), Packed(flat, ((8, 9), (5, 6)), labels[:2])


def test_it_is_done_on_the_device_without_waiting_for_it() -> None:
    device = fake_device()
    with FakeTensorMode():
        on_device = standardize()
        for batch in batches_on(device):
            images, labels = on_device(batch)
            assert {each.device.type for each in (*images, labels)} == {device}
            assert {each.dtype for each in images} == {torch.float32}
        assert isinstance(images, list)
        assert [tuple(image.shape) for image in images] == [(3, 8, 9), (3, 5, 6)]


def test_devices_round_alike_what_is_asked_of_them() -> None:
    """A copy, a subtraction and a product of two tensors: IEEE 754 says what each of them is."""
    device = fake_device()
    with FakeTensorMode():
        on_device, batch = standardize(), batches_on(device)[0]
        on_device(batch)
        with Operations() as operations:
            on_device(batch)

    views = {"permute", "unbind", "prim::device"}
    assert [name for name in operations.names if name not in views] == ["_to_copy", "sub_", "mul_"]


def test_it_can_be_copied_to_other_processes() -> None:
    again = pickle.loads(pickle.dumps(standardize()))

    assert torch.equal(again(collate(samples()))[0], standardize()(collate(samples()))[0])
