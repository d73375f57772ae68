"""One picture of one outfit: where it stands, its light and its colours, and the exact truth.

A picture is drawn at its own size; coordinates are continuous pixels, the first centre at 0.5.
"""

from dataclasses import dataclass

import numpy as np

from aifashion.datasets.schema import ABSENT, OCCLUDED, VISIBLE
from aifashion.datasets.synthetic.garments.parts import Garment, Outfit
from aifashion.datasets.synthetic.paint import paint, project

Rng = np.random.Generator
LEAST_UNIT = 0.19  # the garment's unit is at least this share of the longer side
CROPPED = 0.14  # share of the pictures whose garment reaches beyond an edge


@dataclass(frozen=True)
class Picture:
    """A drawn picture, its outfit and the truth about its first garment."""

    image: np.ndarray  # (H, W, 3) uint8 RGB
    outfit: Outfit
    matrix: np.ndarray  # (3, 3) homography from the garment frame to pixels
    keypoints: dict[str, np.ndarray]  # name -> (2,) float64, also where absent
    visibility: dict[str, int]


def draw(outfit: Outfit, rng: Rng, size: int) -> Picture:
    """Draws an outfit in a scene.

    Args:
        outfit: everything in front of the background.
        rng: decides where it stands, its background, its light and the camera.
        size: the longer side in pixels.
    """
    shape = _frame(rng, size)
    matrix = stand(outfit.garments[0], rng, shape)
    image = paint(outfit, matrix, rng, shape)
    keypoints, visibility = truth(outfit, matrix, shape)
    return Picture(image, outfit, matrix, keypoints, visibility)


def truth(
    outfit: Outfit, matrix: np.ndarray, shape: tuple[int, int], garment: int = 0
) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """Every keypoint of one of the garments in the picture, and its visibility."""
    points, hidden = outfit.garments[garment].keypoints(), outfit.hidden(garment)
    return _seen(points, hidden, matrix, shape)


def landmark_truth(
    outfit: Outfit, matrix: np.ndarray, shape: tuple[int, int], garment: int
) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """Every landmark of one of the garments in the picture, and its visibility."""
    points, hidden = outfit.garments[garment].landmarks(), outfit.hidden_landmarks(garment)
    return _seen(points, hidden, matrix, shape)


def _seen(
    points: dict[str, np.ndarray], hidden: set[str], matrix: np.ndarray, shape: tuple[int, int]
) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    keypoints = {name: project(matrix, point[None])[0] for name, point in points.items()}
    visibility = {
        name: ABSENT if not _within(point, shape) else OCCLUDED if name in hidden else VISIBLE
        for name, point in keypoints.items()
    }
    return keypoints, visibility


# === Place ===


def stand(garment: Garment, rng: Rng, shape: tuple[int, int]) -> np.ndarray:
    """Where the garment stands in a picture of (height, width): a (3, 3) homography.

    It turns, leans, is seen a little from the side, fills 60 to 96 % of the frame and lies
    anywhere in it; the share CROPPED reaches beyond one edge.
    """
    extent = garment.extent()
    low, high = extent.min(0), extent.max(0)
    centre, radius = (low + high) / 2, np.linalg.norm(high - low) / 2
    turn = np.clip(rng.normal(0, np.radians(9)), -np.radians(25), np.radians(25))
    c, s, lean, wide = np.cos(turn), np.sin(turn), rng.normal(0, 0.06), rng.uniform(0.9, 1.1)
    rotate = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    shear = np.array([[wide, lean, 0], [0, 1, 0], [0, 0, 1]])
    aside = np.eye(3)
    aside[2, :2] = rng.normal(0, 0.04, 2) / radius
    to_centre = np.array([[1, 0, -centre[0]], [0, 1, -centre[1]], [0, 0, 1]])
    matrix = aside @ rotate @ shear @ to_centre
    outline = project(matrix, extent)
    frame = np.array(shape[::-1], np.float64)
    fit = (frame / np.ptp(outline, axis=0)).min()
    scale = max(rng.uniform(0.6, 0.96) * fit, LEAST_UNIT * max(shape))
    shift = _shift(rng, scale * outline.min(0), scale * outline.max(0), frame)
    return np.array([[scale, 0, shift[0]], [0, scale, shift[1]], [0, 0, 1]]) @ matrix


def _shift(rng: Rng, low: np.ndarray, high: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """How far to move the box low..high so that it lies in the frame, or out of it at one edge."""
    start, end = -low, frame - high  # against the left or upper edge, the right or lower one
    shift = start + rng.uniform(0.02, 0.98, 2) * (end - start)
    if rng.random() < CROPPED:
        edge = rng.choice(4, p=(0.4, 0.2, 0.2, 0.2))  # lower, upper, right, left
        axis, after = (1, 1, 0, 0)[edge], edge in (0, 2)
        beyond = rng.uniform(0.06, 0.28) * (high - low)[axis]
        shift[axis] = end[axis] + beyond if after else start[axis] - beyond
    return shift


def _frame(rng: Rng, size: int) -> tuple[int, int]:
    """Height and width: portrait in most, square in a quarter, landscape in some."""
    kind, shorter = rng.random(), int(np.ceil(size * rng.uniform(0.62, 0.92)))
    if kind < 0.25:
        return size, size
    return (size, shorter) if kind < 0.88 else (shorter, size)


def _within(point: np.ndarray, shape: tuple[int, int]) -> bool:
    return bool(0 <= point[0] < shape[1] and 0 <= point[1] < shape[0])
