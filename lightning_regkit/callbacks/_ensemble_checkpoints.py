"""The mean over models that were trained apart."""

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, final

from typing_extensions import override

from lightning_regkit._checks import message
from lightning_regkit._lightning import Explained, Plan
from lightning_regkit.callbacks._averaged_prediction import READOUT
from lightning_regkit.callbacks._ensemble_settings import EnsembleSettings
from lightning_regkit.callbacks._ensembled_prediction import EnsembledPrediction
from lightning_regkit.ensemble import read_weights
from lightning_regkit.marginalize import Readout

if TYPE_CHECKING:
    from lightning_regkit._lightning._exchange import Weights

__all__ = ["EnsembleCheckpoints"]

OWNER = "EnsembleCheckpoints"


@final
class EnsembleCheckpoints(EnsembledPrediction, Explained):
    """Test the mean of the softmax of several models of one architecture, in one pass over the data.

    Each batch goes once through every model. The user's own metrics are those of the mean; beside them comes the curve
    of the last m = 1 ... M models of the list. Acts in ``trainer.test(module)`` and ``predict``; saves nothing.

    Args:
        paths: Lightning checkpoints, loaded with ``weights_only=True``, or safetensors files of members; one or more.
        num_members: How many of the last of them are averaged; None for all.
        stages: Some of ``"validate"`` (``trainer.validate`` only), ``"test"``, ``"predict"``.
        curve: Whether to run all of them where there are targets, and draw the curve.
        placement: ``"device"``, ``"host"`` (copied for every batch), or ``"auto"``: on the device if they take less
            than half of its free memory.
        readout: Names in batches and module where they are unusual, and what is averaged; None for ``Readout()``.

    Raises:
        TypeError: An argument is of the wrong kind; or in an evaluation, the strategy shards weights.
        ValueError: An argument is out of range; or in an evaluation, weights are not those of the module.
        CorruptCheckpointError: In an evaluation, a file is not what was written.

    Example:
        >>> import lightning_regkit as rk
        >>> five = rk.callbacks.EnsembleCheckpoints([f"runs/{seed}/last.ckpt" for seed in range(5)])
        >>> five.paths[0]  # Trainer(callbacks=[five]).test(module, loader)
        'runs/0/last.ckpt'

    Reference:
        Lakshminarayanan et al., "Simple and Scalable Predictive Uncertainty Estimation using Deep Ensembles", 2017.
    """

    def __init__(
        self,
        paths: Sequence[str | os.PathLike[str]],
        *,
        num_members: int | None = None,
        stages: Sequence[str] = ("test", "predict"),
        curve: bool = True,
        placement: str = "auto",
        readout: Readout | None = None,
    ) -> None:
        if isinstance(paths, str | os.PathLike) or not paths:
            raise ValueError(message(OWNER, "paths", "list one file or more", paths))
        super().__init__(EnsembleSettings(OWNER, num_members, stages, curve, placement, readout or READOUT))
        self.paths = tuple(os.fspath(path) for path in paths)

    @override
    def explain(self, plan: Plan) -> str:
        count = self._settings.num_members or len(self.paths)
        return f"nothing in fit; at {', '.join(self.stages)} the mean of {count} models"

    @override
    def _members(self) -> "Sequence[tuple[str, Callable[[], Weights]]]":
        return [(path, partial(read_weights, Path(path))) for path in self.paths]
