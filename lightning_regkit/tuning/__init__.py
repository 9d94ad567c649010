"""The seven steps of choosing hyperparameters, each with a verdict and a file.

All of them in a row: :class:`Protocol`, each a :class:`StepDone`; on the command line, ``regkit tune``.

Steps: :func:`initial_loss`, :func:`overfit`, :func:`range_test` and :func:`rate_trials`, on copies, with what they
share in a :class:`Setup`. Each gives a frozen result, :class:`InitialLoss`, :class:`OverfitRun`, :class:`RangeTest`,
:class:`RateTrials`, with a :class:`Verdict`.

Search: :func:`search` within a :class:`Budget`, over :class:`Between` and :class:`Among`, in words
:func:`parse_space`; a :class:`SearchResult` of trials, each a :class:`Row`. What mattered, and where to look next:
:func:`importance`, :func:`propose`, a :class:`Proposal`.

Numbers in, verdicts out: :func:`expected_loss` of a :class:`LossSpec`; :func:`diagnose` of :class:`Curves` gives a
:class:`Diagnosis`; :func:`analyze_range` gives a :class:`RangeAnalysis`; :func:`smooth`. What steps have seen:
:class:`Observed`, :class:`Overfitted`.
"""

import importlib
import typing

from lightning_regkit.tuning._analyze_range import RangeAnalysis, analyze_range
from lightning_regkit.tuning._budget import Budget
from lightning_regkit.tuning._curves import Curves
from lightning_regkit.tuning._diagnose import diagnose
from lightning_regkit.tuning._diagnosis import Diagnosis
from lightning_regkit.tuning._expected_loss import LossSpec, expected_loss
from lightning_regkit.tuning._observed import Observed
from lightning_regkit.tuning._overfitted import Overfitted
from lightning_regkit.tuning._parse_space import parse_space
from lightning_regkit.tuning._progress import StepDone
from lightning_regkit.tuning._propose import Proposal, importance, propose
from lightning_regkit.tuning._smooth import smooth
from lightning_regkit.tuning._space import Among, Between
from lightning_regkit.tuning._table import Row
from lightning_regkit.tuning._verdict import Verdict

if typing.TYPE_CHECKING:
    from lightning_regkit.tuning._initial_loss import InitialLoss, initial_loss
    from lightning_regkit.tuning._overfit import OverfitRun, overfit
    from lightning_regkit.tuning._protocol import Protocol
    from lightning_regkit.tuning._range_test import RangeTest, range_test
    from lightning_regkit.tuning._rate_trials import RateTrials, rate_trials
    from lightning_regkit.tuning._search import SearchResult, search
    from lightning_regkit.tuning._setup import Setup

__all__ = [
    "Among",
    "Between",
    "Budget",
    "Curves",
    "Diagnosis",
    "InitialLoss",
    "LossSpec",
    "Observed",
    "OverfitRun",
    "Overfitted",
    "Proposal",
    "Protocol",
    "RangeAnalysis",
    "RangeTest",
    "RateTrials",
    "Row",
    "SearchResult",
    "Setup",
    "StepDone",
    "Verdict",
    "analyze_range",
    "diagnose",
    "expected_loss",
    "importance",
    "initial_loss",
    "overfit",
    "parse_space",
    "propose",
    "range_test",
    "rate_trials",
    "search",
    "smooth",
]

#: Where the names live that load torch and Lightning.
_LATE = {
    "InitialLoss": "_initial_loss",
    "OverfitRun": "_overfit",
    "Protocol": "_protocol",
    "RangeTest": "_range_test",
    "RateTrials": "_rate_trials",
    "SearchResult": "_search",
    "Setup": "_setup",
    "initial_loss": "_initial_loss",
    "overfit": "_overfit",
    "range_test": "_range_test",
    "rate_trials": "_rate_trials",
    "search": "_search",
}


def __getattr__(name: str) -> object:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_LATE[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
