"""Data modules: the real images that recipes train on."""

from recipes.data.digits import DigitsData
from recipes.data.fashion_mnist import FashionMNISTData

__all__ = ["DigitsData", "FashionMNISTData"]
