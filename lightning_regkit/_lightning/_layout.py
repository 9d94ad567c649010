"""Where inputs and targets are in a batch, and how to put others in their place.

A batch is a list, tuple, NamedTuple, dataclass or mapping, or a container of such batches (one a loader, as
``CombinedLoader`` yields them). Nothing is modified: ``put`` copies the containers on the way down.
"""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, final

from torch import Tensor

from lightning_regkit.errors import BatchLayoutError

__all__ = ["INPUT_KEYS", "TARGET_KEYS", "Keys", "Path", "Slot", "get", "put"]

INPUT_KEYS = ("image", "images", "input", "inputs", "pixel_values", "x")
TARGET_KEYS = ("label", "labels", "target", "targets", "y")

Path = tuple[str | int, ...]


@final
@dataclass(frozen=True)
class Slot:
    """Paths of one pair of inputs and targets; ``targets`` is None where only inputs are wanted."""

    inputs: Path
    targets: Path | None


def get(batch: Any, path: Path) -> Any:
    """Return what lies at ``path``."""
    for key in path:
        batch = _children(batch)[key]
    return batch


def put(batch: Any, path: Path, value: Any) -> Any:
    """Return a copy of ``batch`` with ``value`` at ``path``; containers keep their types, other entries are shared."""
    if not path:
        return value
    key, value = path[0], put(_children(batch)[path[0]], path[1:], value)
    if isinstance(batch, tuple):
        items = [value if key == name else child for name, child in _children(batch).items()]
        return type(batch)(*items) if _is_named(batch) else type(batch)(items)
    twin = copy.copy(batch)
    if isinstance(batch, list | Mapping):
        twin[key] = value
    else:
        object.__setattr__(twin, str(key), value)  # a frozen dataclass refuses setattr
    return twin


@final
@dataclass(frozen=True)
class Keys:
    """What a callback looks for in a batch.

    Args:
        owner: The callback's name, for messages.
        inputs_key: Name, position or dotted path of the inputs; None finds them by the usual names.
        targets_key: The same for the targets.
        needs_targets: False for a callback that uses only inputs.
    """

    owner: str
    inputs_key: str | int | None = None
    targets_key: str | int | None = None
    needs_targets: bool = True

    def find(self, batch: Any) -> tuple[Slot, ...]:
        """Find every pair of inputs and targets.

        Args:
            batch: What ``training_step`` would receive.

        Returns:
            One slot, or one for each loader of a combined batch.

        Raises:
            BatchLayoutError: Nothing, more than one candidate, or no tensor was found; lists what was.
        """
        if self.inputs_key is not None and (self.targets_key is not None or not self.needs_targets):
            targets = self._path(batch, self.targets_key) if self.targets_key is not None else None
            slots = [Slot(self._path(batch, self.inputs_key), targets)]
        else:
            slots = list(self._search(batch, ()))
        for path in (path for slot in slots for path in (slot.inputs, slot.targets) if path is not None):
            if not isinstance(leaf := get(batch, path), Tensor):
                raise self._refusal(f"hold a tensor at {_dotted(path)}", type(leaf).__name__)
        return tuple(slots)

    def _search(self, batch: Any, prefix: Path) -> Iterator[Slot]:
        children = _children(batch)
        inputs = _candidates(children, INPUT_KEYS, self.inputs_key)
        targets = _candidates(children, TARGET_KEYS, self.targets_key) if self.needs_targets else []
        if not (inputs or targets) and _is_positional(batch, needs_targets=self.needs_targets):
            inputs, targets = list(children)[:1], list(children)[1:2] if self.needs_targets else []
        if isinstance(batch, Tensor) and not self.needs_targets:
            yield Slot(prefix, None)
        elif len(inputs) == 1 and len(targets) == self.needs_targets:
            yield Slot((*prefix, inputs[0]), (*prefix, targets[0]) if targets else None)
        elif children and not (inputs or targets) and all(_children(child) for child in children.values()):
            for key, child in children.items():
                yield from self._search(child, (*prefix, key))
        else:
            what = "inputs and targets" if self.needs_targets else "inputs"
            one = "one entry each for " if max(len(inputs), len(targets)) > 1 else ""
            raise self._refusal(f"hold {one}{what}", _description(batch))

    def _path(self, batch: Any, key: str | int) -> Path:
        path: Path = ()
        for part in str(key).split("."):
            children = _children(get(batch, path))
            step = int(part) if part.isdigit() and part not in children else part
            if step not in children:
                raise self._refusal(f"hold an entry {key!r}", _description(get(batch, path)))
            path = (*path, step)
        return path

    def _refusal(self, condition: str, found: str) -> BatchLayoutError:
        remedy = "inputs_key= and targets_key=" if self.needs_targets else "inputs_key="
        return BatchLayoutError(f"{self.owner}: batch must {condition}, got {found}. Pass {remedy}.")


def _children(batch: Any) -> Mapping[Any, Any]:
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
    return "_fields" in vars(type(batch))


def _is_positional(batch: Any, *, needs_targets: bool) -> bool:
    """Tell whether entries count by position: inputs first, then targets, and nothing else."""
    if not isinstance(batch, list | tuple) or not 1 + needs_targets <= len(batch) <= 2:  # noqa: PLR2004  # a pair
        return False
    return all(isinstance(item, Tensor) for item in batch[: 1 + needs_targets])


def _candidates(children: Mapping[Any, Any], names: tuple[str, ...], key: str | int | None) -> list[Any]:
    return [child for child in children if (child in names if key is None else child == key)]


def _description(batch: Any) -> str:
    children = _children(batch)
    if isinstance(batch, list | tuple) and not _is_named(tuple(batch) if isinstance(batch, list) else batch):
        return f"{type(batch).__name__} of {[type(child).__name__ for child in children.values()]}"
    return f"{type(batch).__name__} with keys {list(children)}" if children else type(batch).__name__


def _dotted(path: Path) -> str:
    return repr(".".join(map(str, path)))
