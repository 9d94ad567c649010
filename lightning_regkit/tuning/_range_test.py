"""Step 3: which rates make the loss fall within a hundred steps."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING, Final, final

from lightning_regkit._checks import message, positive_float, positive_int
from lightning_regkit.tuning._analyze_range import SHORTEST, RangeAnalysis, analyze_range
from lightning_regkit.tuning._setup import Setup
from lightning_regkit.tuning._steps import run_steps
from lightning_regkit.tuning._verdict import Verdict
from lightning_regkit.tuning._watch import Watch
from lightning_regkit.tuning._write import write_json, write_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lightning_regkit._lightning import pl

__all__ = ["RangeTest", "geometric", "range_test"]

OWNER: Final = "tuning.range_test"
#: A small weight decay, in all trials of rates.
SMALL_DECAY: Final = 1e-4


@final
@dataclass(frozen=True)
class RangeTest:
    """Losses of growing rates, and what they say.

    Args:
        rates: Of each step: the highest of the parameter groups, which keep their ratios.
        losses: Before each of these steps.
        analysis: What was read off.

    Example:
        >>> found = analyze_range([1, 2, 4, 8, 16], [2.0, 1.0, 1.5, 2.0, 9.0], reach=0)
        >>> RangeTest((1, 2, 4, 8, 16), (2.0, 1.0, 1.5, 2.0, 9.0), found).verdict.is_healthy
        True
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    analysis: RangeAnalysis

    @property
    def verdict(self) -> Verdict:
        """What the analysis says in words."""
        return self.analysis.verdict

    def draw(self, axes: "Axes") -> None:
        """Draw losses, smoothed losses and the suggested rate."""
        axes.semilogx(self.rates, self.losses, alpha=0.3, label="loss")
        smoothed = self.analysis.smoothed
        axes.semilogx(self.rates[: len(smoothed)], smoothed, label=f"mean over {self.analysis.reach} steps each side")
        if self.analysis.suggested is not None:
            axes.axvline(self.analysis.suggested, linestyle="--", label=f"suggested {self.analysis.suggested:.1e}")
        axes.set(xlabel="learning rate", ylabel="loss", title="range test")
        axes.legend()


def geometric(low: float, high: float, count: int) -> tuple[float, ...]:
    """Return ``count`` rates at equal ratios, both ends included."""
    return tuple(low * (high / low) ** (index / (count - 1)) for index in range(count))


def range_test(
    module: "pl.LightningModule",
    data: object = None,
    *,
    rates: tuple[float, float] = (1e-6, 10.0),
    num_steps: int = 100,
    setup: Setup = Setup(),  # noqa: B008  # frozen
) -> RangeTest:
    """Raise the rate from step to step by a constant factor, on a copy, and read off a rate to train with.

    Every parameter group keeps its ratio to the others: the highest one has the rate of the test. Weight decay is 1e-4
    in the groups that have any. It ends at a loss that is not finite or over four times the first one.

    Args:
        module: With its own optimizer; stays as it is, and so do data and the global generators.
        data: A data module, training loaders, or None for the module's own.
        rates: The first and the last one.
        num_steps: How many steps, at least 5.
        setup: Of the protocol: writes ``3_range_test.json`` and ``3_range_test.png``. With ``repeats`` losses are
            means over as many tests, of the seeds from its own on.

    Returns:
        Losses by rate, and the rate to train with.

    Raises:
        TypeError: A number is of the wrong kind, or ``training_step`` returns no loss.
        ValueError: A number is out of range, or the loss could be computed for fewer than 5 rates.

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
        >>> found = range_test(Net(), loader, rates=(1e-3, 10.0), setup=Setup(trainer={"accelerator": "cpu"}))
        >>> found.verdict.is_healthy, len(found.losses)
        (True, 100)
    """
    low, high = (positive_float(OWNER, "rates", rate) for rate in rates)
    if high <= low:
        raise ValueError(message(OWNER, "rates", "grow", rates))
    if positive_int(OWNER, "num_steps", num_steps) < SHORTEST:
        raise ValueError(message(OWNER, "num_steps", f"be at least {SHORTEST}", num_steps))
    planned = geometric(low, high, num_steps)
    seeds = range(setup.seed, setup.seed + setup.repeats)
    runs = [_losses(module, data, planned, replace(setup, seed=seed)) for seed in seeds]
    losses = tuple(fmean(each) for each in zip(*runs, strict=False))  # as far as all of them came
    result = RangeTest(planned[: len(losses)], losses, analyze_range(planned[: len(losses)], losses))
    write_json(setup.path, "3_range_test", result)
    write_picture(setup.path, "3_range_test", result)
    return result


def _losses(module: "pl.LightningModule", data: object, planned: Sequence[float], setup: Setup) -> tuple[float, ...]:
    """Return the losses of one test, at least five, NaN where there were fewer."""
    watch = Watch(
        lambda step, highest: planned[min(step, len(planned) - 1)] / highest,
        weight_decay=SMALL_DECAY,
        until=lambda seen: len(seen.losses) >= SHORTEST and seen.losses[-1] > 4 * abs(seen.losses[0]),
    )
    run_steps(module, data, watch, setup, (len(planned), None, ()))
    return (*watch.losses, *[float("nan")] * (SHORTEST - len(watch.losses)))
