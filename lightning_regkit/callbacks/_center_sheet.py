"""The images of a batch as training gets them, and their targets, for a sheet."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from torch import Tensor

from lightning_regkit._lightning import Keys
from lightning_regkit._lightning._containers import get
from lightning_regkit.callbacks._center_settings import OWNER
from lightning_regkit.errors import BatchLayoutError
from lightning_regkit.mixing import MixedTarget
from lightning_regkit.monitoring import image_sheet, mixture_captions, target_captions

if TYPE_CHECKING:
    from lightning_regkit._lightning._layout import Slot

__all__ = ["Sheets"]

_IMAGES_NDIM = 4


@final
@dataclass(frozen=True)
class Sheets:
    """Makes sheets of batches.

    Args:
        count: Images on a sheet.
        inputs_key: Where inputs are, as for all callbacks that look into batches; None finds them.
        targets_key: The same for targets.
    """

    count: int
    inputs_key: str | int | None = None
    targets_key: str | int | None = None

    def make(self, batch: Any) -> list[tuple[Tensor, str]]:
        """Return a sheet of the first images of a batch with a line on each; none where it holds no images.

        Raises:
            BatchLayoutError: What the keys name is not in the batch.
        """
        slot = self._find(batch)
        inputs = None if slot is None else get(batch, slot.inputs)
        if slot is None or not isinstance(inputs, Tensor) or inputs.ndim != _IMAGES_NDIM or not len(inputs):
            return []
        captions = [] if slot.targets is None else self._captions(get(batch, slot.targets))
        lines = [f"{number}: {caption}" for number, caption in enumerate(captions, start=1)]
        return [(image_sheet(inputs[: self.count]), "\n".join(lines))]

    def _captions(self, targets: Tensor) -> list[str]:
        if not isinstance(targets, MixedTarget):
            return target_captions(targets[: self.count]) if targets.ndim else []
        is_of_examples = targets.labels.ndim == targets.weights.ndim == 2  # noqa: PLR2004  # (M, B)
        if not is_of_examples:
            return []
        return mixture_captions(targets.labels[:, : self.count], targets.weights[:, : self.count])

    def _find(self, batch: Any) -> "Slot | None":
        only_inputs = Keys(OWNER, self.inputs_key, needs_targets=False)
        if self.inputs_key is not None:
            only_inputs.find(batch)  # refuses a key that names nothing, also where images are found by position
        try:
            return Keys(OWNER, self.inputs_key, self.targets_key).find(batch)[0]
        except BatchLayoutError:
            if self.targets_key is not None:
                raise
        try:
            return only_inputs.find(batch)[0]
        except BatchLayoutError:
            return None
