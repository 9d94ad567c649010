"""Learning-rate schedules: a step in, a factor of the base rate out.

Pure builders (``constant``, ``linear``, ``cosine``, ``milestones``, ``cyclic_cosine``; ``with_warmup`` in front of any)
return a ``Schedule``: a picklable function of the optimizer step, 0-based. Step t uses factor(t), the end value belongs
to T, and past T it stays.

Frozen specs (``Constant``, ``Linear``, ``Cosine``, ``Milestones``, ``CyclicCosine``) say the same in the user's units;
``compose`` builds the schedule of one once the ``Horizon`` of the run is known, and ``describe`` puts it in words.
"""

from lightning_regkit._durations import Horizon
from lightning_regkit.schedules._compose import compose, describe
from lightning_regkit.schedules._constant import Constant, constant
from lightning_regkit.schedules._cosine import Cosine, cosine
from lightning_regkit.schedules._cyclic_cosine import CyclicCosine, cyclic_cosine
from lightning_regkit.schedules._linear import Linear, linear
from lightning_regkit.schedules._milestones import Milestones, milestones
from lightning_regkit.schedules._spec import Schedule, ScheduleSpec
from lightning_regkit.schedules._warmup import with_warmup

__all__ = [
    "Constant",
    "Cosine",
    "CyclicCosine",
    "Horizon",
    "Linear",
    "Milestones",
    "Schedule",
    "ScheduleSpec",
    "compose",
    "constant",
    "cosine",
    "cyclic_cosine",
    "describe",
    "linear",
    "milestones",
    "with_warmup",
]
