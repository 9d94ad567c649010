"""What to look at while a network trains: figures of a step, its speed, and a sheet of its images.

Of a step: length of its gradients and of itself :func:`global_norm`, :func:`update_ratios`; units that learn nothing
:func:`dead_units`, :func:`saturated_share`, of every call of a layer :class:`ActivationWatch`; options in use
:func:`group_values`. Of a run: :class:`Throughput`, validation minus training :func:`gaps`, :func:`paired_names`. To be
shown: :func:`image_sheet`, :func:`mixture_captions`, :func:`target_captions`. Over which axis: :class:`Position`,
:func:`axis_step`. Tensors to numbers, waiting once: :func:`to_floats`.
"""

from lightning_regkit.monitoring._activations import ActivationWatch
from lightning_regkit.monitoring._gaps import gaps, paired_names
from lightning_regkit.monitoring._groups import group_values
from lightning_regkit.monitoring._norms import global_norm, update_ratios
from lightning_regkit.monitoring._position import Position, axis_step
from lightning_regkit.monitoring._scalars import to_floats
from lightning_regkit.monitoring._sheet import image_sheet, mixture_captions, target_captions
from lightning_regkit.monitoring._throughput import Throughput
from lightning_regkit.monitoring._units import dead_units, saturated_share

__all__ = [
    "ActivationWatch",
    "Position",
    "Throughput",
    "axis_step",
    "dead_units",
    "gaps",
    "global_norm",
    "group_values",
    "image_sheet",
    "mixture_captions",
    "paired_names",
    "saturated_share",
    "target_captions",
    "to_floats",
    "update_ratios",
]
