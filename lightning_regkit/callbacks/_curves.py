"""What ScheduleLR drives, as declared: a value that is checked once and put on the clock of a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, final

from typing_extensions import override

from lightning_regkit._checks import fraction
from lightning_regkit._durations import parse
from lightning_regkit.callbacks._specs import OWNER, Specs, check_plateau, check_specs, for_each, shown_specs
from lightning_regkit.schedules import Plateau, Schedule, ScheduleSpec, compose, describe, table

if TYPE_CHECKING:
    from lightning_regkit._durations import Horizon
    from lightning_regkit._lightning import OptionName

__all__ = ["Curves", "Driven"]

#: What drives the options of one optimizer.
Driven: TypeAlias = "dict[OptionName, Schedule]"


@final
@dataclass(frozen=True)
class Curves:
    """The shapes of everything that is driven; the arguments are those of ``ScheduleLR``."""

    spec: ScheduleSpec | Sequence[ScheduleSpec]
    warmup: int | str
    start_factor: float | None
    total_steps: int | tuple[int, ...] | None
    momentum: Specs | None
    weight_decay: Specs | None
    plateau: Plateau | None

    def __post_init__(self) -> None:
        check_specs("spec", self.spec, may_hold_none=False)
        parse(self.warmup, owner=OWNER, argument="warmup")
        if self.start_factor is not None:
            fraction(OWNER, "start_factor", self.start_factor)
        for name, specs in self._others.items():
            check_specs(name, specs, may_hold_none=True)
        check_plateau(self.plateau)

    @override
    def __str__(self) -> str:
        rest = {"momentum": self.momentum, "weight_decay": self.weight_decay, "plateau": self.plateau}
        given = "".join(f", {name}={shown_specs(value)}" for name, value in rest.items() if value is not None)
        first = f"{shown_specs(self.spec)}, warmup={self.warmup!r}, start_factor={self.start_factor}"
        return f"{first}, total_steps={self.total_steps}{given}"

    def rows(self, count: int) -> "list[dict[OptionName, ScheduleSpec]]":
        """List what each option of each of ``count`` optimizers is to do.

        Raises:
            ValueError: Shapes are listed for another number of optimizers.
        """
        given: dict[OptionName, Specs] = {"lr": self.spec, **self._others}
        columns = {name: for_each("spec" if name == "lr" else name, specs, count) for name, specs in given.items()}
        pairs = [[(name, column[index]) for name, column in columns.items()] for index in range(count)]
        return [{name: spec for name, spec in pair if spec is not None} for pair in pairs]

    def build(self, horizons: "Sequence[Horizon]") -> list[Driven]:
        """Build what each option of each optimizer does in a run.

        Raises:
            ValueError: A shape does not fit into the run, or shapes are for another number of optimizers.
            UnknownTotalError: A shape needs a length that the run does not have.
        """
        pairs = zip(self.rows(len(horizons)), horizons, strict=True)
        return [{name: self._built(name, spec, horizon) for name, spec in row.items()} for row, horizon in pairs]

    def explain(self, horizons: "Sequence[Horizon]", bases: Sequence[Sequence[float]] = ()) -> str:
        """Say in a table what each does, once for optimizers that do the same; raises what ``build`` does.

        Args:
            horizons: The length of the run for each optimizer.
            bases: The base rate of every group of each; none where they are not known.
        """
        cells = zip(self.rows(len(horizons)), horizons, bases or [() for _ in horizons], strict=True)
        texts = [self._table(row, horizon, rates) for row, horizon, rates in cells]
        if len(set(texts)) == 1:
            return texts[0]
        parts = {text: [str(at) for at, other in enumerate(texts) if other == text] for text in texts}
        return "\n".join(f"optimizer {', '.join(at)}\n{text}" for text, at in parts.items())

    def lay_out(
        self, horizons: "Sequence[Horizon]", bases: Sequence[Sequence[float]] = (), *, is_trial: bool = False
    ) -> tuple[str, list[Driven]]:
        """Return what ``explain`` and ``build`` do; of a trial that is too short for the shapes, why, and nothing."""
        rows = self.rows(len(horizons))
        try:
            return self.explain(horizons, bases), self.build(horizons)
        except ValueError as refusal:
            if not is_trial:
                raise
            return f"leaves the rates as they are, for fast_dev_run is too short: {refusal}", [{} for _ in rows]

    @property
    def _others(self) -> "dict[OptionName, Specs]":
        others: dict[OptionName, Specs | None] = {"momentum": self.momentum, "weight_decay": self.weight_decay}
        return {name: specs for name, specs in others.items() if specs is not None}

    def _built(self, name: "OptionName", spec: ScheduleSpec, horizon: "Horizon") -> Schedule:
        if name != "lr":
            return compose(spec, horizon)
        return compose(spec, horizon, warmup=self.warmup, start_factor=self.start_factor)

    def _table(self, row: "dict[OptionName, ScheduleSpec]", horizon: "Horizon", rates: Sequence[float]) -> str:
        rest = {name.replace("_", " "): describe(spec, horizon) for name, spec in row.items() if name != "lr"}
        if self.plateau is not None:
            rest["plateau"] = self.plateau.describe()
        first = table(row["lr"], horizon, warmup=self.warmup, start_factor=self.start_factor, base_rates=rates)
        return "\n".join([first, *(f"{name:<12} {text}" for name, text in rest.items())])
