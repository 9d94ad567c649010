"""Fixed sets of crops: layouts are whole-pixel geometry, and become tensors one scale at a time.

Layouts: :func:`center`, :func:`five`, :func:`ten`, :func:`flip`, :func:`shifts`, :func:`multiscale_50`,
:func:`multiscale_fcn`, or by name :class:`Layout`. They list :class:`View` values of :class:`Box` parts.
De-duplication: :func:`distinct`, :func:`repeated`. Order: :func:`from_center`. Tensors: :func:`apply_view`,
:func:`apply_views`, of unequal size :func:`by_size`, :func:`together`, :func:`in_order`. Sizes:
:func:`shorter_side_to`, :func:`refuse_cropped`. What more views achieve: :func:`curve_points`, :func:`tally`,
:class:`Tally`, :class:`ViewsRow`, :func:`curve_table`, :func:`plot_curve`.
"""

from lightning_regkit._boxes import Box
from lightning_regkit.crops._by_size import by_size, in_order, together
from lightning_regkit.crops._corners import center, five, ten
from lightning_regkit.crops._curve import ViewsRow, curve_table
from lightning_regkit.crops._distinct import distinct
from lightning_regkit.crops._from_center import curve_points, from_center
from lightning_regkit.crops._layout import Layout
from lightning_regkit.crops._multiscale import multiscale_50, multiscale_fcn
from lightning_regkit.crops._plot import plot_curve
from lightning_regkit.crops._repeated import repeated
from lightning_regkit.crops._sizes import refuse_cropped, shorter_side_to
from lightning_regkit.crops._tally import Tally, tally
from lightning_regkit.crops._view import View
from lightning_regkit.crops._views import apply_view, apply_views
from lightning_regkit.crops._whole import flip, shifts

__all__ = [
    "Box",
    "Layout",
    "Tally",
    "View",
    "ViewsRow",
    "apply_view",
    "apply_views",
    "by_size",
    "center",
    "curve_points",
    "curve_table",
    "distinct",
    "five",
    "flip",
    "from_center",
    "in_order",
    "multiscale_50",
    "multiscale_fcn",
    "plot_curve",
    "refuse_cropped",
    "repeated",
    "shifts",
    "shorter_side_to",
    "tally",
    "ten",
    "together",
]
