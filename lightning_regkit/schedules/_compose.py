"""A spec and a warmup, put on the clock of one run."""

from lightning_regkit._checks import message
from lightning_regkit._durations import Horizon, steps
from lightning_regkit.schedules._spec import Schedule, ScheduleSpec
from lightning_regkit.schedules._warmup import with_warmup

__all__ = ["compose", "describe"]


def compose(
    spec: ScheduleSpec, horizon: Horizon, *, warmup: str | int = 0, start_factor: float | None = None
) -> Schedule:
    """Build the schedule of a run: linear warmup up to where the spec starts, then the spec.

    Args:
        spec: The shape.
        horizon: What is known of the run.
        warmup: Length of the warmup, such as ``"5ep"``; integers count steps; 0 for none.
        start_factor: Where the warmup starts, in [0, 1] of where it ends; None means 1 / warmup steps.

    Returns:
        A picklable function of the optimizer step, counted from the start of the run.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: The warmup is no duration or fills the run, or the spec does not fit into it.
        UnknownTotalError: The warmup or the spec needs a length that the run does not have.

    Example:
        >>> from lightning_regkit.schedules import Cosine, Horizon
        >>> schedule = compose(Cosine(), Horizon(total_steps=6), warmup="2step")
        >>> [round(schedule(step), 4) for step in range(7)]
        [0.5, 0.75, 1.0, 0.8536, 0.5, 0.1464, 0.0]
    """
    warmup_steps = _warmup_steps(horizon, warmup)
    schedule = spec.build(horizon, warmup_steps)
    return with_warmup(schedule, warmup_steps=warmup_steps, start_factor=start_factor, peak=schedule(0))


def describe(spec: ScheduleSpec, horizon: Horizon, *, warmup: str | int = 0) -> str:
    """Say in one line what will happen at which step.

    Args:
        spec: The shape.
        horizon: What is known of the run.
        warmup: Length of the warmup, as for ``compose``.

    Returns:
        One line, in steps counted from the start of the run.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: As for ``compose``.
        UnknownTotalError: As for ``compose``.

    Example:
        >>> from lightning_regkit.schedules import Cosine, Horizon
        >>> describe(Cosine(), Horizon(total_steps=100), warmup="0.1run")
        'linear warmup to step 10 (0.1run), then Cosine: x1 at step 10, curving to x0 at step 100, the end of the run'
    """
    warmup_steps = _warmup_steps(horizon, warmup)
    text = spec.describe(horizon, warmup_steps)
    if warmup_steps == 0:
        return text
    shown = f" ({warmup})" if isinstance(warmup, str) else ""
    return f"linear warmup to step {warmup_steps}{shown}, then {text}"


def _warmup_steps(horizon: Horizon, warmup: str | int) -> int:
    warmup_steps = steps(warmup, horizon, owner="ScheduleLR", argument="warmup")
    total = horizon.total_steps
    if total is not None and warmup_steps >= total:
        condition, remedy = f"be shorter than the run of {total} steps", f"It takes {warmup_steps} steps."
        raise ValueError(message("ScheduleLR", "warmup", condition, warmup, remedy))
    return warmup_steps
