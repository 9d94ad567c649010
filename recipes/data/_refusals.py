"""How data modules refuse a number."""

__all__ = ["refuse_below"]


def refuse_below(owner: str, argument: str, value: int, minimum: int) -> None:
    """Refuse a number that is too small.

    Args:
        owner: Name for messages.
        argument: That of the number.
        value: The number.
        minimum: The smallest that is allowed.

    Raises:
        ValueError: ``value`` is below ``minimum``.

    Example:
        >>> refuse_below("CIFARData", "batch_size", 0, 1)
        Traceback (most recent call last):
        ValueError: CIFARData: batch_size must be at least 1, got 0.
    """
    if value < minimum:
        raise ValueError(f"{owner}: {argument} must be at least {minimum}, got {value!r}.")
