"""When to stop, and which epoch was the best: a stream of values in, verdicts out.

:func:`judge` turns one value, observed at a :class:`Moment`, into a :class:`Verdict` under a :class:`StoppingRule` and
its :class:`StoppingLimits`; what it remembers is a :class:`StoppingState`. Why a run is stopped is a :class:`Stop` with
its :class:`StopReason`, which :func:`reason_to_stop` finds again after a resume. :func:`is_improvement` is the one
definition of better. :func:`place` keeps the best models on a :class:`Shelf`, each :class:`Kept` under its path.
:func:`longest_cycle` says how long a patience has to be under a schedule that rises again, :func:`patience_steps` how
long it is.
"""

from lightning_regkit.stopping._cycles import longest_cycle, patience_steps
from lightning_regkit.stopping._judge import Verdict, judge
from lightning_regkit.stopping._moment import Moment, Wait, wait
from lightning_regkit.stopping._reason import Stop, StopReason, reason_to_stop
from lightning_regkit.stopping._rule import StoppingLimits, StoppingRule, is_improvement
from lightning_regkit.stopping._shelf import Kept, Shelf, place
from lightning_regkit.stopping._state import StoppingState

__all__ = [
    "Kept",
    "Moment",
    "Shelf",
    "Stop",
    "StopReason",
    "StoppingLimits",
    "StoppingRule",
    "StoppingState",
    "Verdict",
    "Wait",
    "is_improvement",
    "judge",
    "longest_cycle",
    "patience_steps",
    "place",
    "reason_to_stop",
    "wait",
]
