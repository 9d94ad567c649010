"""What a docstring must hold, each rule a function from an exported object to the list of what is missing."""

import inspect
import re
from collections.abc import Callable

Exported = Callable[..., object]


def gaps(value: Exported) -> list[str]:
    """What the docstring of a function or class lacks: arguments, what it returns, an example."""
    doc = inspect.cleandoc(value.__doc__ or "")
    if not doc:
        return ["docstring"]
    if isinstance(value, type) and issubclass(value, Exception):
        return []
    missing = [name for name in _parameters(value) if not _names(doc, name)]
    if (
        not isinstance(value, type)
        and inspect.signature(value).return_annotation is not None
        and not _section(doc, "Returns")
    ):
        missing.append("Returns")
    if ">>>" not in _section(doc, "Example"):
        missing.append("Example")
    return missing


def silent_members(cls: type) -> list[str]:
    """Public methods and properties of ``cls`` itself that say nothing and override nothing."""
    return [
        name
        for name, member in vars(cls).items()
        if not name.startswith("_")
        and (function := _function(member)) is not None
        and not (function.__doc__ or getattr(function, "__override__", False))
    ]


def _function(member: object) -> object | None:
    if isinstance(member, property):
        return member.fget
    if isinstance(member, staticmethod | classmethod):
        return member.__func__
    return member if inspect.isfunction(member) else None


def _parameters(value: Exported) -> list[str]:
    signature = inspect.signature(vars(value).get("__new__", value))
    return [name for name in signature.parameters if name not in {"self", "cls"}]


def _names(doc: str, parameter: str) -> bool:
    section = _section(doc, "Args") + _section(doc, "Attributes")
    return re.search(rf"^ +\*{{0,2}}{parameter}:", section, re.MULTILINE) is not None


def _section(doc: str, title: str) -> str:
    found = re.search(rf"^{title}:\n((?:(?: +.*)?\n?)*)", doc, re.MULTILINE)
    return found.group(1) if found else ""
