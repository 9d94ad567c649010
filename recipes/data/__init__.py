"""Data modules: the real images that recipes train on."""

from recipes.data.digits import DigitsData

__all__ = ["DigitsData"]
