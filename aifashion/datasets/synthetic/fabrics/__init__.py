"""Colours, patterns and weaves: what a cloth is, and what it looks like at any of its points."""

from aifashion.datasets.synthetic.fabrics.cloth import Fabric
from aifashion.datasets.synthetic.fabrics.motifs import motif
from aifashion.datasets.synthetic.fabrics.palette import colour, contrasting, distance
from aifashion.datasets.synthetic.fabrics.swatches import (
    KINDS,
    Swatch,
    fabric,
    look_up,
    plain,
    swatch,
)

__all__ = (
    "KINDS", "Fabric", "Swatch", "colour", "contrasting", "distance", "fabric", "look_up", "motif",
    "plain", "swatch",
)  # fmt: skip
