"""Any layer of any LightningModule, replaced for the time of a fit or an evaluation."""

from collections.abc import Callable
from typing import final

from torch import nn
from typing_extensions import override

from lightning_regkit._checks import message
from lightning_regkit.callbacks._model_surgery import ModelSurgery
from lightning_regkit.regularizers._where import Which, as_where
from lightning_regkit.schedules import ScheduleSpec

__all__ = ["Surgery"]


@final
class Surgery(ModelSurgery):
    """Replace layers of the module by others, chosen by type, name and position, and put them back afterwards.

    The weights stay the module's own: names in checkpoints and parameters are the same as without it, which is checked.
    Acts in every stage (fit, validate, test, predict), after ``setup`` and ``configure_model`` of the module and before
    optimizers are made; prints what it replaced; undone at the end of the stage, and when anything raises. Writes the
    module tree, and with ``schedule`` the rates of the new layers before each training batch. Saves nothing: a resumed
    run does the same again. The same on every rank.

    Args:
        replace: Maps a layer to the one that takes its place, such as
            ``lambda layer: rk.regularizers.followed_by(layer, nn.Dropout2d(0.1))``. A module-level function where
            processes are spawned.
        where: A class of layers, a pattern of dotted names such as ``"*.bn2"``, or a
            :class:`~lightning_regkit.regularizers.Where`.
        schedule: A spec of ``rk.schedules``: what the rates of the new layers are multiplied by at each optimizer step;
            None leaves them.

    Raises:
        TypeError: An argument, or what ``replace`` returns, is of the wrong kind.
        ValueError: In a stage: nothing is chosen; names of weights, or parameters, would change; none of the new layers
            is called; or something else took them out.
        UnknownTotalError: In fit, the schedule needs the run's length and the run has none.

    Example:
        >>> import lightning_regkit as rk
        >>> def noisy(layer):
        ...     return rk.regularizers.followed_by(layer, nn.Dropout2d(0.1))
        >>> surgery = rk.callbacks.Surgery(noisy, where=nn.Conv2d)  # Trainer(callbacks=[surgery])
    """

    def __init__(
        self,
        replace: Callable[[nn.Module], nn.Module],
        where: Which,
        *,
        schedule: ScheduleSpec | None = None,
    ) -> None:
        if not callable(replace):
            raise TypeError(message("Surgery", "replace", "map a layer to a layer", replace))
        self.replace = replace
        super().__init__(as_where("Surgery", where), schedule)

    @override
    def make(self, found: dict[str, nn.Module]) -> dict[str, nn.Module]:
        return {name: self.replace(layer) for name, layer in found.items()}
