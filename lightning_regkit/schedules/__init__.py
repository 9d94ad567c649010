"""Learning-rate schedules: a step in, a factor of the base rate out.

Pure builders return a ``Schedule``: a picklable function of the optimizer step, 0-based. Step t uses factor(t), the end
value belongs to T, and past T it stays.

- shapes that stretch over the run: ``linear``, ``polynomial``, ``cosine``, ``trapezoid``, ``one_cycle``; with restarts
  ``cyclic_cosine``, ``cosine_restarts``;
- shapes that could go on for ever: ``constant``, ``milestones``, ``step_decay``, ``exponential``, ``inverse_sqrt``;
- what is made of others: ``with_warmup`` in front of any, ``join`` one after another, ``scaled``, ``mirrored``;
- what no clock decides: ``Plateau``, a multiplier on any of them.

Frozen specs of the same names (``Cosine`` for ``cosine``) say it in the user's units; ``compose`` builds the schedule
of one once the ``Horizon`` of the run is known, ``describe`` and ``table`` put it in words, ``simulate`` in numbers,
``plot`` in a picture.
"""

from lightning_regkit._durations import Horizon
from lightning_regkit.schedules._compose import compose, describe
from lightning_regkit.schedules._constant import Constant, constant
from lightning_regkit.schedules._cosine import Cosine, cosine
from lightning_regkit.schedules._cosine_restarts import CosineRestarts, cosine_restarts
from lightning_regkit.schedules._cyclic_cosine import CyclicCosine, cyclic_cosine
from lightning_regkit.schedules._exponential import Exponential, exponential
from lightning_regkit.schedules._inverse_sqrt import InverseSqrt, inverse_sqrt
from lightning_regkit.schedules._join import Join, join
from lightning_regkit.schedules._linear import Linear, linear
from lightning_regkit.schedules._milestones import Milestones, milestones
from lightning_regkit.schedules._mirrored import Mirrored, mirrored
from lightning_regkit.schedules._one_cycle import OneCycle, one_cycle
from lightning_regkit.schedules._plateau import Plateau, PlateauState, observe_plateau
from lightning_regkit.schedules._plot import plot
from lightning_regkit.schedules._polynomial import Polynomial, polynomial
from lightning_regkit.schedules._scaled import Scaled, scaled
from lightning_regkit.schedules._simulate import simulate
from lightning_regkit.schedules._spec import Schedule, ScheduleSpec
from lightning_regkit.schedules._step_decay import StepDecay, step_decay
from lightning_regkit.schedules._table import table
from lightning_regkit.schedules._trapezoid import Trapezoid, trapezoid
from lightning_regkit.schedules._warmup import with_warmup

__all__ = [
    "Constant",
    "Cosine",
    "CosineRestarts",
    "CyclicCosine",
    "Exponential",
    "Horizon",
    "InverseSqrt",
    "Join",
    "Linear",
    "Milestones",
    "Mirrored",
    "OneCycle",
    "Plateau",
    "PlateauState",
    "Polynomial",
    "Scaled",
    "Schedule",
    "ScheduleSpec",
    "StepDecay",
    "Trapezoid",
    "compose",
    "constant",
    "cosine",
    "cosine_restarts",
    "cyclic_cosine",
    "describe",
    "exponential",
    "inverse_sqrt",
    "join",
    "linear",
    "milestones",
    "mirrored",
    "observe_plateau",
    "one_cycle",
    "plot",
    "polynomial",
    "scaled",
    "simulate",
    "step_decay",
    "table",
    "trapezoid",
    "with_warmup",
]
