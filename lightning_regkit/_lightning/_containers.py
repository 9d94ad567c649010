"""Batches as trees: read an entry at a path, and put another in its place.

A batch is a list, tuple, NamedTuple, dataclass or mapping. Nothing is modified: ``put`` copies on the way down.
"""

import copy
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

__all__ = ["Path", "children", "description", "get", "put"]

Path = tuple[str | int, ...]


def get(batch: Any, path: Path) -> Any:
    """Return what lies at ``path``."""
    for key in path:
        batch = children(batch)[key]
    return batch


def put(batch: Any, path: Path, value: Any) -> Any:
    """Return a copy of ``batch`` with ``value`` at ``path``; containers keep their types, other entries are shared."""
    if not path:
        return value
    key, value = path[0], put(children(batch)[path[0]], path[1:], value)
    if isinstance(batch, tuple):
        items = [value if key == name else child for name, child in children(batch).items()]
        return type(batch)(*items) if _is_named(batch) else type(batch)(items)
    twin = copy.copy(batch)
    if isinstance(batch, list | Mapping):
        twin[key] = value
    else:
        object.__setattr__(twin, str(key), value)  # a frozen dataclass refuses setattr
    return twin


def children(batch: Any) -> Mapping[Any, Any]:
    """Return the entries of a container by name or position; nothing for whatever is no container."""
    if isinstance(batch, Mapping):
        return batch
    if isinstance(batch, tuple) and _is_named(batch):
        return dict(zip(type(batch)._fields, batch, strict=True))  # type: ignore[attr-defined]  # a NamedTuple's
    if isinstance(batch, list | tuple):
        return dict(enumerate(batch))
    if is_dataclass(batch) and not isinstance(batch, type):
        return {field.name: vars(batch)[field.name] for field in fields(batch)}
    return {}


def _is_named(batch: tuple[Any, ...]) -> bool:
    return any("_fields" in vars(base) for base in type(batch).__mro__)


def description(batch: Any) -> str:
    """Say what a batch is, for a refusal: its type and its keys, or the types of its items."""
    entries, kind = children(batch), type(batch).__name__
    if isinstance(batch, list) or (isinstance(batch, tuple) and not _is_named(batch)):
        return f"{kind} of {[type(child).__name__ for child in batch]}"
    return f"{kind} with keys {list(entries)}" if entries else kind
