"""After each step of an optimizer, exactly once.

torch wraps the ``step`` of every class of which its constructor sees an instance, and each wrapper calls the hooks of
the instance. A subclass whose ``step`` calls that of its parent so calls them twice as soon as somebody has made an
instance of the parent; a class that leaves the constructor out (timm's ``Lookahead``) calls none in its first step.
"""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from torch.optim import Optimizer

from lightning_regkit._lightning._override import Override

__all__ = ["after_each_step"]

#: Called with the optimizer, and the positional and keyword arguments of its step.
AfterStep: TypeAlias = Callable[[Optimizer, tuple[Any, ...], dict[str, Any]], None]


def after_each_step(optimizer: Optimizer, act: AfterStep) -> Callable[[], None]:
    """Have ``act`` called right after each step of an optimizer, whatever its class does with torch's hooks.

    Args:
        optimizer: Any; stays as it is where torch's hooks do, else gets a layer over its ``step``.
        act: What to call; a bound method, or a partial of one.

    Returns:
        What ends it; calling that twice is harmless.
    """
    if _calls_hooks_once(type(optimizer)):
        return optimizer.register_step_post_hook(act).remove
    layer = partial(_followed, act, optimizer)
    return partial(Override.push(optimizer, "step", layer).pop, layer)


def _calls_hooks_once(kind: type[Optimizer]) -> bool:
    steps = [vars(base)["step"] for base in kind.__mro__ if "step" in vars(base) and base is not Optimizer]
    is_alone = len({inspect.unwrap(step) for step in steps}) == 1
    return is_alone and "hooked" in vars(steps[0])  # torch's mark of its wrapper


def _followed(act: AfterStep, optimizer: Optimizer, inner: Callable[..., object], *args: Any, **kwargs: Any) -> object:
    result = inner(*args, **kwargs)
    act(optimizer, args, kwargs)
    return result
