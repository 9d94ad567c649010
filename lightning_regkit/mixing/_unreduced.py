"""Mixed losses before their reduction."""

from collections.abc import Callable, Iterable
from typing import Any, Final, final

from torch import Tensor
from typing_extensions import override

from lightning_regkit._checks import message

__all__ = ["UnreducedLosses"]

# fmt: off
BENDING: Final = frozenset({
    "__pow__", "__rpow__", "exp", "exp2", "expm1", "float_power", "log", "log1p", "pow", "sigmoid", "softmax", "sqrt",
    "square", "tanh",
})
SCALING: Final = frozenset({
    "__mul__", "__rmul__", "__rtruediv__", "__truediv__", "div", "divide", "mul", "multiply", "true_divide",
})
STRAIGHT: Final = SCALING | {
    "__add__", "__getitem__", "__neg__", "__radd__", "__rsub__", "__sub__", "add", "clone", "contiguous", "detach",
    "double", "flatten", "float", "half", "neg", "negative", "reshape", "squeeze", "sub", "subtract", "to", "unsqueeze",
    "view",
}
# fmt: on


@final
class UnreducedLosses(Tensor):
    """Losses of the single examples or elements of a mixed batch, which may be scaled, chosen from and added up.

    A function of the mixture of two losses is not the mixture of its values: a focal loss made of an unreduced mixed
    cross-entropy is the focal loss of no label. So powers, exponentials and the like, and products with what gets a
    gradient too, are refused. Reductions give plain tensors.

    Raises:
        ValueError: When used: by a function that is not linear in the losses.

    Example:
        >>> import torch
        >>> losses = torch.tensor([1.0, 3.0]).as_subclass(UnreducedLosses)
        >>> (2 * losses[1:]).mean()
        tensor(6.)
    """

    @classmethod
    @override
    def __torch_function__(
        cls,
        func: Callable[..., object],
        types: Iterable[type],
        args: tuple[object, ...] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        name = func.__name__
        if name in BENDING or (name in SCALING and sum(map(_gets_gradient, args)) > 1):
            condition = "be used as they are, scaled by constants or added up"
            remedy = "Wrap the function that computes the whole loss: focal = mixing.register_loss(focal)."
            raise ValueError(message("MixedTarget", "unreduced losses", condition, name, remedy))
        result: Any = super().__torch_function__(func, tuple(types), args, kwargs or {})  # type: ignore[no-untyped-call]
        if isinstance(result, cls) and name not in STRAIGHT:
            return result.as_subclass(Tensor)
        return result


def _gets_gradient(value: object) -> bool:
    return isinstance(value, UnreducedLosses) or (isinstance(value, Tensor) and value.requires_grad)
