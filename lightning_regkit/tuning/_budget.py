"""How a search goes about."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, final, get_args

from lightning_regkit._checks import one_of, positive_int, refuse_default_mode

__all__ = ["Budget", "SamplerName"]

SamplerName: TypeAlias = Literal["grid", "quasi_random", "random", "tpe"]

OWNER: Final = "tuning.Budget"


@final
@dataclass(frozen=True)
class Budget:
    """How many trials of how many epochs, how they are chosen, and where they are kept.

    Args:
        num_trials: In all, those of earlier runs counted; a grid ends when it is through.
        epochs: Of each trial.
        sampler: ``"random"``, ``"grid"``, ``"quasi_random"`` (Sobol) or ``"tpe"``.
        monitor: A metric that validation logs, and whether more of it is better.
        mode: ``"max"`` or ``"min"``.
        is_pruned: Whether a trial ends early that is worse than the median of the others at the same epoch.
        storage: None for SQLite in the folder of the setup, a path that ends in ``.journal`` for a file that machines
            share, else the URL of a database.
        name: Of the search in its storage, and of its rows in the table.

    Raises:
        TypeError: A number is of the wrong kind.
        ValueError: A number is out of range, a word is unknown, or the largest loss would be chosen.

    Example:
        >>> Budget(num_trials=8, epochs=2).sampler
        'random'
    """

    num_trials: int = 20
    epochs: int = 3
    sampler: SamplerName = "random"
    monitor: str = "val_acc"
    mode: Literal["max", "min"] = "max"
    is_pruned: bool = True
    storage: str | None = None
    name: str = "coarse"

    def __post_init__(self) -> None:
        positive_int(OWNER, "num_trials", self.num_trials)
        positive_int(OWNER, "epochs", self.epochs)
        one_of(OWNER, "sampler", self.sampler, get_args(SamplerName))
        one_of(OWNER, "mode", self.mode, ("max", "min"))
        refuse_default_mode(OWNER, self.monitor, self.mode, default="max")
