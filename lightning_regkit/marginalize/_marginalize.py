"""Run a model on every view of a batch and average, in bounded memory."""

from collections.abc import Callable, Iterable, Sequence

from torch import Tensor

from lightning_regkit.marginalize._averaging import Averaging
from lightning_regkit.marginalize._chunks import predict_views
from lightning_regkit.marginalize._combine import combine

__all__ = ["marginalize"]


def marginalize(
    predict: Callable[[Tensor], Tensor],
    views: Iterable[Tensor],
    *,
    weights: Sequence[float] | None = None,
    averaging: Averaging | None = None,
    chunk: int | None = None,
) -> Tensor:
    """Average a model's predictions over views of one batch; :func:`combine` of :func:`predict_views`.

    Args:
        predict: Model in evaluation mode: images (N, ...) to scores (N, K, ...), N at most ``chunk``.
        views: Views of the batch, each (B, ...): crops of one batch of images, say. A generator needs the memory of a
            chunk and a view, however many it makes.
        weights: A number >= 0 for every view, in any unit; None for equal weights.
        averaging: Which mean; None for that of softmax distributions.
        chunk: Images per forward, >= 1; None for B, one view at a time.

    Returns:
        Scores (B, K, ...), float32 or float64, whose activation is the mean distribution; the same for any ``chunk``
        where the model treats the images of a batch independently.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: There is no view, views differ in B, ``weights`` does not match them, ``chunk`` is below 1, or
            ``predict`` returned another number of rows than images.

    Example:
        >>> batch = Tensor([[0.9, 0.1]]).log()
        >>> marginalize(lambda images: images, [batch, batch.flip(1)], chunk=1).softmax(1)
        tensor([[0.5000, 0.5000]])

    Reference:
        Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural Networks", NeurIPS 2012, section 4.1:
        the mean over ten crops.
    """
    chosen = averaging or Averaging()
    scores = predict_views(predict, views, chunk=chunk)
    return combine(scores, weights=weights, activation=chosen.activation, space=chosen.space)
