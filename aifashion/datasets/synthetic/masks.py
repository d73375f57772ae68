"""What a picture shows of each garment: its mask, its box and its outline as polygons."""

import cv2
import numpy as np

from aifashion.datasets.synthetic.garments.parts import Garment, Outfit, Part
from aifashion.datasets.synthetic.paint import coverage, project

FINE = 2  # a mask is enlarged by this before its outline is followed
LEAST = 6.0  # pixels: smaller pieces are left out of the polygons
_SMALL = 128  # side of the canvas that a whole garment's area is counted on


def visible(outfit: Outfit, matrix: np.ndarray, shape: tuple[int, int]) -> list[np.ndarray]:
    """Which pixels show each garment, (H, W) bool each, in the order of the outfit's garments.

    A pixel shows what covers at least half of it and is in front. What is seen through an open
    front belongs to no garment.
    """
    masks = [np.zeros(shape, bool) for _ in outfit.garments]
    for layer in outfit.layers:
        covered, window = coverage(project(matrix, layer.part.outline), shape)
        covered = covered >= 128
        for place, mask in enumerate(masks):
            if layer.garment == place and _is_cloth(layer.part):
                mask[window] |= covered
            else:
                mask[window] &= ~covered
    return masks


def whole_area(garment: Garment, matrix: np.ndarray) -> float:
    """How many pixels a garment would fill if nothing covered it and the picture had no end."""
    parts = sorted(garment.parts, key=lambda part: part.layer)
    outlines = [project(matrix, part.outline) for part in parts]
    points = np.concatenate(outlines)
    low, scale = points.min(0), (_SMALL - 2) / np.ptp(points, axis=0).max()
    canvas = np.zeros((_SMALL, _SMALL), np.uint8)
    for part, outline in zip(parts, outlines, strict=True):
        corners = np.rint((outline - low) * scale).astype(np.int32)
        cv2.fillPoly(canvas, [corners], int(_is_cloth(part)))
    return float(canvas.sum() / scale**2)


def shows(mask: np.ndarray, point: np.ndarray) -> bool:
    """Whether a mask (H, W) has anything at a point or beside its pixel."""
    x, y = (max(int(place) - 1, 0) for place in point)
    return bool(mask[y : int(point[1]) + 2, x : int(point[0]) + 2].any())


def box(mask: np.ndarray) -> list[int]:
    """The edges x1, y1, x2, y2 around a mask (H, W) that is not empty."""
    x, y = (np.flatnonzero(mask.any(axis)) for axis in (0, 1))
    return [int(x[0]), int(y[0]), int(x[-1]) + 1, int(y[-1]) + 1]


def polygons(mask: np.ndarray) -> list[list[float]]:
    """A mask's outline, one polygon a piece, the largest first: x, y, x, y …, the first point again
    at the end. Holes are not left out, as the format has none."""
    large = cv2.resize(mask.astype(np.uint8), None, fx=FINE, fy=FINE,
                       interpolation=cv2.INTER_NEAREST)  # fmt: skip
    found, _ = cv2.findContours(large, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    pieces = [cv2.approxPolyDP(piece, 0.7 * FINE, True)[:, 0] for piece in found]
    pieces = [piece for piece in pieces if cv2.contourArea(piece) >= LEAST * FINE**2]
    pieces.sort(key=cv2.contourArea, reverse=True)
    closed = [np.concatenate([piece, piece[:1]]) for piece in pieces]
    return [((piece + 0.5) / FINE).ravel().tolist() for piece in closed]


def _is_cloth(part: Part) -> bool:
    return part.kind != "inside"
