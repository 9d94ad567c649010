"""Where inputs and targets are in a batch, or in each batch of a container (one a loader: ``CombinedLoader``)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, final

from torch import Tensor

from lightning_regkit._lightning._containers import Path, children, description, get
from lightning_regkit.errors import BatchLayoutError

__all__ = ["INPUT_KEYS", "TARGET_KEYS", "Keys", "Slot", "is_images"]

INPUT_KEYS = ("image", "images", "input", "inputs", "pixel_values", "x")
TARGET_KEYS = ("label", "labels", "target", "targets", "y")
IMAGE_NDIM = 3


def is_images(value: object) -> bool:
    """Tell whether ``value`` is a list of images (C, H, W), which may be of unequal size."""
    return (
        isinstance(value, list | tuple)
        and bool(value)
        and all(isinstance(item, Tensor) and item.ndim == IMAGE_NDIM for item in value)
    )


@final
@dataclass(frozen=True)
class Slot:
    """Paths of one pair of inputs and targets; ``targets`` is None where only inputs are wanted."""

    inputs: Path
    targets: Path | None


@final
@dataclass(frozen=True)
class Keys:
    """What a callback looks for in a batch.

    Args:
        owner: The callback's name, for messages.
        inputs_key: Name, position or dotted path of the inputs; None finds them by the usual names.
        targets_key: The same for the targets.
        needs_targets: False for a callback that uses only inputs.
        may_be_list: Whether inputs may also be a list of images of unequal size.
        remedy: How the user passes a key to the owner; ``{}`` stands for its name.
    """

    owner: str
    inputs_key: str | int | None = None
    targets_key: str | int | None = None
    needs_targets: bool = True
    may_be_list: bool = False
    remedy: str = "{}="

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
            if not self._is_leaf(leaf := get(batch, path)):
                raise self._refusal(f"hold a tensor at {_dotted(path)}", type(leaf).__name__)
        return tuple(slots)

    def _search(self, batch: Any, prefix: Path) -> Iterator[Slot]:
        entries = children(batch)
        inputs = _candidates(entries, INPUT_KEYS, self.inputs_key)
        targets = _candidates(entries, TARGET_KEYS, self.targets_key) if self.needs_targets else []
        if not (inputs or targets) and self._is_positional(batch):
            inputs, targets = list(entries)[:1], list(entries)[1:2] if self.needs_targets else []
        if isinstance(batch, Tensor) and not self.needs_targets:
            yield Slot(prefix, None)
        elif len(inputs) == 1 and len(targets) == self.needs_targets:
            yield Slot((*prefix, inputs[0]), (*prefix, targets[0]) if targets else None)
        elif entries and not (inputs or targets) and all(children(child) for child in entries.values()):
            for key, child in entries.items():
                yield from self._search(child, (*prefix, key))
        else:
            what = "inputs and targets" if self.needs_targets else "inputs"
            one = "one entry each for " if max(len(inputs), len(targets)) > 1 else ""
            raise self._refusal(f"hold {one}{what}", description(batch))

    def _is_leaf(self, value: object) -> bool:
        return isinstance(value, Tensor) or (self.may_be_list and is_images(value))

    def _is_positional(self, batch: Any) -> bool:
        """Tell whether entries count by position: inputs first, then targets, and nothing else."""
        least = 1 + self.needs_targets
        if not isinstance(batch, list | tuple) or not least <= len(batch) <= 2:  # noqa: PLR2004  # a pair
            return False
        return all(self._is_leaf(item) for item in batch[:least])

    def _path(self, batch: Any, key: str | int) -> Path:
        path: Path = ()
        for part in str(key).split("."):
            entries = children(get(batch, path))
            step = int(part) if part.isdigit() and part not in entries else part
            if step not in entries:
                raise self._refusal(f"hold an entry {key!r}", description(get(batch, path)))
            path = (*path, step)
        return path

    def _refusal(self, condition: str, found: str) -> BatchLayoutError:
        names = ("inputs_key", "targets_key") if self.needs_targets else ("inputs_key",)
        remedy = " and ".join(map(self.remedy.format, names))
        return BatchLayoutError(f"{self.owner}: batch must {condition}, got {found}. Pass {remedy}.")


def _candidates(entries: Mapping[Any, Any], names: tuple[str, ...], key: str | int | None) -> list[Any]:
    return [entry for entry in entries if (entry in names if key is None else entry == key)]


def _dotted(path: Path) -> str:
    return repr(".".join(map(str, path)))
