"""One surgery on one module: layers in, what they do there, and out again."""

from collections.abc import Mapping
from typing import Final, final

from torch import nn

from lightning_regkit._checks import message
from lightning_regkit.regularizers._calls import Calls
from lightning_regkit.regularizers._noise_layers import noise_layers
from lightning_regkit.regularizers._noise_rates import NoiseRates
from lightning_regkit.regularizers._replace_layers import replace_layers
from lightning_regkit.regularizers._replaced_lines import replaced_lines, shown_names, shown_rates

__all__ = ["Operation"]

MOVED: Final = (
    "Let nothing else replace them: instead of sync_batchnorm=True, give the Trainer "
    "nn.SyncBatchNorm.convert_sync_batchnorm(module)."
)
UNCALLED: Final = "Its forward must take them from the module's attributes, as in self.bn2(x)."


@final
class Operation:
    """Layers that are in a module until it is undone.

    Args:
        module: The root.
        layers: The new layers, by the names of those they replace.
        owner: Public name of what the user called.

    Raises:
        TypeError: A new layer is no module.
        ValueError: Names of weights, or parameters, would change.

    Example:
        >>> net = nn.Sequential(nn.ReLU())
        >>> operation = Operation(net, {"0": nn.Dropout(0.1)}, owner="Surgery")
        >>> operation.lines
        ['1 ReLU replaced by Dropout: 0, rate 0.1']
        >>> operation.undo()
    """

    def __init__(self, module: nn.Module, layers: Mapping[str, nn.Module], *, owner: str) -> None:
        self._owner = owner
        self._replacement = replace_layers(module, layers, owner=owner)
        self.rates = NoiseRates(self._new_noise(), owner=owner)
        self._calls: Calls | None = None

    @property
    def lines(self) -> list[str]:
        """What was done: a line for each kind, the last with the rates."""
        *lines, last = replaced_lines(self._replacement)
        return [*lines, last + shown_rates(self.rates.base)]

    def refuse_missing(self, module: nn.Module) -> None:
        """Refuse with ``ValueError`` that something else took a layer out of ``module`` again."""
        missing = self._replacement.missing(module)
        if missing:
            raise ValueError(message(self._owner, "new layers", "stay in the module", shown_names(missing), MOVED))

    def watch(self, module: nn.Module) -> None:
        """Begin to watch which layers are called."""
        self._calls = Calls(module, self._replacement.standing)

    def seen(self) -> list[str]:
        """End watching, and tell which layers made no noise, in a line for each reason; once.

        Raises:
            ValueError: None was called.
        """
        uncalled, resting = ([], []) if self._calls is None else self._calls.end()
        self._calls = None
        if len(uncalled) == len(self._replacement.after):
            found = f"no call of {shown_names(uncalled)}"
            raise ValueError(message(self._owner, "the module", "call a layer that was put in", found, UNCALLED))
        reasons = (("not called", uncalled), ("in evaluation mode", resting))
        return [f"{reason} in the first batch: {shown_names(names)}" for reason, names in reasons if names]

    def undo(self) -> None:
        """Put back layers and rates; twice is harmless."""
        if self._calls is not None:
            self._calls.end()
        self._calls = None
        self.rates.write(1)
        self._replacement.undo()

    def _new_noise(self) -> list[nn.Module]:
        before, after = self._replacement.before, self._replacement.after
        old = {part for layer in before.values() for part in layer.modules()}
        found = [noise for layer in after.values() for noise in noise_layers(layer).values() if noise not in old]
        return list(dict.fromkeys(found))
