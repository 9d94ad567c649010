"""Step 2: learn a handful of batches by heart."""

from dataclasses import dataclass
from functools import partial
from statistics import fmean
from typing import TYPE_CHECKING, Final, Protocol, final, runtime_checkable

from lightning_regkit._checks import positive_int
from lightning_regkit.tuning._judge_overfit import judge_overfit
from lightning_regkit.tuning._overfitted import Overfitted
from lightning_regkit.tuning._setup import Setup
from lightning_regkit.tuning._steps import Ran, run_steps
from lightning_regkit.tuning._verdict import Verdict
from lightning_regkit.tuning._watch import Watch
from lightning_regkit.tuning._write import write_json, write_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lightning_regkit._lightning import pl

__all__ = ["OverfitRun", "Unaugmented", "overfit"]

OWNER: Final = "tuning.overfit"


@runtime_checkable
class Unaugmented(Protocol):
    """A data module that can leave its augmentation out."""

    def without_augmentation(self) -> object:
        """Return a data module that gives the same images as they are."""


@final
@dataclass(frozen=True)
class OverfitRun:
    """What happened while the same few batches came again and again.

    Args:
        seen: Losses, accuracy, and how far the weights have moved.
        verdict: Healthy, or the likely cause.
        is_unaugmented: Whether the data module was asked to leave augmentation out, and can. Otherwise each batch is
            still augmented once only where its loader does it.

    Example:
        >>> OverfitRun(Overfitted((2.3, 0.1)), Verdict("healthy", "It fell.")).verdict.is_healthy
        True
    """

    seen: Overfitted
    verdict: Verdict
    is_unaugmented: bool = False

    def draw(self, axes: "Axes") -> None:
        """Draw the loss of each step."""
        axes.semilogy(range(len(self.seen.losses)), self.seen.losses)
        axes.set(xlabel="step", ylabel="loss", title="the same batches again and again")


def overfit(
    module: "pl.LightningModule",
    data: object = None,
    *,
    num_batches: int = 8,
    max_steps: int = 400,
    setup: Setup = Setup(),  # noqa: B008  # frozen
) -> OverfitRun:
    """Train a copy on the same few batches, without noise, decay, schedule and callbacks, until it knows them.

    Layers of noise are in evaluation mode and functions of noise draw none. Augmentation is left out where the data
    module has a method ``without_augmentation()`` that returns another data module.

    Args:
        module: With its own optimizer and rate; stays as it is, and so do data and the global generators.
        data: A data module, training loaders, or None for the module's own.
        num_batches: How many batches, at least 1; 5 to 10 do.
        max_steps: How many steps it may take, at least 1.
        setup: Of the protocol: writes ``2_overfit.json`` and ``2_overfit.png``.

    Returns:
        What happened, and the verdict.

    Raises:
        TypeError: A number is of the wrong kind, or ``training_step`` returns no loss.
        ValueError: A number is out of range.

    Example:
        >>> import torch, lightning.pytorch as pl
        >>> class Net(pl.LightningModule):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.layer = torch.nn.Linear(4, 4)
        ...     def training_step(self, batch, batch_idx):
        ...         return torch.nn.functional.cross_entropy(self.layer(batch[0]), batch[1])
        ...     def configure_optimizers(self):
        ...         return torch.optim.SGD(self.parameters(), lr=1.0)
        >>> data = torch.utils.data.TensorDataset(torch.eye(4), torch.arange(4))
        >>> loader = torch.utils.data.DataLoader(data, batch_size=2)
        >>> overfit(Net(), loader, num_batches=2, setup=Setup(trainer={"accelerator": "cpu"})).verdict.is_healthy
        True
    """
    positive_int(OWNER, "num_batches", num_batches)
    positive_int(OWNER, "max_steps", max_steps)
    is_unaugmented = isinstance(data, Unaugmented)
    source = data.without_augmentation() if isinstance(data, Unaugmented) else data
    watch = Watch(weight_decay=0.0, is_silent=True, until=partial(_is_known, num_batches))
    ran = run_steps(module, source, watch, setup, (max_steps, num_batches, ()))
    seen = _overfitted(watch, ran, num_batches)
    result = OverfitRun(seen, judge_overfit(seen), is_unaugmented)
    write_json(setup.path, "2_overfit", result)
    write_picture(setup.path, "2_overfit", result)
    return result


def _is_known(num_batches: int, watch: Watch) -> bool:
    """Tell whether the last two passes had everything right, and nine tenths of the loss are gone."""
    last = watch.accuracies[-2 * num_batches :]
    is_right = len(last) == 2 * num_batches and all(accuracy == 1 for accuracy in last)
    return is_right and watch.losses[-1] < 0.1 * watch.losses[0]


def _overfitted(watch: Watch, ran: Ran, num_batches: int) -> Overfitted:
    last = [accuracy for accuracy in watch.accuracies[-num_batches:] if accuracy is not None]
    held = {
        id(weight)
        for optimizer in ran.trainer.optimizers
        for group in optimizer.param_groups
        for weight in group["params"]
    }
    weights = dict(ran.module.named_parameters())
    trained = [name for name, weight in weights.items() if weight.requires_grad and id(weight) in held]
    count = sum(weight.numel() for weight in weights.values())
    active = sum(weights[name].numel() for name in trained)
    still = sum(weights[name].numel() for name in trained if not watch.gradients.get(name))
    change = sum((weights[name].detach() - watch.first[name]).square().sum().item() for name in trained)
    norm = sum(watch.first[name].square().sum().item() for name in trained)
    return Overfitted(
        tuple(watch.losses),
        fmean(last) if last else None,
        frozen=1 - active / max(count, 1),
        without_gradient=still / max(active, 1),
        moved=(change / norm) ** 0.5 if norm > 0 else float(change > 0),
        saturated=watch.units.saturated,
        dead=watch.units.dead,
        spec=watch.calls[0].spec(watch.losses[0]) if watch.calls else None,
    )
