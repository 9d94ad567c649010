"""Fixed sets of crops: layouts are whole-pixel geometry, and become tensors one scale at a time.

Layouts: :func:`center`, :func:`five`, :func:`ten`, :func:`flip`, :func:`shifts`, :func:`multiscale_50`,
:func:`multiscale_fcn`, or by name :class:`Layout`. They list :class:`View` values of :class:`Box` parts.
De-duplication: :func:`distinct`. Tensors: :func:`apply_view`, :func:`apply_views`. Sizes: :func:`shorter_side_to`,
:func:`refuse_cropped`.
"""

from lightning_regkit._boxes import Box
from lightning_regkit.crops._corners import center, five, ten
from lightning_regkit.crops._distinct import distinct
from lightning_regkit.crops._layout import Layout
from lightning_regkit.crops._multiscale import multiscale_50, multiscale_fcn
from lightning_regkit.crops._sizes import refuse_cropped, shorter_side_to
from lightning_regkit.crops._view import View
from lightning_regkit.crops._views import apply_view, apply_views
from lightning_regkit.crops._whole import flip, shifts

__all__ = [
    "Box",
    "Layout",
    "View",
    "apply_view",
    "apply_views",
    "center",
    "distinct",
    "five",
    "flip",
    "multiscale_50",
    "multiscale_fcn",
    "refuse_cropped",
    "shifts",
    "shorter_side_to",
    "ten",
]
