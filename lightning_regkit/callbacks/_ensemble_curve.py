"""The curve of an ensemble over the batches of an evaluation, and over all processes."""

from typing import TYPE_CHECKING, Any, Final, final

from lightning_regkit._checks import message
from lightning_regkit._lightning import say
from lightning_regkit._lightning._containers import get
from lightning_regkit._lightning._ranks import gather
from lightning_regkit.ensemble import CurveRow, Tally, curve_table, tally

if TYPE_CHECKING:
    from torch import Tensor

    from lightning_regkit._lightning import Keys, pl

__all__ = ["EnsembleCurve"]

_LOGITS_NDIM: Final = 3


@final
class EnsembleCurve:
    """Adds up the batches of one evaluation, a tally for each loader; logs and prints once at the end.

    Args:
        keys: Where the targets are in a batch.
    """

    def __init__(self, keys: "Keys") -> None:
        self._keys = keys
        self._tallies: dict[int, Tally] = {}

    def anew(self) -> "EnsembleCurve":
        """Return one for the next evaluation."""
        return EnsembleCurve(self._keys)

    def add(self, batch: Any, logits: "Tensor", dataloader_idx: int) -> None:
        """Take in the members' logits (M, B, K) on a batch.

        Raises:
            BatchLayoutError: The targets cannot be found.
            TypeError: They are no integers.
            ValueError: They are not one for each sample, or the logits are no table.
        """
        if logits.ndim != _LOGITS_NDIM:
            condition, shape = "be of shape (B, K) for the curve", tuple(logits.shape[1:])
            raise ValueError(message(self._keys.owner, "scores", condition, shape, "Pass curve=False."))
        targets = self._keys.find(batch)[0].targets
        assert targets is not None  # noqa: S101  # for the type checker
        new, before = tally(logits, get(batch, targets)), self._tallies.get(dataloader_idx)
        self._tallies[dataloader_idx] = new if before is None else before + new

    def finish(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> dict[int, tuple[CurveRow, ...]]:
        """Add up processes, log accuracy, nll and ece of every m, print the table; return the curve of each loader."""
        curves = {}
        for index, own in sorted(self._tallies.items()):
            first, *others = gather(trainer, own.to("cpu"))
            curves[index] = rows = sum(others, first).rows()
            suffix = f"/dataloader_idx_{index}" if len(self._tallies) > 1 else ""
            for row in rows:
                named = {"accuracy": row.accuracy, "nll": row.nll, "ece": row.ece}
                values = {f"ensemble/{name}_last_{row.num_members}{suffix}": value for name, value in named.items()}
                # Equal on all ranks already; Lightning warns about what is not synchronized.
                pl_module.log_dict(values, sync_dist=True, add_dataloader_idx=False)
            say(self._keys.owner, f"the last m members together{suffix}\n{curve_table(rows)}")
        return curves
