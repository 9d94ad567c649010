"""The weights of a module, and running it with others in their place.

The tensor inside a parameter is exchanged, not the parameter: optimizers, tied names and compiled graphs keep the
object they know, and the exchange copies nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, final

import torch
from torch import Tensor, nn

from lightning_regkit._checks import message
from lightning_regkit._lightning._calls import Images

__all__ = ["WeightExchange", "Weights", "weights_of"]

#: By name.
Weights = Mapping[str, Tensor]

#: Share of the free memory of a device that members may take.
SHARE: Final = 0.5
COMPILED: Final = "_orig_mod."


def weights_of(module: nn.Module) -> dict[str, Tensor]:
    """Return the parameters and persistent buffers of a module, tied ones once, under the names of the eager module.

    Args:
        module: Any module, compiled or not.

    Returns:
        The tensors themselves, no copies.

    Example:
        >>> layer = nn.Linear(2, 1)
        >>> list(weights_of(layer)), weights_of(layer)["bias"] is layer.bias
        (['weight', 'bias'], True)
    """
    return {names[0]: weight for names, weight in _slots(module)}


@final
class WeightExchange:
    """Runs a module with the weights of each of several members, its own being back in between.

    Members are kept where the module is if they fit into half of the free memory there, else in pinned host memory,
    from where each is copied for every batch.

    Args:
        owner: The callback's name, for messages.
        module: As it will be evaluated: on its device and in its precision, which the members are brought to.
        members: A name of each, and what reads its weights; read one after the other.
        placement: ``"auto"``, ``"device"`` or ``"host"``.

    Raises:
        ValueError: Weights are not those of this module.
    """

    def __init__(
        self, owner: str, module: nn.Module, members: Sequence[tuple[str, Callable[[], Weights]]], placement: str
    ) -> None:
        slots = _slots(module)
        known = {_eager(name) for name in module.state_dict()}
        self._own = [weight for _, weight in slots]
        device = next((weight.device for weight in self._own), torch.device("cpu"))
        self._num_bytes = len(members) * sum(weight.nbytes for weight in self._own)
        self._is_on_device = placement == "device" or (placement == "auto" and _fits(self._num_bytes, device))
        self._place = f"on {device}" if self._is_on_device else "in host memory, copied for every batch"
        with torch.inference_mode(mode=False), torch.no_grad():
            self._members = [
                [self._placed(weight, like) for weight, like in zip(found, self._own, strict=True)]
                for found in (_matched(owner, name, read(), slots, known) for name, read in members)
            ]
            self._staging = [] if self._is_on_device else [torch.empty_like(weight) for weight in self._own]

    @property
    def where(self) -> str:
        """Say how much memory the members take, and where."""
        return f"{self._num_bytes / 1e6:.1f} MB {self._place}"

    def logits(self, predict: Callable[[Images], Tensor], inputs: Images) -> Tensor:
        """Predict once with each member, and leave the module with its own weights.

        Args:
            predict: Runs the module: inputs (B, ...) to logits (B, K).
            inputs: One batch.

        Returns:
            Logits of each member (M, B, K).
        """
        before = [weight.data for weight in self._own]
        try:
            return torch.stack([self._predicted(predict, inputs, member) for member in self._members])
        finally:
            self._put(before)

    def _predicted(self, predict: Callable[[Images], Tensor], inputs: Images, member: list[Tensor]) -> Tensor:
        for to, held in zip(self._staging, member, strict=False):  # nothing where members are in place
            to.copy_(held, non_blocking=True)
        self._put(self._staging or member)
        return predict(inputs)

    def _put(self, tensors: Sequence[Tensor]) -> None:
        for weight, tensor in zip(self._own, tensors, strict=True):
            weight.data = tensor
        torch.clear_autocast_cache()  # it knows a parameter by its object, and would go on with the last member's

    def _placed(self, weight: Tensor, like: Tensor) -> Tensor:
        if self._is_on_device:
            return torch.empty_like(like, requires_grad=False).copy_(weight)  # strides of ``like``: channels last
        held = torch.empty_like(like, device="cpu", pin_memory=like.is_cuda, requires_grad=False)
        return held.copy_(weight)


def _fits(num_bytes: int, device: torch.device) -> bool:
    if device.type != "cuda":
        return True
    return num_bytes <= SHARE * torch.cuda.mem_get_info(device)[0]


def _eager(name: str) -> str:
    return name.replace(COMPILED, "")


def _slots(module: nn.Module) -> list[tuple[list[str], Tensor]]:
    """List the tensors that make up a module, each with all its names."""
    own = {id(weight) for weight in (*module.parameters(), *module.buffers())}
    names: dict[int, tuple[list[str], Tensor]] = {}
    for name, value in module.state_dict(keep_vars=True).items():
        if id(value) in own:  # a metric's states are in there too
            names.setdefault(id(value), ([], value))[0].append(_eager(name))
    return list(names.values())


def _matched(
    owner: str, name: str, weights: Weights, slots: list[tuple[list[str], Tensor]], known: set[str]
) -> list[Tensor]:
    given = {_eager(key): weight for key, weight in weights.items()}
    missing = [names[0] for names, _ in slots if not any(alias in given for alias in names)]
    unknown = sorted(given.keys() - known)
    if missing or unknown:
        found = f"{name} without {missing[:3]}" if missing else f"{name} with {unknown[:3]} beside them"
        raise ValueError(message(owner, "members", "hold the weights of this module", found))
    found_all = [next(given[alias] for alias in names if alias in given) for names, _ in slots]
    for (names, weight), found_one in zip(slots, found_all, strict=True):
        if found_one.shape != weight.shape:
            shapes = f"{name} with {names[0]} of shape {tuple(found_one.shape)}"
            raise ValueError(message(owner, "members", f"hold {names[0]} of {tuple(weight.shape)}", shapes))
    return found_all
