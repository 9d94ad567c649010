"""Options of the parameter groups, as the code gave them, and writing scaled ones."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias, final

from torch import Tensor
from torch.optim import Optimizer

from lightning_regkit._checks import message

__all__ = ["GroupOption", "OptionName"]

OptionName: TypeAlias = Literal["lr", "momentum", "weight_decay"]


@final
class GroupOption:
    """One option of every parameter group: what the code asked for, read before a checkpoint overwrites it.

    Args:
        owner: The callback that drives it.
        name: ``"lr"``, ``"momentum"`` (the first beta where groups have ``betas``) or ``"weight_decay"``.
        optimizers: The optimizers of the run, in Lightning's order.

    Raises:
        ValueError: An optimizer has no such option, or it is 0 in all its groups.
    """

    def __init__(self, owner: str, name: OptionName, optimizers: Sequence[Optimizer]) -> None:
        self._owner = owner
        self._name = name
        self._optimizers = optimizers
        self.base: list[list[float]] = [[_base(group, name) for group in o.param_groups] for o in optimizers]
        self._last: list[list[float | None]] = [[] for _ in optimizers]
        for optimizer, base in zip(optimizers, self.base, strict=True):
            if name != "lr" and not any(base):
                condition, remedy = "drive optimizers that have one above 0", f"Remove {name}=, or set it there."
                raise ValueError(message(owner, name, condition, type(optimizer).__name__, remedy))

    def restore(self, saved: Sequence[Sequence[float]]) -> None:
        """Take from ``base`` of an earlier run those of the groups that it added while it ran."""
        for optimizer, base, earlier in zip(self._optimizers, self.base, saved, strict=False):
            base.extend(earlier[len(base) : len(optimizer.param_groups)])

    def has_new_groups(self, index: int) -> bool:
        """Tell whether optimizer ``index`` got a group since the last write."""
        return len(self._optimizers[index].param_groups) > len(self._last[index])

    def write(self, index: int, factor: float, scale: float = 1.0) -> None:
        """Set the option of every group of optimizer ``index`` to its base value times ``factor`` times ``scale``.

        A group added since (fine-tuning unfreezes layers this way) has the value it came with as its base.

        Raises:
            RuntimeError: Something else has written since.
        """
        groups, base, last = self._optimizers[index].param_groups, self.base[index], self._last[index]
        base.extend(_base(group, self._name) for group in groups[len(base) :])
        last.extend(None for _ in groups[len(last) :])
        for position, group in enumerate(groups):
            # What is held in a tensor is not looked at: that would wait for the device.
            found = _read(group, self._name)
            if last[position] is not None and not isinstance(found, Tensor) and found != last[position]:
                wrote = f"got {found!r} where it wrote {last[position]!r}. Remove what else sets it."
                raise RuntimeError(f"{self._owner}: {self._name} of group {position} must be left to it, {wrote}")
            last[position] = value = base[position] * factor * scale
            _write(group, self._name, found, value)


def _read(group: Mapping[str, Any], name: OptionName) -> Any:
    if name == "momentum" and "betas" in group:
        return group["betas"][0]
    return group.get(name, 0.0)


def _base(group: Mapping[str, Any], name: OptionName) -> float:
    # A torch scheduler that was taken out may have lowered the rate (LinearLR does when it is made) and left this.
    return float(group["initial_lr"] if name == "lr" and "initial_lr" in group else _read(group, name))


def _write(group: dict[str, Any], name: OptionName, found: object, value: float) -> None:
    if isinstance(found, Tensor):  # captured or compiled optimizers hold it in a tensor of their graph
        found.fill_(value)
    elif name == "momentum" and "betas" in group:
        group["betas"] = (value, *group["betas"][1:])
    else:
        group[name] = value
