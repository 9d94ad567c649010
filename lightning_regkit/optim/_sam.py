"""Sharpness-aware minimization around any optimizer of the registry."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias, final

import torch
from torch import Tensor
from torch.optim import Optimizer
from typing_extensions import override

from lightning_regkit._checks import message, non_negative_float
from lightning_regkit.optim._ascent import ascent

__all__ = ["SAM", "stepping"]

_OWNER: Final = "SAM"
Params: TypeAlias = Iterable[Tensor] | Iterable[dict[str, Any]]
Base: TypeAlias = str | Mapping[str, Any]


@final
class SAM(Optimizer):
    """A step of another optimizer, with the gradient taken where the loss near the weights is (nearly) highest.

    e = rho g(w) / ||g(w)||, then the base optimizer steps from w with g(w + e). A step calls its closure at w and at
    w + e. Rates, weight decay and state are the base's, in groups that both share, and so is the checkpoint.

    Args:
        params: Parameters, or parameter groups.
        lr: Learning rate of the base, > 0.
        weight_decay: Weight decay of the base, >= 0; it is no part of g in e.
        base: Base in the registry that needs no closure: its name, or a mapping of ``name`` and options for ``create``.
        rho: Radius, >= 0; 0 is the base itself at twice the price.

    Raises:
        TypeError: An argument is of the wrong kind, or an option is not one of the base's.
        ValueError: A number is out of range, or the base is unknown, needs a closure or maximizes.

    Example:
        >>> import torch
        >>> import lightning_regkit as rk
        >>> net = torch.nn.Linear(2, 1)
        >>> optimizer = rk.optim.create(net, "sam", base={"name": "adamw", "betas": (0.9, 0.95)}, lr=1e-3)
        >>> def closure():
        ...     optimizer.zero_grad()
        ...     loss = net(torch.ones(3, 2)).square().mean()
        ...     loss.backward()
        ...     return loss
        >>> loss = optimizer.step(closure)
        >>> type(optimizer.base).__name__, optimizer.rho
        ('AdamW', 0.05)

    Reference:
        Foret et al. 2021, arXiv 2010.01412, equations 2 and 3 and algorithm 1.

    Differs from the paper: g in e is the mean over all devices, not each device's own (section 4.1, m-sharpness).
    """

    def __init__(
        self, params: Params, lr: float, weight_decay: float = 0.0, base: Base = "momentum", rho: float = 0.05
    ) -> None:
        self.rho, self._closure = non_negative_float(_OWNER, "rho", rho), {"is_cleared": False}
        self.base = _created(params, lr, weight_decay, base)
        super().__init__(self.base.param_groups, self.base.defaults)
        self._share()

    @override
    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float:  # type: ignore[override]  # as in torch's LBFGS
        """Evaluate twice, step once; return the loss at w. The closure calls ``zero_grad``, then ``backward``.

        Raises:
            TypeError: There is no closure: a gradient scaler calls ``step`` without one.
            RuntimeError: The closure does not call ``zero_grad``, as under accumulation. The weights are as they were.
        """
        if closure is None:
            remedy = "A gradient scaler leaves none: choose 32-true or bf16-mixed precision."
            raise TypeError(message(_OWNER, "closure", "be given to step", None, remedy))
        loss = self._evaluate(closure)
        params = [p for group in self.param_groups for p in group["params"] if p.grad is not None]
        before = [parameter.clone() for parameter in params]
        try:
            for parameter, move in zip(params, ascent([p.grad for p in params], self.rho), strict=True):
                parameter.add_(move)
            self._evaluate(closure)
        finally:  # an interrupted step must leave no raised weights in a checkpoint
            for parameter, value in zip(params, before, strict=True):
                parameter.copy_(value)
        self.base.step()
        return loss

    @override
    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear the gradients; the closure calls it before ``backward``."""
        self._closure["is_cleared"] = True
        super().zero_grad(set_to_none)

    @override
    def state_dict(self) -> dict[str, Any]:
        return self.base.state_dict()

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load that of this or of the base alone, which are alike; ``rho`` stays as in the code."""
        self.base.load_state_dict(state_dict)
        self._share()

    @override
    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "base": self.base, "rho": self.rho, "_closure": self._closure}

    def _share(self) -> None:
        # In place: in manual optimization ``self`` is Lightning's wrapper, what is set on it does not arrive here.
        self.param_groups[:], state = self.base.param_groups, dict(self.base.state)
        self.state.clear()
        self.state.update(state)
        self.base.param_groups, self.base.state = self.param_groups, self.state

    def _evaluate(self, closure: Callable[[], float]) -> float:
        self._closure["is_cleared"] = False
        with torch.enable_grad():
            loss = closure()
        if not self._closure["is_cleared"]:
            raise RuntimeError(
                "SAM: closure must call zero_grad of the optimizer before backward, got one that did not, as with "
                "accumulate_grad_batches > 1, where only the last batch could be evaluated again. Enlarge the batch."
            )
        return loss


def stepping(optimizer: Optimizer) -> Optimizer:
    """Return the optimizer that moves the weights: the base of ``SAM``, else ``optimizer`` itself."""
    return optimizer.base if isinstance(optimizer, SAM) else optimizer


def _created(params: Params, lr: float, weight_decay: float, base: Base) -> Optimizer:
    # The registry holds this class, so it can be imported only once it is complete.
    from lightning_regkit.optim._create import create  # noqa: PLC0415
    from lightning_regkit.optim._registry import find  # noqa: PLC0415

    options = {"name": base} if isinstance(base, str) else dict(base)
    if (name := options.pop("name", None)) is None:
        raise ValueError(message(_OWNER, "base", "hold a name", base))
    if find(_OWNER, name).needs_closure:
        raise ValueError(message(_OWNER, "base", "be an optimizer that needs no closure", name))
    made = create(params, name, lr=lr, weight_decay=weight_decay, **options)
    if any(maximize := [group.get("maximize", False) for group in made.param_groups]):
        raise ValueError(message(_OWNER, "maximize of the base", "be False", maximize, "Return the negative loss."))
    return made
