"""The wardrobe: draws garments, with exact truth, into a folder in a dataset's own layout."""

from aifashion.datasets.synthetic.deepfashion2 import draw_deepfashion2
from aifashion.datasets.synthetic.fashionai import draw_fashionai

__all__ = ["draw_deepfashion2", "draw_fashionai"]
