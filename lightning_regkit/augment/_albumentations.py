"""Albumentations, without its question to PyPI, and with a sentence that says what to do where it is missing.

Every module takes it from here: nothing may import it before the variable below is set.
"""

import os

from lightning_regkit._checks import message

# Else it asks PyPI for its newest release when it is imported, and warns without a network.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

try:
    import albumentations
except ModuleNotFoundError as error:
    if error.name != "albumentations":
        raise
    remedy = "Run pip install 'albumentations>=2.0.8,<2.1'."
    text = message("augment", "albumentations", "be installed", None, remedy)
    raise ModuleNotFoundError(text, name="albumentations") from error
from albumentations.augmentations.crops import functional as cropping
from albumentations.augmentations.geometric import functional as geometric
from albumentations.core.type_definitions import Targets

__all__ = ["Targets", "albumentations", "cropping", "geometric"]
