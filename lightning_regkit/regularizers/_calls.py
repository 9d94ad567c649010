"""Which layers are called."""

import sys
from collections.abc import Mapping
from typing import Any, final

from torch import nn

__all__ = ["Calls"]


@final
class Calls:
    """Watches whether layers are called, and in which mode, by hooks on them until it ends.

    In a compiled network no hook is sure to be called, and each costs a compilation: nothing is watched there.

    Args:
        module: The root.
        layers: Some of its layers, by name.

    Example:
        >>> net = nn.Sequential(nn.Linear(2, 2))
        >>> calls = Calls(net, {"0": net[0]})
        >>> calls.end()  # nothing called yet
        (['0'], [])
    """

    def __init__(self, module: nn.Module, layers: Mapping[str, nn.Module]) -> None:
        is_compiled = any(_is_compiled(part) for part in module.modules())
        watched = {} if is_compiled else dict(layers)
        self._hooks = {name: _Noticed(layer) for name, layer in watched.items()}
        self._handles = [layer.register_forward_pre_hook(self._hooks[name]) for name, layer in watched.items()]

    def end(self) -> "tuple[list[str], list[str]]":
        """Take the hooks off, and list the layers never called, and those called in evaluation mode only.

        Returns:
            Their names, as far as they are known.
        """
        while self._handles:
            self._handles.pop().remove()
        seen = {} if _has_compiled() else {name: hook.modes for name, hook in self._hooks.items()}
        return [name for name in seen if not seen[name]], [name for name in seen if seen[name] == {False}]


class _Noticed:
    """A hook that knows its layer by its number: a twin that shares the hooks is another one, and so is a copy."""

    def __init__(self, layer: nn.Module) -> None:
        self._layer = id(layer)
        self.modes: set[bool] = set()

    def __call__(self, layer: nn.Module, _inputs: Any) -> None:  # noqa: ANN401  # what the layer takes
        if id(layer) == self._layer:
            self.modes.add(layer.training)


def _is_compiled(module: nn.Module) -> bool:
    # The class is named, for torch loads its compiler when it is imported. The last is Lightning's, of a whole module.
    entries = (vars(module).get(name) for name in ("_compiled_call_impl", "_compiler_ctx"))
    return type(module).__name__ == "OptimizedModule" or any(entry is not None for entry in entries)


def _has_compiled() -> bool:
    """Tell whether torch has compiled anything in this process, such as a function that calls layers."""
    compiler = sys.modules.get("torch._dynamo.utils")
    return compiler is not None and bool(compiler.counters["frames"])
