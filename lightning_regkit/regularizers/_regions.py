"""Where the regions of fractional pooling begin."""

import torch
from torch import Tensor

from lightning_regkit._checks import message, positive_int

__all__ = ["pool_regions", "pseudorandom_starts", "random_starts"]


def pseudorandom_starts(size_px: int, output_px: int, kernel_px: int, u: float) -> Tensor:
    """Starts floor(alpha (i + u)) - floor(alpha u), the last one at the edge, with alpha = (N - k) / (n - 1).

    Args:
        size_px: N, pixels that come in along one dimension.
        output_px: n, pixels that go out, in [1, N - k + 1].
        kernel_px: k, pixels of a region.
        u: In [0, 1): which of the sequences.

    Returns:
        n integers from 0 to N - k that never fall, in steps that differ by at most 1 (but for the last).

    Raises:
        TypeError: A size is no integer.
        ValueError: A size is out of range.

    Example:
        >>> pseudorandom_starts(6, 4, 2, 0.0).tolist(), pseudorandom_starts(6, 4, 2, 0.5).tolist()
        ([0, 1, 2, 4], [0, 2, 3, 4])

    Reference:
        Graham, "Fractional Max-Pooling", 2014, section 2, equation for pseudorandom sequences; torch's variant of it.
    """
    _check(size_px, output_px, kernel_px)
    last = size_px - kernel_px
    alpha = last / max(output_px - 1, 1)
    starts = [int((i + u) * alpha) - int(u * alpha) for i in range(output_px - 1)]
    return torch.tensor([*starts, last])


def random_starts(size_px: int, output_px: int, kernel_px: int, device: torch.device | None = None) -> Tensor:
    """Starts whose increments are a random order of floor(alpha) and floor(alpha) + 1, with alpha = (N - k) / (n - 1).

    Args:
        size_px: N, pixels that come in along one dimension.
        output_px: n, pixels that go out, in [1, N - k + 1].
        kernel_px: k, pixels of a region.
        device: Of whose default generator the order is drawn.

    Returns:
        n integers on ``device``, from 0 to N - k: every order of the increments is equally likely. A single region
        begins at any place, all equally likely.

    Raises:
        TypeError: A size is no integer.
        ValueError: A size is out of range.

    Example:
        >>> starts = random_starts(25, 18, 2)
        >>> sorted(starts.diff().unique().tolist()), int(starts[0]), int(starts[-1])
        ([1, 2], 0, 23)

    Reference:
        Graham, "Fractional Max-Pooling", 2014, section 2: random sequences.
    """
    _check(size_px, output_px, kernel_px)
    last = size_px - kernel_px
    if output_px == 1:
        return torch.randint(last + 1, (1,), device=device)
    step, longer = divmod(last, output_px - 1)
    increments = step + (torch.randperm(output_px - 1, device=device) < longer).long()
    return torch.cat([increments.new_zeros(1), increments.cumsum(0)])


def pool_regions(inputs: Tensor, starts: tuple[Tensor, Tensor], kernel_px: int) -> Tensor:
    """Take the maximum of every region of k x k pixels.

    Args:
        inputs: (B, C, H, W), any dtype; not modified.
        starts: First rows (h,) and first columns (w,) of the regions, the same for every image and channel.
        kernel_px: k.

    Returns:
        (B, C, h, w), of the dtype, device and memory format of ``inputs``. Made without waiting for the device.

    Example:
        >>> image = torch.arange(9.0).reshape(1, 1, 3, 3)
        >>> pool_regions(image, (torch.tensor([0, 1]), torch.tensor([1])), 2)
        tensor([[[[5.],
                  [8.]]]])
    """
    rows, columns = (start.to(inputs.device) for start in starts)
    # Shifted views one by one: the memory of one output, not of k x k.
    by_row = _largest([inputs.index_select(2, rows + offset) for offset in range(kernel_px)])  # (B, C, h, W)
    pooled = _largest([by_row.index_select(3, columns + offset) for offset in range(kernel_px)])
    is_last = inputs.is_contiguous(memory_format=torch.channels_last)
    return pooled.contiguous(memory_format=torch.channels_last if is_last else torch.contiguous_format)


def _largest(views: list[Tensor]) -> Tensor:
    largest = views[0]
    for view in views[1:]:
        largest = torch.maximum(largest, view)
    return largest


def _check(size_px: int, output_px: int, kernel_px: int) -> None:
    for name, value in (("size_px", size_px), ("output_px", output_px), ("kernel_px", kernel_px)):
        positive_int("FractionalPooling", name, value)
    if output_px > size_px - kernel_px + 1:
        condition = f"be at most {max(size_px - kernel_px + 1, 0)}, for {size_px} pixels and regions of {kernel_px}"
        remedy = "Pool less, or take smaller regions."
        raise ValueError(message("FractionalPooling", "output_px", condition, output_px, remedy))
