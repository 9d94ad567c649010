"""Whether an optimizer can take these parameter groups."""

from typing import Any, Final

from torch import Tensor, nn

from lightning_regkit._checks import message
from lightning_regkit.optim._entry import OptimizerEntry

__all__ = ["refuse_unsuited"]

_SHOWN: Final = 3


def refuse_unsuited(owner: str, entry: OptimizerEntry, module: object, groups: list[dict[str, Any]]) -> None:
    """Refuse, in the words of ``owner``, groups that the class would refuse later or silently get wrong.

    Args:
        owner: Public name of what the user called.
        entry: The optimizer.
        module: What the groups were made of; names the parameters if it is a module.
        groups: Parameter groups with lists of parameters.

    Raises:
        ValueError: Weight decay where there is none, groups where one is taken, or a wrong number of dimensions.
    """
    decays = [group["weight_decay"] for group in groups if group.get("weight_decay", 0.0) > 0]
    if entry.weight_decay is None and decays:
        raise ValueError(message(owner, "weight_decay", f"be 0 for {entry.name}, which has none", decays[0]))
    if len(groups) > 1 and not entry.has_groups:
        remedy = "Pass the module, or its parameters()."
        raise ValueError(message(owner, "module", f"be one parameter group for {entry.name}", len(groups), remedy))
    if entry.ndim is not None:
        _refuse_other_dimensions(owner, entry, module, groups)


def _refuse_other_dimensions(owner: str, entry: OptimizerEntry, module: object, groups: list[dict[str, Any]]) -> None:
    names = {id(p): name for name, p in module.named_parameters()} if isinstance(module, nn.Module) else {}
    params: list[Tensor] = [parameter for group in groups for parameter in group["params"]]
    others = [names.get(id(p), f"shape {tuple(p.shape)}") for p in params if p.ndim != entry.ndim]
    if others:
        shown = others[:_SHOWN] + ([f"{len(others) - _SHOWN} more"] if len(others) > _SHOWN else [])
        remedy = "Give the others to a second optimizer (manual optimization), or use a hybrid such as timm/muon."
        raise ValueError(
            message(owner, "module", f"hold {entry.ndim}-D parameters only for {entry.name}", shown, remedy)
        )
