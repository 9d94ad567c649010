"""Settings of a run, from the YAML files that Lightning leaves beside its logs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any, final

from lightning_regkit._checks import message

__all__ = ["Difference", "differences", "flat", "read_yaml"]


@final
@dataclass(frozen=True)
class Difference:
    """A setting that is not the same everywhere.

    Args:
        key: Its dotted name.
        values: What each configuration has; None where it has none.

    Example:
        >>> Difference("optimizer.lr", ("0.1", None)).key
        'optimizer.lr'
    """

    key: str
    values: tuple[str | None, ...]


def differences(configs: Sequence[Mapping[str, str]]) -> tuple[Difference, ...]:
    """List the settings in which configurations differ, in the order in which they first occur.

    Args:
        configs: Settings by dotted name.

    Returns:
        One for each setting that has two values, or that one configuration has and another has not.

    Example:
        >>> differences([{"lr": "0.1", "epochs": "90"}, {"lr": "0.2", "epochs": "90"}])
        (Difference(key='lr', values=('0.1', '0.2')),)
    """
    keys = dict.fromkeys(chain.from_iterable(configs))
    rows = [Difference(key, tuple(config.get(key) for config in configs)) for key in keys]
    return tuple(row for row in rows if len(set(row.values)) > 1)


def flat(value: object, prefix: str = "") -> dict[str, str]:
    """Flatten nested settings to dotted names and texts.

    Args:
        value: Mappings, lists and scalars, nested at will.
        prefix: Dotted name of ``value`` itself.

    Returns:
        A text for every scalar, in order; ``{}`` and ``[]`` stand for what is empty.

    Example:
        >>> flat({"lr": 0.1, "callbacks": [{"alpha": 0.2}], "logger": None})
        {'lr': '0.1', 'callbacks.0.alpha': '0.2', 'logger': 'null'}
    """
    parts = list(_parts(value))
    if not parts:
        return {prefix: _text(value)} if prefix else {}
    rows: dict[str, str] = {}
    for key, part in parts:
        rows |= flat(part, f"{prefix}.{key}" if prefix else key)
    return rows


def read_yaml(path: Path) -> dict[str, str]:
    """Read settings without running anything: objects of Python, which Lightning may write, become texts.

    Args:
        path: A YAML file.

    Returns:
        Settings by dotted name.

    Raises:
        ImportError: PyYAML is not installed.
        ValueError: The file is no YAML.
    """
    try:
        yaml = import_module("yaml")
    except ModuleNotFoundError as error:
        text = "report: PyYAML must be installed to read settings. Run pip install pyyaml."
        raise ImportError(text) from error
    loader: Any = type("Loader", (yaml.SafeLoader,), {})
    loader.add_multi_constructor("", _as_text)
    try:
        return flat(yaml.load(path.read_text(encoding="utf-8", errors="replace"), Loader=loader))  # a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        first = str(error).partition("\n")[0]
        raise ValueError(message("report", f"file {str(path)!r}", "be YAML", first)) from error


def _parts(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        yield from ((str(key), part) for key, part in value.items())
    elif isinstance(value, list | tuple):
        yield from ((str(index), part) for index, part in enumerate(value))


def _text(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case _:
            return str(value)


def _as_text(loader: Any, suffix: str, node: Any) -> object:  # noqa: ANN401  # yaml ships no types
    """Keep what a tag of Python tags: the nested settings where there are any, else the tag and its text."""
    yaml = import_module("yaml")
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return " ".join([suffix.rpartition(":")[2], node.value]).strip()
