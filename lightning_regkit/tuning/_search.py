"""Steps 4 and 5: search, kept where it can go on."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, final

from lightning_regkit.tuning._apply import check_places
from lightning_regkit.tuning._budget import Budget
from lightning_regkit.tuning._propose import Proposal, importance, propose
from lightning_regkit.tuning._setup import Setup
from lightning_regkit.tuning._space import Among, Between, Space, Value, check_space
from lightning_regkit.tuning._table import Row
from lightning_regkit.tuning._verdict import HEALTHY, Verdict
from lightning_regkit.tuning._write import write_json, write_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["COARSE", "SearchResult", "search"]

OWNER: Final = "tuning.search"
#: Panels of the picture beside each other.
MOST_ABREAST: Final = 3
#: The coarse search of the lecture.
COARSE: Final[Space] = {"lr": Between(1e-4, 1e-1), "weight_decay": Among((1e-4, 1e-5, 0.0))}


@final
@dataclass(frozen=True)
class SearchResult:
    """The trials of a search.

    Args:
        rows: All of them, in order.
        best: The best one; None where none has a score.
        importances: Of each hyperparameter: share of the variance of the score that it explains.
        proposal: Where to look next.
        verdict: Healthy where there is a best one.

    Example:
        >>> row = Row("coarse", 0, "complete", 0, {"lr": 0.1}, 3, 0.9, 2)
        >>> SearchResult((row,), row, {}, Proposal({}, ""), Verdict("healthy", "")).best.values
        {'lr': 0.1}
    """

    rows: tuple[Row, ...]
    best: Row | None
    importances: dict[str, float]
    proposal: Proposal
    verdict: Verdict

    def draw(self, axes: "Axes") -> None:
        """Draw the score over the rank of each hyperparameter, a panel each, the one that explains most first."""
        names = sorted(self.importances, key=self.importances.__getitem__, reverse=True)
        wide = min(MOST_ABREAST, max(1, len(names)))
        high = -(-len(names) // wide)
        axes.set_axis_off()
        axes.set_title("what mattered: score over value, and how much of its variance it explains", fontsize=9)
        for place, name in enumerate(names):
            down, along = divmod(place, wide)
            panel = axes.inset_axes((along / wide, 1 - (down + 0.9) / high, 0.8 / wide, 0.65 / high))
            values = [(row.values[name], row.best) for row in self.rows if row.best is not None]
            ranks = {value: rank for rank, value in enumerate(sorted({value for value, _ in values}, key=_rank))}
            panel.scatter([ranks[value] for value, _ in values], [score for _, score in values], s=12)
            ends = {ranks[value]: _said(value) for value in (*list(ranks)[:1], *list(ranks)[-1:])}
            panel.set_xticks(list(ends), list(ends.values()), fontsize=7)
            panel.tick_params(axis="y", labelsize=7)
            panel.set_title(f"{name}: {self.importances[name]:.0%}", fontsize=8)


def search(
    module: object,
    data: object,
    space: Space = COARSE,
    *,
    budget: Budget = Budget(),  # noqa: B008  # frozen
    setup: Setup = Setup(),  # noqa: B008  # frozen
) -> SearchResult:
    """Train at constant rates with values from a space, and say which were best. Needs Optuna: the extra ``tuning``.

    Trials are kept in a storage, and the search goes on where it was: the budget counts trials of earlier runs. One
    that was killed is made again, with the same values, at the next start after two minutes of silence.

    Args:
        module: A module, whose weights are the start of every trial, or what makes one. It, its data and the global
            generators stay as they are.
        data: A data module, or None for the module's own loaders.
        space: By name of the hyperparameter: ``lr``, ``weight_decay``, ``momentum``, ``optimizer`` (a name of
            ``rk.optim``), ``optimizer.eps`` (any other option of it), ``Mixup.alpha`` (any argument of any callback of
            ``rk.callbacks``, or of what makes a callback in the setup), ``module.width`` (an argument of what makes the
            module).
        budget: Of the search.
        setup: Of the protocol: writes ``trials.csv``, ``<name>.json`` and ``<name>.png``.

    Returns:
        All trials, the best, and where to look next.

    Raises:
        ImportError: Optuna is not there.
        TypeError: A value is of the wrong kind.
        ValueError: The space is empty or names something unknown, a search of this name is over another one, or the
            monitored metric is not logged.

    Example:
        >>> search(object(), None, {})
        Traceback (most recent call last):
        ValueError: tuning.search: space must hold a hyperparameter, got {}.

    Reference:
        Bergstra and Bengio, "Random Search for Hyper-Parameter Optimization", JMLR 13, 2012: why random is the default.
    """
    check_space(OWNER, space)
    check_places(module, setup.callbacks, space)
    try:
        from lightning_regkit.tuning import _study  # noqa: PLC0415  # optional
        from lightning_regkit.tuning._objective import objective  # noqa: PLC0415
        from lightning_regkit.tuning._rows import keep_table, rows_of  # noqa: PLC0415
    except ImportError as error:
        raise ImportError(f"{OWNER}: optuna must be installed. Run pip install 'optuna>=5'.") from error
    study = _study.open_study(space, budget, setup.path, setup.seed)
    task = (module, data)
    with _study.sober():
        while not _study.is_over(study, space, budget):
            study.optimize(lambda trial: objective(trial, task, (space, budget), setup), n_trials=1)
            keep_table(study, setup)
    keep_table(study, setup)
    rows = rows_of(study, setup.seed)
    result = _result(rows, space, budget)
    write_json(setup.path, budget.name, result)
    write_picture(setup.path, budget.name, result)
    return result


def _rank(value: Value) -> tuple[str, Any]:
    return (str(type(value)), value) if value is not None else ("", 0)


def _said(value: Value) -> str:
    return f"{value:.2g}" if isinstance(value, float) else str(value)


def _result(rows: tuple[Row, ...], space: Space, budget: Budget) -> SearchResult:
    scored = [row for row in rows if row.best is not None]
    proposal = propose(scored, space, mode=budget.mode)
    importances = {name: importance(scored, name) for name in space}
    if not scored:
        return SearchResult(
            rows, None, importances, proposal, Verdict("no score", "No trial has a score that is finite.")
        )
    best = (max if budget.mode == "max" else min)(scored, key=lambda row: row.best or 0.0)
    return SearchResult(rows, best, importances, proposal, Verdict(HEALTHY, proposal.sentence))
