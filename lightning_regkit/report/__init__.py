"""One page of HTML from the logs of training runs, which opens from disk without a network.

Reading: :func:`read_runs`, :func:`read_run` give a :class:`Run` of :class:`Series` and perhaps a :class:`Table`; points
as they were written, :func:`in_order`. Seeds: :func:`group_by_seed` makes a :class:`Group`, :func:`band` its mean and
:class:`Band`. Settings: :func:`differences`, each a :class:`Difference`. Curves: :func:`smooth`, :func:`thinned`,
:func:`best_point`, a :class:`Point`; what they say, :func:`diagnose_run`. Drawing: :func:`figures`, each a
:class:`Figure` of plain values; :func:`page`, :func:`write_page`.
On the command line: ``regkit report RUN``.
"""

from lightning_regkit.report._band import Band, band
from lightning_regkit.report._config import Difference, differences
from lightning_regkit.report._diagnose_run import diagnose_run
from lightning_regkit.report._figures import Figure, figures
from lightning_regkit.report._groups import Group, group_by_seed
from lightning_regkit.report._page import page, write_page
from lightning_regkit.report._read import read_run, read_runs
from lightning_regkit.report._run import Run, Table
from lightning_regkit.report._series import Point, Series, best_point, in_order, thinned
from lightning_regkit.report._smooth import smooth

__all__ = [
    "Band",
    "Difference",
    "Figure",
    "Group",
    "Point",
    "Run",
    "Series",
    "Table",
    "band",
    "best_point",
    "diagnose_run",
    "differences",
    "figures",
    "group_by_seed",
    "in_order",
    "page",
    "read_run",
    "read_runs",
    "smooth",
    "thinned",
    "write_page",
]
