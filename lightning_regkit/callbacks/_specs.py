"""A shape for all optimizers, or one for each."""

from collections.abc import Sequence
from typing import Final, TypeAlias

from typing_extensions import TypeIs

from lightning_regkit._checks import message
from lightning_regkit.schedules import Plateau, ScheduleSpec

__all__ = ["OWNER", "Specs", "check_plateau", "check_specs", "for_each", "listed_count", "shown_specs"]

OWNER: Final = "ScheduleLR"

#: One for all optimizers, or a list of one for each, in which None leaves an optimizer alone.
Specs: TypeAlias = ScheduleSpec | Sequence[ScheduleSpec | None]


def check_specs(argument: str, specs: object, *, may_hold_none: bool) -> None:
    """Refuse with ``TypeError`` what is no spec or list of specs."""
    for spec in specs if _is_list(specs) else [specs]:
        is_left_out = spec is None and may_hold_none and _is_list(specs)
        if not isinstance(spec, ScheduleSpec) and not is_left_out:
            remedy = "Pass it as plateau=, beside a spec such as Constant()." if isinstance(spec, Plateau) else ""
            raise TypeError(message(OWNER, argument, "be a spec of lightning_regkit.schedules", spec, remedy))


def check_plateau(plateau: object) -> None:
    """Refuse with ``TypeError`` what is no plateau."""
    if plateau is not None and not isinstance(plateau, Plateau):
        condition, remedy = "be a Plateau of lightning_regkit.schedules", 'Write Plateau("val_loss").'
        raise TypeError(message(OWNER, "plateau", condition, plateau, remedy))


def for_each(argument: str, specs: Specs, count: int) -> list[ScheduleSpec | None]:
    """List the spec of each of ``count`` optimizers; ``ValueError`` where another number is listed."""
    if isinstance(specs, ScheduleSpec):
        return [specs for _ in range(count)]
    if len(specs) != count:
        condition = f"list one for each of {count} optimizers"
        raise ValueError(message(OWNER, argument, condition, list(specs)))
    return list(specs)


def listed_count(*values: object) -> int:
    """Return for how many optimizers the first list among values is; 1 where there is none."""
    return next((len(value) for value in values if _is_list(value)), 1)


def shown_specs(specs: object) -> str:
    """Write a spec, or a list of specs, as the user could have."""
    return f"[{', '.join(map(str, specs))}]" if _is_list(specs) else str(specs)


def _is_list(value: object) -> TypeIs[Sequence[object]]:
    return isinstance(value, Sequence) and not isinstance(value, str)
