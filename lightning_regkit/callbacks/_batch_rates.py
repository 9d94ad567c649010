"""The rates of a run's global batch: written into an optimizer, and told in a line."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, final

from lightning_regkit._checks import message
from lightning_regkit._lightning import BatchParts, GroupOption
from lightning_regkit.optim import global_batch, scale_lr, scaling_rule

if TYPE_CHECKING:
    from torch.optim import Optimizer

__all__ = ["BatchRates", "Rule"]

OWNER: Final = "ScaleLR"
SHOWN: Final = 3
Rule: TypeAlias = Literal["linear", "sqrt"]


@final
@dataclass(frozen=True)
class BatchRates:
    """What the rates of a run are multiplied by.

    Args:
        parts: The factors of its global batch.
        reference_batch: Examples per step that the rate was tuned for.
        rule: None goes by the class of the optimizer.
    """

    parts: BatchParts
    reference_batch: int
    rule: Rule | None

    @property
    def batch(self) -> int:
        """Examples that enter one optimizer step."""
        return global_batch(**asdict(self.parts))

    def write(self, optimizer: "Optimizer", *, scaled_for: int | None = None) -> str:
        """Scale the rate of every group.

        Args:
            optimizer: Of which the groups are written.
            scaled_for: Batch that its rates have been scaled for already; None if they have not been.

        Returns:
            What was done, in a line.

        Raises:
            ValueError: A torch scheduler is attached, or ``rule`` must be given for the class.
        """
        if any("initial_lr" in group for group in optimizer.param_groups):  # torch's schedulers leave it there
            remedy = "Return the optimizer alone, with ScheduleLR among the callbacks."
            condition = "attach no torch scheduler, which keeps the rate it found"
            raise ValueError(message(OWNER, "configure_optimizers", condition, type(optimizer).__name__, remedy))
        rule = self.rule or scaling_rule(optimizer, owner=OWNER)
        rates = GroupOption(OWNER, "lr", [optimizer])
        rates.write(0, scale_lr(1.0, batch=self.batch, reference_batch=scaled_for or self.reference_batch, rule=rule))
        after = _text(group["lr"] for group in optimizer.param_groups)
        return f"{self._head(rule)}; lr {_text(rates.base[0])} -> {after}{self._warmup(rule)}"

    def _head(self, rule: Rule) -> str:
        k = scale_lr(1.0, batch=self.batch, reference_batch=self.reference_batch)
        product = f"{self.parts.batch_size} x {self.parts.devices} devices x {self.parts.accumulated} accumulated"
        return f"{rule} rule, k = {k:g}: global batch {self.batch} = {product}, reference {self.reference_batch}"

    def _warmup(self, rule: Rule) -> str:
        start = scale_lr(1.0, batch=self.reference_batch, reference_batch=self.batch, rule=rule)
        return f"; ScheduleLR(start_factor={start:.6g}) warms up from the reference rate" if start < 1 else ""


def _text(rates: Iterable[Any]) -> str:
    shown = list(dict.fromkeys(f"{float(rate):g}" for rate in rates))
    return ", ".join([*shown[:SHOWN], *(["..."] if shown[SHOWN:] else [])])
