"""What each step of the protocol does with what earlier ones have found."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from lightning_regkit.tuning._budget import Budget
from lightning_regkit.tuning._curves import Curves
from lightning_regkit.tuning._diagnose import diagnose
from lightning_regkit.tuning._initial_loss import initial_loss
from lightning_regkit.tuning._overfit import overfit
from lightning_regkit.tuning._progress import Found
from lightning_regkit.tuning._propose import said
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

Outcome: TypeAlias = tuple[Verdict, Found]
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

    @property
    def space(self) -> Space:
        """Of step 4, besides the rate and the decay, or in place of them."""


def _initial_loss(task: Task, _found: Found, plan: Plan) -> Outcome:
    return initial_loss(*task, setup=plan.setup).verdict, Found()


def _overfit(task: Task, _found: Found, plan: Plan) -> Outcome:
    return overfit(*task, setup=plan.setup).verdict, Found()


def _rate(task: Task, _found: Found, plan: Plan) -> Outcome:
    trials, ranged = rate_trials(*task, setup=plan.setup), range_test(*task, setup=plan.setup)
    rates = [rate for rate in (trials.best, ranged.analysis.suggested) if rate is not None]
    text = f"{trials.verdict.sentence} {ranged.verdict.sentence}"
    return Verdict(HEALTHY if rates else trials.verdict.cause, text), Found({"rates": rates})


def _coarse(task: Task, found: Found, plan: Plan) -> Outcome:
    """Search from a tenth of the lower rate to thrice the higher one that step 3 has found."""
    rates = found.facts.get("rates") or [DEFAULT_RATE]
    usual: Space = {"lr": Between(min(rates) / 10, max(rates) * 3), "weight_decay": Among(DECAYS)}
    return _outcome(search(*task, {**usual, **plan.space}, budget=plan.coarse, setup=plan.setup), 0)


def _refined(task: Task, found: Found, plan: Plan) -> Outcome:
    """Search where it was last proposed."""
    past = int(found.facts["round"][0])
    name = plan.refined.name if past == 0 else f"{plan.refined.name}_{past + 1}"
    return _outcome(search(*task, found.space, budget=replace(plan.refined, name=name), setup=plan.setup), past + 1)


def _outcome(result: SearchResult, past: int) -> Outcome:
    if result.best is None:
        return result.verdict, Found()
    curves = {f"curve {name}": list(curve) for name, curve in result.best.curves.items()}
    return result.verdict, Found({"round": [past], **curves}, result.proposal.space, dict(result.best.values))


def _curves(_task: Task, found: Found, plan: Plan) -> Outcome:
    named = {name.partition("curve ")[2]: tuple(curve) for name, curve in found.facts.items()}
    curves = Curves(**{name: curve for name, curve in named.items() if name})
    diagnosis = diagnose(curves)
    write_json(plan.setup.path, "6_curves", {"curves": curves, "diagnosis": diagnosis})
    write_picture(plan.setup.path, "6_curves", curves)
    return Verdict(diagnosis.causes[0], diagnosis.sentence), Found()


def _next(_task: Task, found: Found, plan: Plan) -> Outcome:
    places = ", ".join(f"{name} {each}" for name, each in found.space.items())
    text = f"Go to step 5 again with {places}, or train longer with {said(found.best)}."
    write_json(plan.setup.path, "7_next", {"space": found.space, "best": found.best, "sentence": text})
    return Verdict(HEALTHY, text), Found()


STEPS: Final[dict[int, Callable[[Task, Found, Plan], Outcome]]] = {
    1: _initial_loss,
    2: _overfit,
    3: _rate,
    4: _coarse,
    5: _refined,
    6: _curves,
    7: _next,
}
