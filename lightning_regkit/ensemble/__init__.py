"""Ensembles of models: members on disk, what they achieve together, how much they differ.

Members: :class:`Member`, :func:`write_member`, :func:`read_member`, :func:`write_manifest`, :func:`read_manifest`,
:func:`read_weights`. When they are taken: :func:`cycle_ends`. What the last m achieve: :func:`tally`, :class:`Tally`,
:class:`CurveRow`, :func:`curve_table`. Diversity and calibration: :func:`disagreement`, :func:`calibration_error`.
"""

from lightning_regkit.ensemble._calibration import calibration_error
from lightning_regkit.ensemble._curve import CurveRow, curve_table
from lightning_regkit.ensemble._cycles import cycle_ends
from lightning_regkit.ensemble._diversity import disagreement
from lightning_regkit.ensemble._manifest import Member, read_manifest, write_manifest
from lightning_regkit.ensemble._tally import Tally, tally
from lightning_regkit.ensemble._weights import read_member, read_weights, write_member

__all__ = [
    "CurveRow",
    "Member",
    "Tally",
    "calibration_error",
    "curve_table",
    "cycle_ends",
    "disagreement",
    "read_manifest",
    "read_member",
    "read_weights",
    "tally",
    "write_manifest",
    "write_member",
]
