"""The predictor seam: call the user's predictor several times at test, and average.

Steps call ``self(x)``, ``self.forward(x)`` or ``self.net(x)``. So the module's ``forward`` is layered, and that of the
direct child that holds all its parameters; the outermost such call on the batch averages, calls inside it pass through.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, final

from torch import Tensor, nn

from lightning_regkit._checks import message
from lightning_regkit._lightning._layout import INPUT_KEYS, Keys, Path, get, put
from lightning_regkit._lightning._override import Override, is_listed
from lightning_regkit.errors import NotAveragedError

if TYPE_CHECKING:
    from lightning_regkit._lightning._namespace import pl

__all__ = ["Average", "Predict", "PredictorSeam"]

#: Images (N, ...) to logits (N, K), for any N.
Predict = Callable[[Tensor], Tensor]

#: Must be a bound method of the callback: (predict, inputs (B, ...)) to averaged logits (B, K).
Average = Callable[[Predict, Tensor], Tensor]

MIN_INPUT_NDIM: Final = 3

#: Seams whose average is being taken, outermost first. Inside one, another sees views, not the batch's own images.
_averaging: "list[PredictorSeam]" = []


@final
class PredictorSeam:
    """One callback's layer over the predictor, open during evaluation batches only.

    Args:
        callback: The callback that averages; the seam rests while it is not in ``trainer.callbacks``.
        average: Its bound method.
        keys: Where the inputs of an evaluation batch are; their number tells a call on the batch from others.
        predictor: Dotted name of the one submodule to layer instead, such as ``"net.classifier"``.
        logits_key: Where the logits are in what the predictor returns, if that is a mapping.
    """

    def __init__(
        self,
        callback: "pl.Callback",
        average: Average,
        keys: Keys,
        *,
        predictor: str | None = None,
        logits_key: str = "logits",
    ) -> None:
        self._callback = callback
        self._average = average
        self._keys = keys
        self._predictor = predictor
        self._logits_key = logits_key
        self._overrides: list[Override] = []
        self._batch_size: int | None = None  # None between evaluation batches
        self._is_averaged = False

    def attach(self, pl_module: "pl.LightningModule") -> None:
        """Install the layers, once every submodule exists.

        Raises:
            ValueError: ``predictor`` names no submodule.
        """
        self.detach()
        targets = list(_predictors(pl_module)) if self._predictor is None else [self._named(pl_module, self._predictor)]
        self._overrides = [Override.push(target, "forward", self._layer) for target in targets]

    def detach(self) -> None:
        """Take the layers off, leaving every module as it was; harmless when there are none."""
        for override in self._overrides:
            override.pop(self._layer)
        self._overrides = []
        self._batch_size = None
        _averaging[:] = [seam for seam in _averaging if seam is not self]

    def begin(self, trainer: "pl.Trainer", batch: Any) -> None:
        """Open the seam for one evaluation batch; outside the stages it is attached in, it stays closed."""
        if not self._overrides:
            return
        self._is_averaged = False
        inputs = get(batch, self._keys.find(batch)[0].inputs)
        self._batch_size = inputs.shape[0] if is_listed(trainer, self._callback) else None

    def end(self, pl_module: "pl.LightningModule") -> None:
        """Close the seam.

        Raises:
            NotAveragedError: No call on the batch went through a layered module.
        """
        was_open, self._batch_size = self._batch_size is not None, None
        if was_open and not self._is_averaged:
            children = ", ".join(name for name, _ in pl_module.named_children()) or "none"
            raise NotAveragedError(
                f"{self._keys.owner}: the evaluation step must call its predictor on the batch's inputs, got no such call "
                "to self(inputs) or to a child that holds all parameters. Pass predictor= with the name of the submodule "
                f"that maps inputs to logits (children: {children})."
            )

    def _named(self, pl_module: nn.Module, name: str) -> nn.Module:
        try:
            return pl_module.get_submodule(name)
        except AttributeError:
            children = ", ".join(name for name, _ in pl_module.named_modules() if name)
            remedy = f"Submodules: {children}."
            raise ValueError(message(self._keys.owner, "predictor", "name a submodule", name, remedy)) from None

    def _layer(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        where = self._inputs_of_call(args, kwargs)
        if where is None:
            return call(*args, **kwargs)
        outputs: list[Any] = []

        def predict(inputs: Tensor) -> Tensor:
            new_args, new_kwargs = put((args, kwargs), where, inputs)
            outputs[:] = [call(*new_args, **new_kwargs)]
            logits: Tensor = get(outputs[0], self._logits_path(outputs[0]))
            return logits

        _averaging.append(self)
        try:
            logits = self._average(predict, get((args, kwargs), where))
        finally:
            _averaging.remove(self)
        self._is_averaged = True
        return _with_logits(outputs[0], self._logits_path(outputs[0]), logits)

    def _inputs_of_call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Path | None:
        """Return where the images of this call are, or None if the call is to pass through."""
        if self._batch_size is None or any(seam is self for seam in _averaging):
            return None
        named = [(1, key) for key in INPUT_KEYS if key in kwargs]
        paths: list[Path] = [(0, 0)] if args else [*named]
        if len(paths) != 1 or not isinstance(inputs := get((args, kwargs), paths[0]), Tensor):
            return None
        is_batch = bool(_averaging) or (inputs.ndim > 0 and inputs.shape[0] == self._batch_size)
        return paths[0] if is_batch and inputs.ndim >= MIN_INPUT_NDIM else None

    def _logits_path(self, output: Any) -> Path:
        if isinstance(output, Tensor):
            return ()
        key = self._logits_key if isinstance(output, Mapping) else 0
        if isinstance(output, Mapping) and key not in output:
            raise ValueError(
                message(self._keys.owner, "logits_key", f"be one of {list(output)}", key, "It names the predictor's logits.")
            )
        return (key,)


def _predictors(pl_module: nn.Module) -> Iterator[nn.Module]:
    yield pl_module
    parameters = {id(parameter) for parameter in pl_module.parameters()}
    for child in pl_module.children():
        if parameters and parameters <= {id(parameter) for parameter in child.parameters()}:
            yield child


def _with_logits(output: Any, path: Path, logits: Tensor) -> Any:
    """Put the averaged logits into the predictor's own container; its other entries belong to one view: None."""
    if not path:
        return logits
    keys = list(output) if isinstance(output, Mapping) else range(len(output))
    for key in keys:
        output = put(output, (key,), None)
    return put(output, path, logits)
