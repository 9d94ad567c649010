"""Data modules: the real images that recipes train on."""

from recipes.data.cifar import CIFARData
from recipes.data.digits import DigitsData
from recipes.data.fashion_mnist import FashionMNISTData
from recipes.data.image_folder import ImageFolderData
from recipes.data.photo_patches import PhotoPatchesData

__all__ = ["CIFARData", "DigitsData", "FashionMNISTData", "ImageFolderData", "PhotoPatchesData"]
