"""Examples on pages that only a training run could execute: do the names and arguments they use still exist?"""

import ast
import inspect
import re
from collections.abc import Iterator
from operator import attrgetter

import lightning_regkit

NAME = re.compile(r"rk(\.[a-z_]+)(\.\w+)?")


def python_blocks(page: str) -> list[str]:
    """The Python examples of a Markdown page."""
    return re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def stale_names(source: str) -> list[str]:
    """What an example asks of ``rk`` that the package does not have: names, and keywords of calls."""
    return [stale for node in ast.walk(ast.parse(source)) for stale in _stale(node)]


def _stale(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Attribute() if NAME.fullmatch(name := ast.unparse(node)) and not _exists(name):
            yield name
        case ast.Call(func=function) if NAME.fullmatch(name := ast.unparse(function)) and _exists(name):
            yield from (f"{name}({word.arg}=)" for word in node.keywords if not _accepts(name, word.arg))


def _exists(name: str) -> bool:
    try:
        _resolve(name)
    except AttributeError:
        return False
    return True


def _resolve(name: str) -> object:
    return attrgetter(name.removeprefix("rk."))(lightning_regkit)


def _accepts(name: str, keyword: str | None) -> bool:
    called = _resolve(name)
    assert callable(called)
    parameters = inspect.signature(called).parameters
    return keyword is None or keyword in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())
