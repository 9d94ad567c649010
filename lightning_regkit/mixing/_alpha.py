"""The concentration of Beta(alpha, alpha) from which mixing weights are drawn."""

from typing import Final

from lightning_regkit._checks import message, positive_float

__all__ = ["check_alpha", "check_cutmix_alpha"]

MIN_ALPHA: Final = 0.01


def check_alpha(owner: str, alpha: object) -> float:
    """Return a usable concentration of mixup's Beta(alpha, alpha), or refuse it.

    Args:
        owner: Public name of what the user called.
        alpha: Concentration, at least 0.01: below that nearly every lam is 0 or 1 to within 1e-6.

    Returns:
        ``alpha``.

    Raises:
        TypeError: ``alpha`` is no number.
        ValueError: ``alpha`` is below 0.01 or not finite.

    Example:
        >>> check_alpha("Mixup", 0.2)
        0.2
    """
    return _check(owner, alpha, "The paper uses 0.1 to 0.4 on ImageNet; to mix nothing, leave mixup out.")


def check_cutmix_alpha(owner: str, alpha: object) -> float:
    """Return a usable concentration of CutMix's Beta(alpha, alpha), or refuse it.

    Args:
        owner: Public name of what the user called.
        alpha: Concentration, at least 0.01: below that nearly every box is empty or the whole image.

    Returns:
        ``alpha``.

    Raises:
        TypeError: ``alpha`` is no number.
        ValueError: ``alpha`` is below 0.01 or not finite.

    Example:
        >>> check_cutmix_alpha("CutMix", 1.0)
        1.0
    """
    return _check(owner, alpha, "The paper uses 1.0; to mix nothing, leave CutMix out.")


def _check(owner: str, alpha: object, remedy: str) -> float:
    number = positive_float(owner, "alpha", alpha, remedy)
    if number < MIN_ALPHA:
        raise ValueError(message(owner, "alpha", f"be at least {MIN_ALPHA}", alpha, remedy))
    return number
