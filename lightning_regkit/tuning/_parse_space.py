"""A space in words, as on a command line."""

import ast
from collections.abc import Sequence
from typing import Any, Final

from lightning_regkit.tuning._space import Among, Between, check_space

__all__ = ["literal", "parse_space"]

OWNER: Final = "tuning.parse_space"
FORMS: Final = "be NAME=A,B,C or NAME=LOW..HIGH, with :linear or :POINTS after it if need be"


def parse_space(words: Sequence[str]) -> dict[str, Between | Among]:
    """Read a space from words: ``lr=1e-4..1e-1``, ``momentum=0.8..0.99:linear``, ``optimizer=nesterov,adamw``.

    Args:
        words: A name each, and after ``=`` the ends of an interval, or values with commas between them. Equal ratios
            are equally likely, with ``:linear`` equal differences; ``:6`` has a grid take six points. A value is a
            literal of Python (``0.1``, ``None``, ``True``), else a text.

    Returns:
        The hyperparameters by name.

    Raises:
        ValueError: A word is of another form, a name is unknown or is there twice, or a number is out of range.

    Example:
        >>> parse_space(["lr=0.001..0.1", "optimizer=nesterov,adamw"])["optimizer"]
        Among(values=('nesterov', 'adamw'))
        >>> parse_space(["momentum=0.8..0.99:linear:3"])["momentum"]
        Between(low=0.8, high=0.99, is_log=False, points=3)
    """
    space: dict[str, Between | Among] = {}
    for word in words:
        name, sign, text = word.partition("=")
        if not (sign and name and text) or name in space:
            raise ValueError(f"{OWNER}: each must {FORMS}, each name once, got {word!r}.")
        space[name] = _between(word, text) if ".." in text else Among(tuple(literal(each) for each in text.split(",")))
    if space:
        check_space(OWNER, space)
    return space


def literal(text: str) -> Any:  # noqa: ANN401  # whatever the text says
    """Read a literal of Python; anything else is a text."""
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text


def _between(word: str, text: str) -> Between:
    ends, *options = text.split(":")
    low, _, high = ends.partition("..")
    points = [option for option in options if option != "linear"]
    try:
        numbers = float(low), float(high)
        count = int(points[0]) if points else Between.points
    except ValueError:
        numbers, count = (0.0, 0.0), 0
    if len(points) > 1 or not count:
        raise ValueError(f"{OWNER}: each must {FORMS}, got {word!r}.")
    return Between(*numbers, is_log="linear" not in options, points=count)
