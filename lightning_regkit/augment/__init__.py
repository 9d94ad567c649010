"""Images in: the augmentations of the papers, and noise that is a function of (seed, epoch, sample).

Policies, each a ``Compose`` of albumentations: :func:`resnet_train`, :func:`inception_train`, :func:`cifar_train`,
:func:`color_simple`, :func:`creative`, :func:`eval_center`, :func:`eval_multiscale`.
Transforms it lacks: :class:`Lighting` along :class:`ColorAxes`, which :func:`fit_lighting` measures;
:func:`from_torchvision`, :func:`from_timm`.
Keyed noise: :class:`Keyed` for data sets, :func:`apply_transform` for one sample.
Where the crops lie, from sizes alone: :func:`draw_resnet_crop`, :func:`draw_inception_crop`, :class:`ScaledBox`,
:class:`Box`. These and ``ColorAxes`` need no albumentations; everything else loads it when it is first used.
"""

import importlib
import typing

from lightning_regkit._boxes import Box
from lightning_regkit.augment._color_axes import ColorAxes
from lightning_regkit.augment._draws import draw_inception_crop, draw_resnet_crop
from lightning_regkit.augment._scaled_box import ScaledBox

if typing.TYPE_CHECKING:
    from lightning_regkit.augment._color_simple import color_simple
    from lightning_regkit.augment._creative import creative
    from lightning_regkit.augment._eval import eval_center, eval_multiscale
    from lightning_regkit.augment._fit_lighting import fit_lighting
    from lightning_regkit.augment._from_timm import from_timm
    from lightning_regkit.augment._from_torchvision import from_torchvision
    from lightning_regkit.augment._keyed import Keyed, apply_transform
    from lightning_regkit.augment._lighting import Lighting
    from lightning_regkit.augment._train import cifar_train, inception_train, resnet_train

__all__ = [
    "Box",
    "ColorAxes",
    "Keyed",
    "Lighting",
    "ScaledBox",
    "apply_transform",
    "cifar_train",
    "color_simple",
    "creative",
    "draw_inception_crop",
    "draw_resnet_crop",
    "eval_center",
    "eval_multiscale",
    "fit_lighting",
    "from_timm",
    "from_torchvision",
    "inception_train",
    "resnet_train",
]

#: Where the names live that load albumentations.
_LATE = {
    "Keyed": "_keyed",
    "Lighting": "_lighting",
    "apply_transform": "_keyed",
    "cifar_train": "_train",
    "color_simple": "_color_simple",
    "creative": "_creative",
    "eval_center": "_eval",
    "eval_multiscale": "_eval",
    "fit_lighting": "_fit_lighting",
    "from_timm": "_from_timm",
    "from_torchvision": "_from_torchvision",
    "inception_train": "_train",
    "resnet_train": "_train",
}


def __getattr__(name: str) -> object:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    importlib.import_module(f"{__name__}._albumentations")  # first of all: where it is missing, it says what to install
    value = getattr(importlib.import_module(f"{__name__}.{_LATE[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
