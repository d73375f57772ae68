"""The wardrobe: draws garments, with exact truth, into a folder in a dataset's own layout."""

from aifashion.datasets.synthetic.fashionai import draw_fashionai

__all__ = ["draw_fashionai"]
