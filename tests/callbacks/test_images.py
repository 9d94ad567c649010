"""Batches of images, and what is none."""

import re

import pytest
import torch

from lightning_regkit.callbacks._images import image_size, refuse_maps


@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (1, 1, 5, 7), (2, 16, 5, 7)])
def test_height_comes_first(shape: tuple[int, ...]) -> None:
    assert image_size("CutMix", torch.zeros(shape)) == (5, 7)


@pytest.mark.parametrize("shape", [(), (2,), (2, 16), (3, 5, 7), (2, 3, 4, 5, 7)])
def test_what_is_no_batch_of_images(shape: tuple[int, ...]) -> None:
    text = f"CutMix: inputs must be images (B, C, H, W), got {shape}."
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        image_size("CutMix", torch.zeros(shape))


@pytest.mark.parametrize("shape", [(2,), (2, 10), (2, 1), None])
def test_targets_without_a_place_in_the_image(shape: tuple[int, ...] | None) -> None:
    refuse_maps("CutMix", None if shape is None else torch.zeros(shape))


@pytest.mark.parametrize("shape", [(2, 4, 4), (2, 1, 4, 4)])
def test_targets_with_a_place_in_the_image(shape: tuple[int, ...]) -> None:
    text = f"CutMix: targets must be of shape (B,) or (B, K), got {shape}. Mixup mixes maps of labels, pixel by pixel."
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        refuse_maps("CutMix", torch.zeros(shape))
