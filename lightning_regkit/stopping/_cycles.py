"""How long the cycles of a schedule are, read off its values."""

import math
from collections.abc import Iterable

from lightning_regkit._durations import Horizon, steps
from lightning_regkit.stopping._rule import StoppingRule

__all__ = ["longest_cycle", "patience_steps"]


def longest_cycle(factors: Iterable[float]) -> int | None:
    """Find the longest cycle of a schedule: a cycle begins where it rises after it has fallen.

    A metric that is watched through such a schedule gets worse with every rise, and a patience shorter than a cycle
    ends the run before the fall that would have made it better.

    Args:
        factors: Factor of the base rate at step 0, 1, ..., T - 1.

    Returns:
        Steps; None for a schedule that never rises after it has fallen, so that it has no cycles.

    Example:
        >>> longest_cycle([1.0, 0.5, 0.0, 1.0, 0.5, 0.25, 0.0]), longest_cycle([0.5, 1.0, 0.5, 0.0])
        (4, None)
    """
    starts, before, has_fallen, count = [0], None, False, 0
    for count, factor in enumerate(factors, start=1):
        if before is not None and factor > before and has_fallen:
            starts.append(count - 1)
            has_fallen = False
        has_fallen = has_fallen or (before is not None and factor < before)
        before = factor
    ends = [*starts[1:], count]
    return max(end - start for start, end in zip(starts, ends, strict=True)) if len(starts) > 1 else None


def patience_steps(rule: StoppingRule, horizon: Horizon, steps_between_checks: int | None) -> int | None:
    """Turn the patience of a rule into optimizer steps.

    Args:
        rule: The settings.
        horizon: What is known of the run.
        steps_between_checks: Optimizer steps between two values, where it is known.

    Returns:
        Steps, to the nearest for epochs; None where the run does not tell.

    Example:
        >>> patience_steps(StoppingRule("max", patience="2ep"), Horizon(30, (10, 20, 30)), None)
        20
        >>> patience_steps(StoppingRule("max", patience=4), Horizon(30, (10, 20, 30)), 5)
        20
    """
    if rule.wait.unit == "check":
        return None if steps_between_checks is None else math.ceil(rule.wait.value) * steps_between_checks
    if rule.wait.unit == "ep" and not horizon.epoch_ends:
        return None
    return steps(rule.patience, horizon, owner=rule.owner, argument="patience")
