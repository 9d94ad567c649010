import math
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torchvision.utils import make_grid

from lightning_regkit.monitoring import image_sheet, mixture_captions, target_captions
from tests.mixing.support import fake_device

SEEDS = st.integers(0, 2**32 - 1)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@given(count=st.integers(1, 17), channels=st.sampled_from([1, 3]), height=st.integers(1, 5), width=st.integers(1, 5))
def test_it_is_the_grid_of_torchvision(count: int, channels: int, height: int, width: int) -> None:
    images = noise(count, channels, height, width)
    columns = math.ceil(math.sqrt(count))
    # A single image has no border there; a black one behind it makes a grid, of which the first cell is compared.
    grid = make_grid((images - images.min()) / (images.max() - images.min()), nrow=columns)
    sheet = image_sheet(images)
    assert sheet.dtype == torch.uint8
    if count == 1:
        assert not sheet[:, :2].any()
        sheet = sheet[:, 2:-2, 2:-2]
    if images.numel() > 1:  # else there is no scale
        torch.testing.assert_close(sheet, (grid * 255).round().to(torch.uint8))


def test_rows_are_filled_from_the_left() -> None:
    sheet = image_sheet(torch.arange(1, 6, dtype=torch.uint8).view(5, 1, 1, 1))
    assert sheet[0].nonzero().tolist() == [[2, 2], [2, 5], [2, 8], [5, 2], [5, 5]]
    assert sheet[0][sheet[0] > 0].tolist() == [1, 2, 3, 4, 5]
    assert torch.equal(sheet[0], sheet[2])


def test_bytes_are_shown_as_they_are() -> None:
    images = torch.randint(0, 256, (1, 3, 2, 2), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(image_sheet(images)[:, 2:4, 2:4], images[0])


@pytest.mark.parametrize(("channels", "shown"), [(1, [0, 0, 0]), (2, [0, 0, 0]), (3, [0, 1, 2]), (4, [0, 1, 2])])
def test_channels_that_are_shown(channels: int, shown: list[int]) -> None:
    images = torch.arange(channels, dtype=torch.uint8).add(7).view(1, channels, 1, 1)
    assert image_sheet(images)[:, 2, 2].tolist() == [7 + channel for channel in shown]


def test_black_and_white_are_the_least_and_the_largest_of_the_whole_sheet() -> None:
    images = torch.tensor([-2.0, 0.0, 2.0]).view(3, 1, 1, 1)
    assert image_sheet(images)[0, 2, [2, 5]].tolist() == [0, 128]
    assert image_sheet(images)[0, 5, 2] == 255


def test_what_is_no_number_is_black() -> None:
    images = torch.tensor([math.nan, 1.0, 2.0, math.inf]).view(4, 1, 1, 1)
    sheet = image_sheet(images)
    assert [sheet[0, y, x].item() for y in (2, 5) for x in (2, 5)] == [0, 0, 255, 0]


@pytest.mark.parametrize("value", [3.0, math.nan, -math.inf])
def test_images_that_are_all_one_are_black(value: float) -> None:
    assert not image_sheet(torch.full((2, 1, 2, 2), value)).any()


@pytest.mark.parametrize("shape", [(3, 2, 2), (0, 3, 2, 2), (2, 3)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    text = f"monitoring.image_sheet: images must be of shape (N, C, H, W), N >= 1, got {shape}."
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        image_sheet(torch.zeros(shape))


def test_images_are_left_alone() -> None:
    images = noise(3, 3, 2, 2).requires_grad_()
    before = images.detach().clone()
    assert not image_sheet(images).requires_grad
    assert torch.equal(images, before)


def test_on_a_device_nothing_waits_for_it() -> None:
    device = fake_device()
    with FakeTensorMode():
        assert image_sheet(torch.zeros(5, 3, 4, 4, device=device)).device.type == device


def test_captions_of_mixtures_by_hand() -> None:
    labels = torch.tensor([[3, 3, 1, 9], [5, 3, 2, 8]])
    weights = torch.tensor([[0.25, 0.5, 1.0, 0.997], [0.75, 0.5, 0.0, 0.003]])
    assert mixture_captions(labels, weights) == ["5 (0.75) + 3 (0.25)", "3", "1", "9"]


def test_mixtures_of_three() -> None:
    labels, weights = torch.tensor([[1], [2], [1]]), torch.tensor([[0.25], [0.375], [0.375]])
    assert mixture_captions(labels, weights) == ["1 (0.62) + 2 (0.38)"]


def test_captions_of_labels_and_of_probabilities() -> None:
    assert target_captions(torch.tensor([4, 0])) == ["4", "0"]
    probs = torch.tensor([[0.1, 0.2, 0.3, 0.4], [0.0, 1.0, 0.0, 0.0]])
    assert target_captions(probs) == ["3 (0.40) + 2 (0.30) + 1 (0.20)", "1"]
    assert target_captions(torch.tensor([[0.25, 0.75]])) == ["1 (0.75) + 0 (0.25)"]


@pytest.mark.parametrize("targets", [torch.zeros(2), torch.zeros(2, 3).long(), torch.zeros(2, 3, 4), torch.tensor(1)])
def test_other_targets_have_no_captions(targets: Tensor) -> None:
    assert target_captions(targets) == []


def test_probabilities_that_are_all_zero_are_said_so() -> None:
    assert target_captions(torch.zeros(1, 2)) == [""]
