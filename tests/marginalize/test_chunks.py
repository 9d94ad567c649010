import gc
import weakref
from collections.abc import Iterator

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from lightning_regkit.marginalize import predict_views
from tests.marginalize.support import SEEDS, random_scores


def pixel_sums(images: Tensor) -> Tensor:
    """(N, C, H, W) to (N, C): every image on its own."""
    return images.sum((2, 3))


class Recorder:
    """A predictor that remembers the shapes it was asked for."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, images: Tensor) -> Tensor:
        self.shapes.append(tuple(images.shape))
        return pixel_sums(images)


def sizes(chunk: int | None, views: list[Tensor]) -> list[int]:
    predict = Recorder()
    list(predict_views(predict, views, chunk=chunk))
    return [shape[0] for shape in predict.shapes]


def test_worked_example() -> None:
    views = [torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0], [4.0]])]
    scores = predict_views(lambda images: -images, views, chunk=3)
    assert [score.tolist() for score in scores] == [[[-1.0], [-2.0]], [[-3.0], [-4.0]]]


def test_images_per_forward() -> None:
    views = list(torch.zeros(5, 4, 1, 2, 2))
    assert sizes(None, views) == [4, 4, 4, 4, 4]
    assert sizes(1, views) == [1] * 20
    assert sizes(3, views) == [3, 3, 3, 3, 3, 3, 2]
    assert sizes(8, views) == [8, 8, 4]
    assert sizes(20, views) == [20]
    assert sizes(1000, views) == [20]


def test_no_forward_mixes_sizes() -> None:
    views = [torch.zeros(2, 1, side, side) for side in (2, 2, 3, 3, 3, 2)]
    predict = Recorder()
    list(predict_views(predict, views, chunk=5))
    assert predict.shapes == [(4, 1, 2, 2), (5, 1, 3, 3), (1, 1, 3, 3), (2, 1, 2, 2)]


@given(st.integers(1, 4), st.lists(st.integers(1, 3), min_size=1, max_size=6), st.none() | st.integers(1, 30), SEEDS)
def test_every_view_gets_its_own_scores(batch_size: int, sides: list[int], chunk: int | None, seed: int) -> None:
    views = [random_scores(seed + v, batch_size, 2, side, side) for v, side in enumerate(sides)]
    predict = Recorder()
    scores = list(predict_views(predict, views, chunk=chunk))
    assert len(scores) == len(views)
    for score, view in zip(scores, views, strict=True):
        torch.testing.assert_close(score, pixel_sums(view))
    assert max(shape[0] for shape in predict.shapes) <= (chunk or batch_size)
    assert sum(shape[0] for shape in predict.shapes) == batch_size * len(views)


def test_a_whole_view_is_fed_without_a_copy() -> None:
    views = list(torch.zeros(3, 4, 1, 2, 2))
    fed: list[int] = []

    def predict(images: Tensor) -> Tensor:
        fed.append(images.data_ptr())
        return pixel_sums(images)

    list(predict_views(predict, views))
    assert fed == [view.data_ptr() for view in views]


@pytest.mark.parametrize(("chunk", "most"), [(1, 3), (2, 3), (4, 5), (None, 3)])
def test_a_generator_needs_the_memory_of_a_chunk_and_a_view(chunk: int | None, most: int) -> None:
    alive: list[weakref.ref[Tensor]] = []

    def stream() -> Iterator[Tensor]:
        for seed in range(24):
            base = random_scores(seed, 2, 1, 2, 2)
            alive.append(weakref.ref(base))
            assert sum(ref() is not None for ref in alive) <= most
            yield base

    gc.collect()
    assert sum(1 for _ in predict_views(pixel_sums, stream(), chunk=chunk)) == 24


def test_views_are_made_when_they_are_needed() -> None:
    made = []

    def stream() -> Iterator[Tensor]:
        for view in torch.zeros(5, 2, 1, 2, 2):
            made.append(view)
            yield view

    scores = predict_views(pixel_sums, stream())
    assert made == []
    next(scores)
    assert len(made) <= 2


def test_no_views_no_scores() -> None:
    assert list(predict_views(pixel_sums, [])) == []


def test_arguments_stay_as_they_are() -> None:
    views = list(random_scores(0, 3, 2, 1, 2, 2))
    before = [view.clone() for view in views]
    list(predict_views(pixel_sums, views, chunk=3))
    assert all(torch.equal(view, old) for view, old in zip(views, before, strict=True))


@pytest.mark.parametrize(("chunk", "error"), [(0, ValueError), (-1, ValueError), (2.0, TypeError), (True, TypeError)])
def test_a_wrong_chunk_is_refused_at_once(chunk: int, error: type[Exception]) -> None:
    with pytest.raises(error, match=rf"^marginalize: chunk must be a positive integer, got {chunk}\.$"):
        predict_views(pixel_sums, [], chunk=chunk)


def test_an_empty_batch_is_refused() -> None:
    expected = r"^marginalize: images in a view must be a positive integer, got 0\.$"
    with pytest.raises(ValueError, match=expected):
        list(predict_views(pixel_sums, [torch.zeros(0, 1, 2, 2)]))


def test_views_of_another_batch_are_refused() -> None:
    expected = r"^marginalize: views must all hold the 2 images of the batch, got \(3, 1, 2, 2\)\.$"
    with pytest.raises(ValueError, match=expected):
        list(predict_views(pixel_sums, [torch.zeros(2, 1, 2, 2), torch.zeros(3, 1, 2, 2)]))


def test_a_predictor_that_loses_rows_is_refused() -> None:
    expected = (
        r"^marginalize: predict must return one row per image, 2, got \(1, 3\)\. "
        r"Average over positions inside the model\.$"
    )
    with pytest.raises(ValueError, match=expected):
        list(predict_views(lambda _: torch.zeros(1, 3), [torch.zeros(2, 1, 2, 2)]))
