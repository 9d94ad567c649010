"""The residual branches of the ResNets of torchvision and timm."""

from typing import Final

from torch import nn

from lightning_regkit._checks import message

__all__ = ["residual_branches"]

#: By name, so that neither library is loaded for it.
BLOCKS: Final = frozenset(
    (library, name)
    for library in ("torchvision.models.resnet", "timm.models.resnet")
    for name in ("BasicBlock", "Bottleneck")
)
#: The layers a branch may end with, the last one first.
LAST: Final = ("se", "bn3", "bn2")


def residual_branches(module: nn.Module, *, owner: str = "regularizers.residual_branches") -> dict[str, nn.Module]:
    """Find the last layer of the residual branch of every ResNet block of torchvision and timm: what the sum adds.

    Args:
        module: The root.
        owner: Public name of what the user called.

    Returns:
        Layers by dotted name, from the input to the output: ``se`` of a block that has one, else ``bn3``, else ``bn2``.

    Raises:
        ValueError: There is no such block, or a block has a dropped path of its own.

    Example:
        >>> from torchvision.models.resnet import BasicBlock
        >>> list(residual_branches(nn.Sequential(BasicBlock(4, 4), BasicBlock(4, 4))))
        ['0.bn2', '1.bn2']
    """
    blocks = {name: block for name, block in module.named_modules() if _is_block(block)}
    if not blocks:
        condition = "hold residual blocks of torchvision or timm where `where` is None"
        remedy = 'Name the last layer of your residual branches, such as where="*.bn2".'
        raise ValueError(message(owner, "the module", condition, type(module).__name__, remedy))
    parts = {name: dict(block.named_children()) for name, block in blocks.items()}
    dropped = [name for name, own in parts.items() if "drop_path" in own]
    if dropped:
        remedy = "Create the network with drop_path_rate=0."
        raise ValueError(message(owner, "blocks", "have no drop_path of their own", dropped[0], remedy))
    ends = {name: next(last for last in LAST if last in own) for name, own in parts.items()}
    return {f"{name}.{last}".lstrip("."): parts[name][last] for name, last in ends.items()}


def _is_block(module: nn.Module) -> bool:
    return any((base.__module__, base.__name__) in BLOCKS for base in type(module).__mro__)
