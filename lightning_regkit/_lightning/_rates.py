"""Options of the parameter groups, as the code gave them, and writing scaled ones."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, TypeAlias, final

from torch import Tensor
from torch.optim import Optimizer

from lightning_regkit._checks import message

__all__ = ["GroupOption", "OptionName", "group_options"]

OptionName: TypeAlias = Literal["lr", "momentum", "weight_decay"]


@final
class GroupOption:
    """One option of every parameter group: what the code asked for, read before a checkpoint overwrites it.

    Args:
        owner: The callback that drives it.
        name: ``"lr"``, ``"momentum"`` (the first beta where groups have ``betas``) or ``"weight_decay"``.
        optimizers: The optimizers of the run, in Lightning's order.
        driven: Which of them, by index; None for all.

    Raises:
        ValueError: A driven optimizer has no such option, it is 0 in all its groups, or it is a rate that is None.
    """

    def __init__(
        self, owner: str, name: OptionName, optimizers: Sequence[Optimizer], driven: Collection[int] | None = None
    ) -> None:
        self._owner = owner
        self._name = name
        self._optimizers = optimizers
        self.base: list[list[float]] = [[self._base(group) for group in o.param_groups] for o in optimizers]
        self._last: list[list[float | None]] = [[] for _ in optimizers]
        for index in range(len(optimizers)) if driven is None else driven:
            if name != "lr" and not any(self.base[index]):
                condition, remedy = "drive optimizers that have one above 0", f"Remove {name}=, or set it there."
                raise ValueError(message(owner, name, condition, type(optimizers[index]).__name__, remedy))

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
        if len(groups) > len(last):
            base.extend(self._base(group) for group in groups[len(base) :])
            last.extend(None for _ in groups[len(last) :])
        name = self._name
        for position, group in enumerate(groups):
            is_beta = name == "momentum" and "betas" in group
            found = group["betas"][0] if is_beta else group.get(name)
            value = base[position] * factor * scale
            if isinstance(found, Tensor):  # captured or compiled optimizers hold it in a tensor of their graph
                found.fill_(value)
                continue  # what it held is not looked at: that would wait for the device
            if found != last[position] and last[position] is not None:
                self._refuse_other(position, found, last[position])
            last[position] = value
            group["betas" if is_beta else name] = (value, *group["betas"][1:]) if is_beta else value

    def _refuse_other(self, position: int, found: object, wrote: object) -> None:
        got = f"got {found!r} where it wrote {wrote!r}. Remove what else sets it."
        raise RuntimeError(f"{self._owner}: {self._name} of group {position} must be left to it, {got}")

    def _base(self, group: Mapping[str, Any]) -> float:
        if self._name == "momentum" and "betas" in group:
            return float(group["betas"][0])
        # A torch scheduler that was taken out may have lowered the rate (LinearLR does when it is made) and left this.
        key = "initial_lr" if self._name == "lr" and "initial_lr" in group else self._name
        if (value := group.get(key, 0.0)) is None:  # timm's Adafactor then sets the rate by itself
            remedy = "Give the optimizer a rate, or remove what drives it."
            raise ValueError(message(self._owner, self._name, "be a number in every group", None, remedy))
        return float(value)


def group_options(
    owner: str, rows: Sequence[Collection[OptionName]], optimizers: Sequence[Optimizer]
) -> dict[OptionName, GroupOption]:
    """Make one ``GroupOption`` for each option that is driven in any of the optimizers.

    Args:
        owner: The callback that drives them.
        rows: The names of what is driven in each optimizer.
        optimizers: The optimizers of the run, in Lightning's order.

    Raises:
        ValueError: As ``GroupOption`` does.
    """
    names = dict.fromkeys(name for row in rows for name in row)
    driven = {name: [index for index, row in enumerate(rows) if name in row] for name in names}
    return {name: GroupOption(owner, name, optimizers, at) for name, at in driven.items()}
