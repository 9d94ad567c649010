"""The side of cutout's square, as a share of the image and in pixels."""

from lightning_regkit._checks import fraction, message, positive_int

__all__ = ["check_length_frac", "length_px"]


def check_length_frac(owner: str, length_frac: object) -> float:
    """Return a usable share of the shorter side, or refuse it.

    Args:
        owner: Public name of what the user called.
        length_frac: Share, in (0, 1].

    Returns:
        ``length_frac``.

    Raises:
        TypeError: ``length_frac`` is no number.
        ValueError: ``length_frac`` is outside (0, 1].

    Example:
        >>> check_length_frac("Cutout", 0.5)
        0.5
    """
    number = fraction(owner, "length_frac", length_frac)
    if number == 0:
        raise ValueError(
            message(owner, "length_frac", "be above 0", length_frac, "To erase nothing, leave cutout out.")
        )
    return number


def length_px(length_frac: float, *, height: int, width: int) -> int:
    """Turn a share of the shorter side into whole pixels.

    Args:
        length_frac: Share of the shorter side, in (0, 1].
        height: H in pixels, >= 1.
        width: W in pixels, >= 1.

    Returns:
        The nearest whole number of pixels (a half goes to the even one), at least 1, at most the shorter side.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range.

    Example:
        >>> length_px(0.5, height=32, width=48)
        16
    """
    share = check_length_frac("mixing.length_px", length_frac)
    shorter = min(positive_int("mixing.length_px", "height", height), positive_int("mixing.length_px", "width", width))
    return max(round(share * shorter), 1)
