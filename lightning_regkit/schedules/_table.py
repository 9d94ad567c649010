"""What a schedule will do in a run, as a small table."""

from collections.abc import Sequence

from lightning_regkit._durations import Horizon, steps
from lightning_regkit.schedules._compose import compose
from lightning_regkit.schedules._lengths import enumerated, shown
from lightning_regkit.schedules._spec import Schedule, ScheduleSpec

__all__ = ["table"]

_SHOWN = 8


def table(
    spec: ScheduleSpec,
    horizon: Horizon,
    *,
    warmup: str | int = 0,
    start_factor: float | None = None,
    base_rates: Sequence[float] = (),
) -> str:
    """Say in a line each how long the run is, what the warmup and the spec do at which step, and what rate comes last.

    Args:
        spec: The shape.
        horizon: What is known of the run.
        warmup: Length of the warmup, as for ``compose``.
        start_factor: Where the warmup starts, as for ``compose``.
        base_rates: What the factors multiply, one number for each parameter group; where there are none, the table has
            factors only.

    Returns:
        Lines of a name and what it is, in steps counted from the start of the run, without a line end at the end. The
        rates are those at the first and the last step, at the end of warmup and at the quarters of the run.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: As for ``compose``.
        UnknownTotalError: As for ``compose``.

    Example:
        >>> from lightning_regkit.schedules import Horizon, StepDecay
        >>> print(table(StepDecay(30), Horizon(total_steps=90), warmup="0.1run", base_rates=[0.3, 3.0]))
        total steps  90
        warmup       x0.111 at step 0, straight to x1 at step 9 (0.1run)
        schedule     StepDecay: x0.1 at step 30, 60 (every 30 steps), to x0.01
        last step    x0.01 at step 89
        rates        at step 0, 9, 22, 45, 67, 89
          group 0    0.03333, 0.3, 0.3, 0.03, 0.003, 0.003
          group 1    0.3333, 3, 3, 0.3, 0.03, 0.03
    """
    schedule = compose(spec, horizon, warmup=warmup, start_factor=start_factor)
    warmup_steps = steps(warmup, horizon, owner="ScheduleLR", argument="warmup")
    total = horizon.total_steps
    ends = f"x{schedule(0):.3g} at step 0, straight to x{schedule(warmup_steps):.3g}"
    rows = {
        "total steps": "unknown" if total is None else str(total),
        "warmup": f"{ends} at step {shown(warmup_steps, warmup)}" if warmup_steps else "none",
        "schedule": spec.describe(horizon, warmup_steps),
        "last step": "unknown" if total is None else f"x{schedule(total - 1):.3g} at step {total - 1}",
        **_rates(schedule, _moments(total, warmup_steps), base_rates),
    }
    return "\n".join(f"{name:<11}  {text}".rstrip() for name, text in rows.items())


def _moments(total: int | None, warmup_steps: int) -> list[int]:
    quarters = () if total is None else (total // 4, total // 2, 3 * total // 4, total - 1)
    return sorted({0, warmup_steps, *quarters})


def _rates(schedule: Schedule, moments: Sequence[int], base_rates: Sequence[float]) -> dict[str, str]:
    groups: dict[str, list[str]] = {}
    for index, base in enumerate(base_rates):
        rates = ", ".join(f"{base * schedule(step):.4g}" for step in moments)
        groups.setdefault(rates, []).append(str(index))
    rows = {f"  group {enumerated(members)}": rates for rates, members in groups.items()}
    if len(rows) > _SHOWN:
        first, last = list(rows.items())[: _SHOWN - 2], list(rows.items())[-1]
        rows = dict([*first, ("  ...", ""), last])
    return {"rates": f"at step {', '.join(map(str, moments))}", **rows} if rows else {}
