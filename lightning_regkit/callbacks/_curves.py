"""What ScheduleLR drives, as declared: a value that is checked once and put on the clock of a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from typing_extensions import override

from lightning_regkit._checks import fraction, message
from lightning_regkit._durations import parse
from lightning_regkit.schedules import Plateau, ScheduleSpec, compose, describe, table

if TYPE_CHECKING:
    from lightning_regkit._durations import Horizon
    from lightning_regkit._lightning import OptionName
    from lightning_regkit.schedules import Schedule

__all__ = ["Curves"]

OWNER = "ScheduleLR"


@final
@dataclass(frozen=True)
class Curves:
    """The shapes of everything that is driven; the arguments are those of ``ScheduleLR``."""

    spec: ScheduleSpec | Sequence[ScheduleSpec]
    warmup: int | str
    start_factor: float | None
    total_steps: int | tuple[int, ...] | None
    momentum: ScheduleSpec | None
    weight_decay: ScheduleSpec | None
    plateau: Plateau | None

    def __post_init__(self) -> None:
        for spec in self._specs:
            _check_spec("spec", spec)
        parse(self.warmup, owner=OWNER, argument="warmup")
        if self.start_factor is not None:
            fraction(OWNER, "start_factor", self.start_factor)
        for name, spec in self._others.items():
            _check_spec(name, spec)
        if self.plateau is not None and not isinstance(self.plateau, Plateau):
            remedy = 'Write Plateau("val_loss").'
            raise TypeError(
                message(OWNER, "plateau", "be a Plateau of lightning_regkit.schedules", self.plateau, remedy)
            )

    @override
    def __str__(self) -> str:
        shown = ", ".join(map(str, self._specs))
        shown = f"[{shown}]" if isinstance(self.spec, Sequence) else shown
        rest = {"momentum": self.momentum, "weight_decay": self.weight_decay, "plateau": self.plateau}
        given = "".join(f", {name}={value}" for name, value in rest.items() if value is not None)
        first = f"{shown}, warmup={self.warmup!r}, start_factor={self.start_factor}, total_steps={self.total_steps}"
        return first + given

    @property
    def options(self) -> "list[OptionName]":
        """Names of the options that are driven."""
        return ["lr", *self._others]

    def build(self, horizons: "Sequence[Horizon]") -> "list[dict[OptionName, Schedule]]":
        """Build what each option of each optimizer does in a run.

        Raises:
            ValueError: A shape does not fit into the run, or shapes are for another number of optimizers.
            UnknownTotalError: A shape needs a length that the run does not have.
        """
        return [
            {
                "lr": compose(spec, horizon, warmup=self.warmup, start_factor=self.start_factor),
                **{name: compose(other, horizon) for name, other in self._others.items()},
            }
            for spec, horizon in self._paired(horizons)
        ]

    def explain(self, horizons: "Sequence[Horizon]") -> str:
        """Say in a table what each does, once for optimizers that do the same; raises what ``build`` does."""
        texts = [self._table(spec, horizon) for spec, horizon in self._paired(horizons)]
        if len(set(texts)) == 1:
            return texts[0]
        parts = {text: [str(at) for at, other in enumerate(texts) if other == text] for text in texts}
        return "\n".join(f"optimizer {', '.join(at)}\n{text}" for text, at in parts.items())

    @property
    def _specs(self) -> tuple[ScheduleSpec, ...]:
        return tuple(self.spec) if isinstance(self.spec, Sequence) and not isinstance(self.spec, str) else (self.spec,)

    @property
    def _others(self) -> "dict[OptionName, ScheduleSpec]":
        others: dict[OptionName, ScheduleSpec | None] = {"momentum": self.momentum, "weight_decay": self.weight_decay}
        return {name: spec for name, spec in others.items() if spec is not None}

    def _paired(self, horizons: "Sequence[Horizon]") -> "list[tuple[ScheduleSpec, Horizon]]":
        count = len(horizons)
        specs = self._specs if isinstance(self.spec, Sequence) else tuple(self.spec for _ in horizons)
        if len(specs) != count:
            raise ValueError(message(OWNER, "spec", f"list one for each of {count} optimizers", list(specs)))
        return list(zip(specs, horizons, strict=True))

    def _table(self, spec: ScheduleSpec, horizon: "Horizon") -> str:
        rows = {name.replace("_", " "): describe(other, horizon) for name, other in self._others.items()}
        if self.plateau is not None:
            rows["plateau"] = self.plateau.describe()
        first = table(spec, horizon, warmup=self.warmup, start_factor=self.start_factor)
        return "\n".join([first, *(f"{name:<12} {text}" for name, text in rows.items())])


def _check_spec(name: str, spec: object) -> None:
    if not isinstance(spec, ScheduleSpec):
        raise TypeError(message(OWNER, name, "be a spec of lightning_regkit.schedules", spec))
