"""The predictor seam: call the user's predictor several times at test, and average.

Steps call ``self(x)``, ``self.forward(x)`` or ``self.net(x)``. So the module's ``forward`` is layered, and that of the
direct child that holds all its parameters; the outermost such call on the batch averages, calls inside it pass through.
Several callbacks nest by level, whatever their order in the Trainer.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, final

from torch import Tensor

from lightning_regkit._lightning._calls import Images, inputs_of_call, logits_of, predictors, with_logits
from lightning_regkit._lightning._containers import get, put
from lightning_regkit._lightning._layout import Keys
from lightning_regkit._lightning._override import Override
from lightning_regkit.errors import NotAveragedError

if TYPE_CHECKING:
    from lightning_regkit._lightning._namespace import pl

__all__ = ["Average", "Predict", "PredictorSeam"]

#: Images (N, ...) to logits (N, K), for any N.
Predict = Callable[[Images], Tensor]

#: Must be a bound method of the callback: (predict, inputs (B, ...)) to averaged logits (B, K).
Average = Callable[[Predict, Images], Tensor]

MIN_INPUT_NDIM: Final = 2

#: Seams whose average is being taken, outermost first. Inside one, another sees views, not the batch's own images.
_averaging: "list[PredictorSeam]" = []


@final
class PredictorSeam:
    """One callback's layer over the predictor, open during evaluation batches only.

    Args:
        average: Bound method of the callback, which opens and closes the seam in its own hooks: a trial run that swaps
            ``trainer.callbacks`` never meets it.
        keys: Where the inputs of an evaluation batch are; their number tells a call on the batch from others.
        predictor: Dotted name of the one submodule to layer instead, such as ``"net.classifier"``.
        logits_key: Where the logits are in what the predictor returns, if that is a mapping.
        level: Of several averages the lowest is the innermost.
    """

    def __init__(
        self,
        average: Average,
        keys: Keys,
        *,
        predictor: str | None = None,
        logits_key: str = "logits",
        level: int = 0,
    ) -> None:
        self._average = average
        self._level = level
        self._keys = keys
        self._predictor = predictor
        self._logits_key = logits_key
        self._overrides: list[Override] = []
        self._batch_size: int | None = None  # None between evaluation batches
        self._is_averaged = False

    @property
    def is_outermost(self) -> bool:
        """Whether the average that is being taken is what the evaluation step gets, and not part of another one."""
        return _averaging[:1] == [self]

    def attach(self, pl_module: "pl.LightningModule") -> None:
        """Install the layers, once every submodule exists.

        Raises:
            ValueError: ``predictor`` names no submodule.
        """
        self.detach()
        targets = predictors(self._keys.owner, pl_module, self._predictor)
        self._overrides = [Override.push(target, "forward", self._layer, self._level) for target in targets]

    def detach(self) -> None:
        """Take the layers off, leaving every module as it was; harmless when there are none."""
        for override in self._overrides:
            override.pop(self._layer)
        self._overrides = []
        self._batch_size = None
        _averaging[:] = [seam for seam in _averaging if seam is not self]

    def begin(self, batch: Any) -> None:
        """Open the seam for one evaluation batch; outside the stages it is attached in, it stays closed."""
        if not self._overrides:
            return
        self._is_averaged = False
        self._batch_size = len(get(batch, self._keys.find(batch)[0].inputs))

    def end(self, pl_module: "pl.LightningModule") -> None:
        """Close the seam.

        Raises:
            NotAveragedError: No call on the batch went through a layered module.
        """
        was_open, self._batch_size = self._batch_size is not None, None
        if was_open and not self._is_averaged:
            children = ", ".join(name for name, _ in pl_module.named_children()) or "none"
            raise NotAveragedError(
                f"{self._keys.owner}: the evaluation step must call its predictor on the batch's inputs, got no call "
                "of self(inputs) or of a child that holds all parameters. Pass readout=Readout(predictor=) with the "
                f"name of the submodule that maps inputs to logits (children: {children})."
            )

    def _layer(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        where = inputs_of_call(args, kwargs)
        if where is None or not self._is_asked(get((args, kwargs), where)):
            return call(*args, **kwargs)
        output: Any = None

        def predict(inputs: Images) -> Tensor:
            nonlocal output
            new_args, new_kwargs = put((args, kwargs), where, inputs)
            output = call(*new_args, **new_kwargs)
            return logits_of(output, self._keys.owner, self._logits_key)

        _averaging.append(self)
        try:
            logits = self._average(predict, get((args, kwargs), where))
        finally:
            _averaging.remove(self)
        self._is_averaged = True
        return with_logits(output, self._logits_key, logits)

    def _is_asked(self, inputs: Images) -> bool:
        """Tell a call on the batch from calls inside one that averages, and from calls on anything else."""
        if self._batch_size is None or any(seam is self for seam in _averaging):
            return False
        if isinstance(inputs, Tensor) and inputs.ndim < MIN_INPUT_NDIM:
            return False
        return bool(_averaging) or len(inputs) == self._batch_size
