"""The curve of views over the batches of an evaluation, and over all processes."""

from typing import TYPE_CHECKING, Any, final

from lightning_regkit._lightning import say
from lightning_regkit._lightning._containers import get
from lightning_regkit._lightning._device_time import device_seconds
from lightning_regkit._lightning._ranks import gather
from lightning_regkit.crops import Tally, ViewsRow, curve_points, curve_table, tally
from lightning_regkit.marginalize import Averaging, RunningMean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import torch
    from torch import Tensor

    from lightning_regkit._lightning import Keys, pl

__all__ = ["CropCurve"]


@final
class CropCurve:
    """Looks at the scores of the views as they come; logs and prints once at the end of an evaluation.

    It holds the means over 1, 2, 5, 10, ... views of one batch, however many views there are.

    Args:
        keys: Where the targets are in a batch.
        num_views: V.
        averaging: Which mean.
    """

    def __init__(self, keys: "Keys", *, num_views: int, averaging: Averaging) -> None:
        self._keys, self._averaging = keys, averaging
        self._points = curve_points(num_views)
        self._tallies: dict[int, Tally] = {}
        self._is_told = False
        self.begin()

    def begin(self) -> None:
        """Begin a batch."""
        self._means: dict[int, Tensor] = {}
        self._seconds = dict.fromkeys(self._points, 0.0)

    def timed(self, scores: "Iterable[Tensor]", device: "torch.device") -> "Iterator[Tensor]":
        """Pass on the scores of every view of images of one size, and note when they are there."""
        start = device_seconds(device)
        for number, each in enumerate(scores, start=1):
            if number in self._seconds:
                self._seconds[number] += device_seconds(device) - start
            yield each

    def watched(self, scores: "Iterable[Tensor]") -> "Iterator[Tensor]":
        """Pass on the scores (B, K) of every view, and keep the means over the first of them."""
        mean = RunningMean(self._averaging)
        for number, each in enumerate(scores, start=1):
            mean.add(each)
            if number in self._seconds:
                self._means[number] = mean.value()
            yield each

    def add(self, batch: Any, dataloader_idx: int) -> None:
        """Take in the batch that was watched.

        Raises:
            BatchLayoutError: The targets cannot be found.
            TypeError: They are no integers.
            ValueError: They are not one for each image.
        """
        targets = self._keys.find(batch)[0].targets
        assert targets is not None  # noqa: S101  # for the type checker
        new, before = tally(self._means, get(batch, targets), self._seconds), self._tallies.get(dataloader_idx)
        self._tallies[dataloader_idx] = new if before is None else before + new

    def decline(self) -> None:
        """Say once why there is no curve."""
        if not self._is_told:
            say(self._keys.owner, "no curve, for these views are part of another average.")
        self._is_told = True

    def finish(
        self, trainer: "pl.Trainer", pl_module: "pl.LightningModule", *, is_printed: bool
    ) -> dict[int, tuple[ViewsRow, ...]]:
        """Add up processes, log accuracy, nll and ms at every point; return the curve of each loader."""
        curves = {}
        for index, own in sorted(self._tallies.items()):
            first, *others = gather(trainer, own)
            curves[index] = rows = sum(others, first).rows()
            suffix = f"/dataloader_idx_{index}" if len(self._tallies) > 1 else ""
            for row in rows:
                named = {"accuracy": row.accuracy, "nll": row.nll, "ms": row.milliseconds}
                values = {f"multicrop/{name}_{row.num_views}{suffix}": value for name, value in named.items()}
                # Equal on all ranks already; Lightning warns about what is not synchronized.
                pl_module.log_dict(values, sync_dist=True, add_dataloader_idx=False)
            if is_printed:
                say(self._keys.owner, f"the first views together, from the center{suffix}\n{curve_table(rows)}")
        return curves
