from collections.abc import Iterator

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from lightning_regkit.crops import by_size, in_order, together
from tests.mixing.support import fake_device

SIZES = st.lists(st.sampled_from([(2, 3), (3, 2), (4, 4)]), min_size=1, max_size=8)


def numbered(sizes: list[tuple[int, int]]) -> list[Tensor]:
    return [torch.full((1, *size), float(place)) for place, size in enumerate(sizes)]


@given(SIZES)
def test_images_of_one_size_are_together_and_come_back_in_order(sizes: list[tuple[int, int]]) -> None:
    images = numbered(sizes)
    parts = by_size(images)
    assert [tuple(batch.shape[2:]) for _, batch in parts] == list(dict.fromkeys(sizes))
    for places, batch in parts:
        assert torch.equal(batch, torch.stack([images[place] for place in places]))
    means = [(places, batch.mean(dim=(1, 2, 3))) for places, batch in parts]
    assert in_order(means).tolist() == list(range(len(sizes)))


@given(SIZES)
def test_streams_are_joined_item_by_item(sizes: list[tuple[int, int]]) -> None:
    parts = by_size(numbered(sizes))

    def views(batch: Tensor) -> Iterator[Tensor]:
        yield from (batch.mean(dim=(2, 3)) + 100 * view for view in range(3))  # (b, 1) each

    joined = list(together([(places, views(batch)) for places, batch in parts]))
    assert len(joined) == 3
    for view, scores in enumerate(joined):
        assert scores.tolist() == [[place + 100.0 * view] for place in range(len(sizes))]


def test_one_stream_is_passed_on_unread() -> None:
    def raises() -> Iterator[Tensor]:
        raise AssertionError
        yield torch.zeros(1)

    stream = raises()
    assert together([(range(2), stream)]) is stream


def test_one_stream_is_read_before_the_next() -> None:
    log: list[str] = []

    def stream(name: str) -> Iterator[Tensor]:
        for view in range(2):
            log.append(f"{name}{view}")
            yield torch.zeros(1)

    together([([0], stream("a")), ([1], stream("b"))])
    assert log == ["a0", "a1", "b0", "b1"]


def test_a_batch_is_returned_itself() -> None:
    batch = torch.zeros(3, 1, 2, 2).contiguous(memory_format=torch.channels_last)
    ((places, found),) = by_size(batch)
    assert found is batch
    assert list(places) == [0, 1, 2]


def test_another_dimension_may_be_the_images() -> None:
    parts = [([1], torch.tensor([[1.0], [11.0]])), ([2, 0], torch.tensor([[2.0, 0.0], [12.0, 10.0]]))]
    assert in_order(parts, dim=1).tolist() == [[0, 1, 2], [10, 11, 12]]


def test_places_need_not_begin_at_0() -> None:
    assert in_order([([7, 5], torch.tensor([7, 5])), ([6], torch.tensor([6]))]).tolist() == [5, 6, 7]


def test_no_wait_for_the_device() -> None:
    device = fake_device()
    with FakeTensorMode():
        images = [torch.empty(1, *size, device=device) for size in ((2, 3), (4, 4), (2, 3))]
        scores = list(together([(places, iter([batch.mean((1, 2, 3))] * 2)) for places, batch in by_size(images)]))
    assert [tuple(each.shape) for each in scores] == [(3,), (3,)]
    assert scores[0].device.type == device


@pytest.mark.parametrize(
    ("images", "error", "text"),
    [
        (torch.zeros(3, 4, 4), ValueError, r"be of shape \(B, C, H, W\), got \(3, 4, 4\)"),
        ([torch.zeros(4, 4)], ValueError, r"be of shape \(B, C, H, W\), got \(1, 4, 4\)"),
        ([torch.zeros(1, 4, 4, dtype=torch.uint8)], TypeError, "be a floating point tensor, got torch.uint8"),
    ],
)
def test_what_is_no_image_is_refused(images: Tensor, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=rf"^crops: images must {text}"):
        by_size(images)
