"""Feed views to a model, a bounded number of images per forward."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

import torch
from torch import Tensor

from lightning_regkit._checks import message, positive_int

__all__ = ["predict_views"]

#: Images (N, ...) to scores (N, ...), for any N.
Predict = Callable[[Tensor], Tensor]


def predict_views(predict: Predict, views: Iterable[Tensor], *, chunk: int | None = None) -> Iterator[Tensor]:
    """Scores of every view, in order, with ``chunk`` images per forward.

    Small views share a forward, large ones are split. No forward mixes images of different size.

    Args:
        predict: Model in evaluation mode: images (N, ...) to scores (N, ...), N at most ``chunk``.
        views: Views of one batch, each (B, ...), B equal for all; the other dimensions may differ. Taken only when
            needed, so that a generator needs the memory of a chunk and a view.
        chunk: Images per forward, >= 1; None for B, one view at a time.

    Returns:
        An iterator over V tensors (B, ...), for models that treat the images of a batch independently the same for any
        ``chunk``.

    Raises:
        TypeError: ``chunk`` is no integer.
        ValueError: ``chunk`` is below 1, B is 0, views differ in B, or ``predict`` did not return a row per image.

    Example:
        >>> double = lambda images: 2 * images
        >>> [scores.tolist() for scores in predict_views(double, [torch.ones(2), torch.zeros(2)], chunk=3)]
        [[2.0, 2.0], [0.0, 0.0]]
    """
    if chunk is not None:
        positive_int("marginalize", "chunk", chunk)
    return _predict_views(predict, iter(views), chunk)


def _predict_views(predict: Predict, views: Iterator[Tensor], chunk: int | None) -> Iterator[Tensor]:
    for first in views:
        batch_size = positive_int("marginalize", "images in a view", len(first))
        images = _of_one_size(chain([first], views), batch_size)
        scores = (_rows(predict, block) for block in _recut(images, chunk or batch_size))
        yield from _recut(scores, batch_size)


def _recut(stream: Iterable[Tensor], length: int) -> Iterator[Tensor]:
    """Cut a stream anew along dimension 0 into pieces of ``length``, fewer before a change of shape and at the end."""
    held: list[Tensor] = []
    room = length
    for tensor in stream:
        if held and held[0].shape[1:] != tensor.shape[1:]:
            yield _joined(held)
            held, room = [], length
        rest = tensor
        while len(rest) >= room:
            held.append(rest[:room])
            yield _joined(held)
            held, rest, room = [], rest[room:], length
        if len(rest):
            held.append(rest)
            room -= len(rest)
    if held:
        yield _joined(held)


def _joined(held: list[Tensor]) -> Tensor:
    return held[0] if len(held) == 1 else torch.cat(held)


def _of_one_size(views: Iterable[Tensor], batch_size: int) -> Iterator[Tensor]:
    for view in views:
        if len(view) != batch_size:
            condition = f"all hold the {batch_size} images of the batch"
            raise ValueError(message("marginalize", "views", condition, tuple(view.shape)))
        yield view


def _rows(predict: Predict, images: Tensor) -> Tensor:
    scores = predict(images)
    if scores.shape[:1] != images.shape[:1]:
        condition = f"return one row per image, {len(images)}"
        remedy = "Average over positions inside the model."
        raise ValueError(message("marginalize", "predict", condition, tuple(scores.shape), remedy))
    return scores
