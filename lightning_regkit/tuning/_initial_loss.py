"""Step 1: the loss before the first step."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, final

from lightning_regkit._checks import positive_int
from lightning_regkit.callbacks import WeightPenalty
from lightning_regkit.callbacks._training_noise import TrainingNoise
from lightning_regkit.tuning._callbacks import made_callbacks
from lightning_regkit.tuning._expected_loss import LossSpec, expected_loss
from lightning_regkit.tuning._judge_initial import judge_initial
from lightning_regkit.tuning._observe import beyond, observe
from lightning_regkit.tuning._observed import Observed
from lightning_regkit.tuning._overlap import overlap_of
from lightning_regkit.tuning._setup import Setup
from lightning_regkit.tuning._steps import run_steps, trainer_of
from lightning_regkit.tuning._twin import isolated, quiet
from lightning_regkit.tuning._verdict import Verdict
from lightning_regkit.tuning._watch import Watch
from lightning_regkit.tuning._write import write_json

if TYPE_CHECKING:
    from lightning_regkit._lightning import pl

__all__ = ["InitialLoss", "initial_loss"]

OWNER: Final = "tuning.initial_loss"


@final
@dataclass(frozen=True)
class InitialLoss:
    """What the loss is before the first step, and what it should be.

    Args:
        loss: Mean over the batches, with the penalty.
        expected: By :func:`expected_loss`; None where no cross-entropy was seen.
        seen: What it was judged by.
        verdict: Healthy, or the likely cause.

    Example:
        >>> InitialLoss(2.3, 2.303, Observed(2.3), Verdict("healthy", "The loss is 2.3.")).verdict.is_healthy
        True
    """

    loss: float
    expected: float | None
    seen: Observed
    verdict: Verdict


def initial_loss(
    module: "pl.LightningModule",
    data: object = None,
    *,
    loss: LossSpec | None = None,
    num_batches: int = 5,
    setup: Setup = Setup(),  # noqa: B008  # frozen
) -> InitialLoss:
    """Compute the loss of the first batches, on a copy that takes no step, and compare it with what algebra says.

    What the loss is made of is seen in the first call of ``cross_entropy``, ``nll_loss`` or
    ``binary_cross_entropy_with_logits`` in ``training_step``: classes, smoothing, reduction, and the bias of the last
    layer with that many outputs. A data module is also asked for validation images that are training images.

    Args:
        module: As it would be trained; stays as it is, and so do data, callbacks and the global generators.
        data: A data module, training loaders, or None for the module's own.
        loss: What the loss is made of, where it cannot be seen.
        num_batches: How many batches, at least 1.
        setup: Of the protocol: writes ``1_initial_loss.json``.

    Returns:
        The loss and the verdict.

    Raises:
        TypeError: A number is of the wrong kind, or ``training_step`` returns no loss.
        ValueError: A number is out of range.

    Example:
        >>> import torch, lightning.pytorch as pl
        >>> class Net(pl.LightningModule):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.layer = torch.nn.Linear(2, 4)
        ...     def training_step(self, batch, batch_idx):
        ...         return torch.nn.functional.cross_entropy(self.layer(batch[0]), batch[1])
        ...     def configure_optimizers(self):
        ...         return torch.optim.SGD(self.parameters(), lr=0.1)
        >>> data = torch.utils.data.TensorDataset(torch.zeros(8, 2), torch.arange(8) % 4 + 1)
        >>> loader = torch.utils.data.DataLoader(data, batch_size=4)
        >>> initial_loss(Net(), loader, setup=Setup(trainer={"accelerator": "cpu"})).verdict.sentence
        'Labels run from 1 to 4, but 4 outputs take labels 0 to 3. They are off by one: subtract 1.'
    """
    positive_int(OWNER, "num_batches", num_batches)
    watch = Watch(lambda _step, _highest: 0.0)
    given = made_callbacks(setup.callbacks, {})
    callbacks = [each for each in given if isinstance(each, WeightPenalty | TrainingNoise)]
    try:
        ran = run_steps(module, data, watch, setup, (num_batches, None, callbacks))
    except IndexError:
        if not (watch.calls and watch.calls[-1].shares is None):
            raise
        seen = beyond(watch)
    else:
        seen = observe(watch, ran, loss)
        with quiet(), isolated(ran.trainer.strategy.root_device, setup.seed):
            seen = replace(seen, num_repeated=overlap_of(data, trainer_of(setup)))
    size, penalty = seen.batch_size, seen.penalty
    expected = None if seen.spec is None else expected_loss(seen.spec, batch_size=size, penalty=penalty)
    result = InitialLoss(seen.loss, expected, seen, judge_initial(seen))
    write_json(setup.path, "1_initial_loss", result)
    return result
