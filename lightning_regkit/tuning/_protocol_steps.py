"""What each step of the protocol does with what earlier ones have found."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from lightning_regkit.tuning._budget import Budget
from lightning_regkit.tuning._curves import Curves
from lightning_regkit.tuning._diagnose import diagnose
from lightning_regkit.tuning._initial_loss import initial_loss
from lightning_regkit.tuning._overfit import overfit
from lightning_regkit.tuning._range_test import range_test
from lightning_regkit.tuning._rate_trials import rate_trials
from lightning_regkit.tuning._search import SearchResult, search
from lightning_regkit.tuning._space import Among, Between, Space
from lightning_regkit.tuning._verdict import HEALTHY, Verdict
from lightning_regkit.tuning._write import write_json, write_picture

if TYPE_CHECKING:
    from lightning_regkit.tuning._setup import Setup

__all__ = ["MENDED", "SEARCHES", "STEPS", "TITLES", "Outcome"]

TITLES: Final = {
    1: "initial loss",
    2: "overfit a few batches",
    3: "a rate that makes the loss fall",
    4: "coarse search",
    5: "refined search",
    6: "curves of the best trial",
    7: "where to look next",
}
#: Steps whose faults are mended before the protocol goes on.
MENDED: Final = frozenset({1, 2, 3})
#: Steps without which there is no next one.
SEARCHES: Final = frozenset({4, 5})
DECAYS: Final = (1e-4, 1e-5, 0.0)
#: Where to look when step 3 was passed over.
DEFAULT_RATE: Final = 1e-2

Facts: TypeAlias = dict[str, list[float]]
Outcome: TypeAlias = tuple[Verdict, Facts]
Task: TypeAlias = tuple[Any, object]


class Plan(Protocol):
    """What steps read of the protocol."""

    @property
    def setup(self) -> "Setup":
        """What all runs share."""

    @property
    def coarse(self) -> Budget:
        """Of step 4."""

    @property
    def refined(self) -> Budget:
        """Of step 5."""


def _initial_loss(task: Task, _facts: Facts, plan: Plan) -> Outcome:
    return initial_loss(*task, setup=plan.setup).verdict, {}


def _overfit(task: Task, _facts: Facts, plan: Plan) -> Outcome:
    return overfit(*task, setup=plan.setup).verdict, {}


def _rate(task: Task, _facts: Facts, plan: Plan) -> Outcome:
    trials, ranged = rate_trials(*task, setup=plan.setup), range_test(*task, setup=plan.setup)
    rates = [rate for rate in (trials.best, ranged.analysis.suggested) if rate is not None]
    text = f"{trials.verdict.sentence} {ranged.verdict.sentence}"
    return Verdict(HEALTHY if rates else trials.verdict.cause, text), {"rates": rates}


def _coarse(task: Task, facts: Facts, plan: Plan) -> Outcome:
    """Search from a tenth of the lower rate to thrice the higher one that step 3 has found."""
    rates = facts.get("rates") or [DEFAULT_RATE]
    space: Space = {"lr": Between(min(rates) / 10, max(rates) * 3), "weight_decay": Among(DECAYS)}
    return _outcome(search(*task, space, budget=plan.coarse, setup=plan.setup), 0)


def _refined(task: Task, facts: Facts, plan: Plan) -> Outcome:
    """Search where it was last proposed."""
    past = int(facts["round"][0])
    name = plan.refined.name if past == 0 else f"{plan.refined.name}_{past + 1}"
    low, high = facts["lr"]
    space: Space = {"lr": Between(low, high), "weight_decay": Among(tuple(facts["weight_decay"]))}
    return _outcome(search(*task, space, budget=replace(plan.refined, name=name), setup=plan.setup), past + 1)


def _outcome(found: SearchResult, past: int) -> Outcome:
    if found.best is None:
        return found.verdict, {}
    rate, decay = found.proposal.space["lr"], found.proposal.space["weight_decay"]
    assert isinstance(rate, Between)  # noqa: S101  # for the type checker
    assert isinstance(decay, Among)  # noqa: S101
    facts: Facts = {
        "lr": [rate.low, rate.high],
        "weight_decay": [float(str(value)) for value in decay.values],
        "round": [past],
    }
    curves: Facts = {f"curve {name}": list(curve) for name, curve in found.best.curves.items()}
    best: Facts = {f"best {name}": [float(str(value))] for name, value in found.best.values.items()}
    return found.verdict, {**facts, **curves, **best}


def _curves(_task: Task, facts: Facts, plan: Plan) -> Outcome:
    curves = Curves(**{name.removeprefix("curve "): tuple(c) for name, c in facts.items() if name.startswith("curve ")})
    found = diagnose(curves)
    write_json(plan.setup.path, "6_curves", {"curves": curves, "diagnosis": found})
    write_picture(plan.setup.path, "6_curves", curves)
    return Verdict(found.causes[0], found.sentence), {}


def _next(_task: Task, facts: Facts, plan: Plan) -> Outcome:
    low, high = facts["lr"]
    decays = ", ".join(f"{decay:g}" for decay in facts["weight_decay"])
    text = f"Go to step 5 again with rates from {low:.2g} to {high:.2g} and weight decay among {decays}"
    text += f", or train longer with lr={facts['best lr'][0]:.3g}, weight_decay={facts['best weight_decay'][0]:g}."
    write_json(plan.setup.path, "7_next", {"lr": [low, high], "weight_decay": facts["weight_decay"], "sentence": text})
    return Verdict(HEALTHY, text), {}


STEPS: Final[dict[int, Callable[[Task, Facts, Plan], Outcome]]] = {
    1: _initial_loss,
    2: _overfit,
    3: _rate,
    4: _coarse,
    5: _refined,
    6: _curves,
    7: _next,
}
