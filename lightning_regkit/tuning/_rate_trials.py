"""Step 3, in its plain form: a hundred steps with each of a few rates."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, final

from lightning_regkit._checks import message, positive_float, positive_int
from lightning_regkit.tuning._judge_trials import judge_trials, last_loss
from lightning_regkit.tuning._range_test import SMALL_DECAY
from lightning_regkit.tuning._setup import Setup
from lightning_regkit.tuning._steps import run_steps
from lightning_regkit.tuning._verdict import Verdict
from lightning_regkit.tuning._watch import Watch
from lightning_regkit.tuning._write import write_json, write_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lightning_regkit._lightning import pl

__all__ = ["RATES", "RateTrials", "rate_trials"]

OWNER: Final = "tuning.rate_trials"
RATES: Final = (1e-1, 1e-2, 1e-3, 1e-4)


@final
@dataclass(frozen=True)
class RateTrials:
    """Losses of a few rates, each from the same weights on.

    Args:
        rates: Of each trial: the highest of the parameter groups, which keep their ratios.
        losses: Of each trial, step by step.
        best: Rate of the lowest loss at the end; None where none has fallen.
        verdict: Healthy where the loss falls with some rate.

    Example:
        >>> RateTrials((0.1,), ((2.0, 1.0),), 0.1, Verdict("healthy", "It falls.")).best
        0.1
    """

    rates: tuple[float, ...]
    losses: tuple[tuple[float, ...], ...]
    best: float | None
    verdict: Verdict

    def draw(self, axes: "Axes") -> None:
        """Draw the losses of each rate."""
        for rate, losses in zip(self.rates, self.losses, strict=True):
            axes.plot(range(len(losses)), losses, label=f"{rate:g}, ends at {last_loss(losses):.3g}")
        axes.set(xlabel="step", ylabel="loss", title="which rates make the loss fall?")
        axes.legend()


def rate_trials(
    module: "pl.LightningModule",
    data: object = None,
    *,
    rates: Sequence[float] = RATES,
    num_steps: int = 100,
    setup: Setup = Setup(),  # noqa: B008  # frozen
) -> RateTrials:
    """Take a hundred steps with each rate, from the same weights and over the same batches, and say which ones fall.

    Args:
        module: With its own optimizer, of which weight decay is 1e-4; stays as it is, and so do data and the global
            generators.
        data: A data module, training loaders, or None for the module's own.
        rates: To try, at least one, above 0.
        num_steps: How many steps each, at least 1.
        setup: Of the protocol: writes ``3_rate_trials.json`` and ``3_rate_trials.png``.

    Returns:
        Losses of each rate, and the best one.

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
        >>> loader = torch.utils.data.DataLoader(data, batch_size=4)
        >>> rate_trials(Net(), loader, num_steps=30, setup=Setup(trainer={"accelerator": "cpu"})).best
        0.1
    """
    positive_int(OWNER, "num_steps", num_steps)
    if not rates:
        raise ValueError(message(OWNER, "rates", "hold at least one", list(rates)))
    losses = []
    for rate in rates:
        watch = Watch(partial(_factor, positive_float(OWNER, "rates", rate)), weight_decay=SMALL_DECAY)
        run_steps(module, data, watch, setup, (num_steps, None, ()))
        losses.append(tuple(watch.losses))
    best, verdict = judge_trials(tuple(rates), losses)
    result = RateTrials(tuple(rates), tuple(losses), best, verdict)
    write_json(setup.path, "3_rate_trials", result)
    write_picture(setup.path, "3_rate_trials", result)
    return result


def _factor(rate: float, _step: int, highest: float) -> float:
    return rate / highest
