"""Pictures of results: keypoints, skeletons, names and confidence, and sheets of such pictures.

colours    a keypoint's colour from its name          text, marks   what is drawn with
labels     where names stand                          garments      one picture
legend     what colours and dots mean                 sheets        many pictures
"""

from aifashion.visualize.colours import PARTS, colour_of, edge_colour, part_of
from aifashion.visualize.garments import (
    Garment,
    draw_errors,
    draw_keypoints,
    draw_truth_beside,
    resized,
)
from aifashion.visualize.legend import legend
from aifashion.visualize.sheets import SheetStyle, contact_sheet, sheet_box

__all__ = [
    "PARTS",
    "Garment",
    "SheetStyle",
    "colour_of",
    "contact_sheet",
    "draw_errors",
    "draw_keypoints",
    "draw_truth_beside",
    "edge_colour",
    "legend",
    "part_of",
    "resized",
    "sheet_box",
]
