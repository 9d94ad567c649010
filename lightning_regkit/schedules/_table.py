"""What a schedule will do in a run, as a small table."""

from lightning_regkit._durations import Horizon, steps
from lightning_regkit.schedules._compose import compose
from lightning_regkit.schedules._lengths import shown
from lightning_regkit.schedules._spec import ScheduleSpec

__all__ = ["table"]


def table(spec: ScheduleSpec, horizon: Horizon, *, warmup: str | int = 0, start_factor: float | None = None) -> str:
    """Say in a line each how long the run is, what the warmup and the spec do at which step, and what rate comes last.

    Args:
        spec: The shape.
        horizon: What is known of the run.
        warmup: Length of the warmup, as for ``compose``.
        start_factor: Factor at step 0 of the warmup, as for ``compose``.

    Returns:
        Lines of a name and what it is, in steps counted from the start of the run, without a line end at the end.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: As for ``compose``.
        UnknownTotalError: As for ``compose``.

    Example:
        >>> from lightning_regkit.schedules import Horizon, StepDecay
        >>> print(table(StepDecay(30), Horizon(total_steps=90), warmup="0.1run"))
        total steps  90
        warmup       x0.111 at step 0, straight to x1 at step 9 (0.1run)
        schedule     StepDecay: x0.1 at step 30, 60 (every 30 steps), to x0.01
        last step    x0.01 at step 89
    """
    schedule = compose(spec, horizon, warmup=warmup, start_factor=start_factor)
    warmup_steps = steps(warmup, horizon, owner="ScheduleLR", argument="warmup")
    total = horizon.total_steps
    rise = f"x{schedule(0):.3g} at step 0, straight to x1 at step {shown(warmup_steps, warmup)}"
    rows = {
        "total steps": "unknown" if total is None else str(total),
        "warmup": rise if warmup_steps else "none",
        "schedule": spec.describe(horizon, warmup_steps),
        "last step": "unknown" if total is None else f"x{schedule(total - 1):.3g} at step {total - 1}",
    }
    return "\n".join(f"{name:<11}  {text}" for name, text in rows.items())
