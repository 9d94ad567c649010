"""One of several kinds of noise for each training batch."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, final

from typing_extensions import override

from lightning_regkit._checks import message
from lightning_regkit._lightning import Example, Keys, Plan, is_listed
from lightning_regkit.callbacks._guarded_noise import GuardedNoise
from lightning_regkit.callbacks._training_noise import TrainingNoise
from lightning_regkit.mixing._chance import choose, shares

if TYPE_CHECKING:
    import numpy as np

    from lightning_regkit._lightning import pl
    from lightning_regkit.callbacks._target_style import TargetStyle

__all__ = ["OneOf"]


@final
class OneOf(GuardedNoise):
    """Give every training batch to one member, drawn by weight: ``Mixup`` or ``CutMix`` or ``Cutout``.

    Acts where its members would, which are not given to the Trainer themselves. A member's own ``probability`` and
    ``until`` hold for the batches it is drawn for. Saves the seed of its noise. Each rank draws for itself; a resumed
    run continues the same draws.

    Args:
        members: Callbacks of this package that change training batches. Their ``inputs_key`` are equal; and of those
            that use targets, ``targets_key``, ``targets``, ``num_classes`` and ``label_smoothing`` too.
        weights: A number of at least 0 for each, not all 0; None for equal ones.

    Raises:
        TypeError: A member is no such callback, or a weight no number.
        ValueError: There are no members; they disagree; a weight is out of range; or in fit, a member is among the
            Trainer's callbacks too.
        UnmixedTargetsError: In fit, ``training_step`` made its loss without showing it the mixed targets.

    Example:
        >>> import lightning_regkit as rk
        >>> either = rk.callbacks.OneOf([rk.callbacks.Mixup(0.8), rk.callbacks.CutMix(1.0)])  # Trainer(callbacks=[...])

    Reference:
        Touvron et al., "Training data-efficient image transformers", ICML 2021, table 9 (mixup .8, cutmix 1, switched).
    """

    def __init__(self, members: Sequence[TrainingNoise], weights: Sequence[float] | None = None) -> None:
        for member in members:
            if not isinstance(member, TrainingNoise):
                raise TypeError(message("OneOf", "members", "be training noise such as Mixup() or Cutout()", member))
        if not members:
            raise ValueError(message("OneOf", "members", "not be empty", list(members)))
        super().__init__(_common_keys(members), style=_common_style(members))
        self.members = tuple(members)
        self.weights = shares("OneOf", weights, len(members))

    @override
    def explain(self, plan: Plan) -> str:
        pairs = zip(self.members, self.weights, strict=True)
        lines = [f"{type(member).__name__} ({weight:.3g}): {member.explain(plan)}" for member, weight in pairs]
        return "\n".join(["each training batch is given to one of", *lines])

    @override
    def transform(self, example: Example, generator: "np.random.Generator") -> Example:
        return self.members[choose(self.weights, generator)].change(example, generator)

    @override
    def announce(self) -> None:
        for member in self.members:
            member.announce()

    @override
    def begin(self, trainer: "pl.Trainer") -> None:
        super().begin(trainer)
        for member in self.members:
            member.begin(trainer)

    @override
    def end(self) -> None:
        super().end()
        for member in self.members:
            member.end()

    @override
    def on_fit_start(self, trainer: "pl.Trainer", pl_module: "pl.LightningModule") -> None:
        listed = [type(member).__name__ for member in self.members if is_listed(trainer, member)]
        if listed:
            remedy = "Give the Trainer OneOf alone, or they act twice."
            raise ValueError(message("OneOf", "members", "not be among the Trainer's callbacks too", listed, remedy))
        super().on_fit_start(trainer, pl_module)


def _common_keys(members: Sequence[TrainingNoise]) -> Keys:
    inputs = [member.keys.inputs_key for member in members]
    targets = [member.keys.targets_key for member in members if member.keys.needs_targets]
    for argument, found in (("inputs_key", inputs), ("targets_key", targets)):
        if any(key != found[0] for key in found):
            raise ValueError(message("OneOf", f"{argument} of the members", "be equal", found))
    return Keys("OneOf", inputs[0], targets[0] if targets else None, needs_targets=bool(targets))


def _common_style(members: Sequence[TrainingNoise]) -> "TargetStyle | None":
    styles = [member.style for member in members if member.style is not None]
    if any(style != styles[0] for style in styles):
        found = [(style.targets, style.num_classes, style.label_smoothing) for style in styles]
        raise ValueError(message("OneOf", "targets, num_classes and label_smoothing of the members", "be equal", found))
    return styles[0] if styles else None
