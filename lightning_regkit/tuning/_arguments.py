"""Words of a command line as modules, data modules and callbacks."""

import ast
import importlib
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lightning_regkit import schedules
from lightning_regkit.tuning._parse_space import literal

__all__ = ["callbacks_given", "given", "imported"]


def imported(option: str, path: str, arguments: dict[str, object]) -> Callable[..., Any]:
    """Import what ``pkg.mod:Class`` names, and bind arguments to it.

    Raises:
        ValueError: There is no such thing.
    """
    module, _, name = path.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        return partial(getattr(importlib.import_module(module), name), **arguments)
    except (AttributeError, ImportError, TypeError, ValueError) as error:
        raise ValueError(f"tune: --{option} must be importable as pkg.mod:Class, got {path!r}. {error}") from error
    finally:
        sys.path.pop(0)


def given(option: str, words: Sequence[str]) -> dict[str, object]:
    """Read ``name=value``: a literal of Python, a schedule such as ``Cosine()``, else a text.

    Raises:
        ValueError: A word has no ``=``.
    """
    found: dict[str, object] = {}
    for word in words:
        name, sign, text = word.partition("=")
        if not sign:
            raise ValueError(f"tune: --{option}-arg must be NAME=VALUE, got {word!r}.")
        value = literal(text)
        found[name] = _schedule(text) if value == text else value
    return found


def callbacks_given(names: Sequence[str], words: Sequence[str]) -> tuple[Callable[..., Any], ...]:
    """Bind arguments to what makes each callback.

    Args:
        names: Of ``rk.callbacks``, or ``pkg.mod:Class``.
        words: ``Class.argument=value``.

    Raises:
        ValueError: There is no such callback, or an argument is of none of them.
    """
    arguments: dict[str, dict[str, object]] = {name.partition(":")[2] or name: {} for name in names}
    for name, value in given("callback", words).items():
        kind, _, argument = name.partition(".")
        if kind not in arguments or not argument:
            raise ValueError(f"tune: --callback-arg must be CALLBACK.NAME=VALUE of a --callback, got {name!r}.")
        arguments[kind][argument] = value
    return tuple(_callback(name, arguments[name.partition(":")[2] or name]) for name in names)


def _callback(name: str, arguments: dict[str, object]) -> Callable[..., Any]:
    path = name if ":" in name else f"lightning_regkit.callbacks:{name}"
    return imported("callback", path, arguments)


def _schedule(text: str) -> object:
    """Make what ``Cosine(final_factor=0.01)`` says, if it is a spec of ``rk.schedules`` with literals for arguments."""
    try:
        call = ast.parse(text, mode="eval").body
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in schedules.__all__):
            return text
        values = [ast.literal_eval(each) for each in call.args]
        options = {each.arg: ast.literal_eval(each.value) for each in call.keywords if each.arg}
    except (SyntaxError, ValueError):
        return text
    return getattr(schedules, call.func.id)(*values, **options)
