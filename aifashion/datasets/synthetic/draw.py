"""One picture of one garment: where it stands, its light and its colours, and the exact truth.

A picture is drawn at its own size; coordinates are continuous pixels, the first centre at 0.5.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from aifashion.datasets.schema import ABSENT, OCCLUDED, VISIBLE
from aifashion.datasets.synthetic import fabrics, scenes
from aifashion.datasets.synthetic.garments import Garment

Rng = np.random.Generator
FINE = 4  # edges are drawn this much finer, then averaged: cv2's own smooth edges are 0.6 px wide
LEAST_UNIT = 0.15  # the garment's unit is at least this share of the longer side
WORN, CROPPED, OBSTRUCTED = 0.72, 0.13, 0.38  # shares of the pictures
_WEARER = ("skin", "hair", "shoe", "under")
_SKIN = ((236, 200, 176), (214, 168, 138), (176, 126, 94), (120, 82, 60), (240, 238, 234),
         (200, 172, 136), (52, 50, 52))  # fmt: skip  # four complexions, three dummies
_HAIR = ((30, 26, 26), (70, 46, 32), (150, 108, 62))


@dataclass(frozen=True)
class Picture:
    """A drawn picture and its truth."""

    image: np.ndarray  # (H, W, 3) uint8 RGB
    keypoints: dict[str, np.ndarray]  # name -> (2,) float64, also where absent
    visibility: dict[str, int]


def draw(garment: Garment, rng: Rng, size: int) -> Picture:
    """Draws a garment, worn or not, in a scene.

    Args:
        garment: the outfit, with its wearer.
        rng: decides everything that is not the garment's shape.
        size: the longer side in pixels.
    """
    if rng.random() > WORN:
        parts = tuple(part for part in garment.parts if part.cloth not in _WEARER)
        garment = Garment(garment.category, parts)
    if rng.random() < OBSTRUCTED:
        garment = scenes.occluded(rng, garment)
    shape = _frame(rng, size)
    matrix = placed(garment, rng, shape)
    image = _paint(garment, matrix, rng, shape)
    points, hidden = garment.keypoints(), garment.hidden()
    keypoints = {name: project(matrix, point[None])[0] for name, point in points.items()}
    visibility = {
        name: ABSENT if not _within(point, shape) else OCCLUDED if name in hidden else VISIBLE
        for name, point in keypoints.items()
    }
    return Picture(image, keypoints, visibility)


# === Place ===


def project(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points (N, 2) of the garment frame in the picture, by a (3, 3) homography."""
    x, y, w = matrix @ np.concatenate([points.T, np.ones((1, len(points)))])
    return np.stack([x / w, y / w], 1)


def placed(garment: Garment, rng: Rng, shape: tuple[int, int]) -> np.ndarray:
    """Where the garment stands in a picture of (height, width): a (3, 3) homography.

    It turns, leans, is seen a little from the side, fills 45 to 85 % of the frame and lies
    anywhere in it; the share CROPPED reaches beyond one edge.
    """
    extent = garment.extent()
    low, high = extent.min(0), extent.max(0)
    centre, radius = (low + high) / 2, np.linalg.norm(high - low) / 2
    turn = np.clip(rng.normal(0, np.radians(12)), -np.radians(30), np.radians(30))
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
    scale = max(rng.uniform(0.45, 0.85) * fit, LEAST_UNIT * max(shape))
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


# === Paint ===


def coverage(outline: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, tuple[slice, slice]]:
    """How much of each pixel an outline (N, 2) in the picture covers.

    Returns:
        (h, w) uint8, 0 to 255, and the rows and columns of the picture (height, width) it is for.
    """
    frame = np.array(shape[::-1])
    low = np.clip(np.floor(outline.min(0)).astype(int) - 2, 0, frame)
    high = np.clip(np.ceil(outline.max(0)).astype(int) + 2, low, frame)
    window = slice(low[1], high[1]), slice(low[0], high[0])
    w, h = high - low
    if w == 0 or h == 0:
        return np.zeros((h, w), np.uint8), window
    fine = np.zeros((h * FINE, w * FINE), np.uint8)
    cv2.fillPoly(fine, [_fixed((outline - low) * FINE)], 255, shift=4)
    return cv2.resize(fine, (int(w), int(h)), interpolation=cv2.INTER_AREA), window


def _fixed(points: np.ndarray) -> np.ndarray:
    """Continuous points as cv2 wants them: pixel centres are integers there, with 4 bits below."""
    return np.clip(np.round((points - 0.5) * 16), -(2**22), 2**22).astype(np.int32)


def _paint(garment: Garment, matrix: np.ndarray, rng: Rng, shape: tuple[int, int]) -> np.ndarray:
    looks = _looks(rng)
    canvas = scenes.background(rng, shape, list(looks["main"].colours))
    unit = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
    turn = float(np.arctan2(matrix[1, 0], matrix[0, 0]))
    grain = rng.standard_normal((128, 128)).astype(np.float32)
    noise = np.tile(grain, (-(-shape[0] // 128), -(-shape[1] // 128)))[: shape[0], : shape[1]]
    light = _light(rng, shape, unit)
    outlines = [project(matrix, part.outline) for part in garment.parts]
    covers = [coverage(outline, shape) for outline in outlines]
    canvas *= _shadow(rng, covers, shape, unit)[..., None]
    for part, outline, (mask, window) in zip(garment.parts, outlines, covers, strict=True):
        if mask.any():
            seams = [project(matrix, seam) for seam in part.seams]
            lines = _lines(mask.shape, [np.vstack([outline, outline[:1]]), *seams], window, unit)
            shade = light[window] * _roundness(mask, unit) * (1 - 0.42 * lines)
            u, v = _threads(window, turn + part.grain, unit)
            colours = fabrics.texture(looks[part.cloth], u, v, noise[window]) * shade[..., None]
            alpha = (mask.astype(np.float32) / 255)[..., None]
            canvas[window] += alpha * (colours - canvas[window])
    canvas *= rng.normal(1, 0.03, 3).astype(np.float32)
    canvas += (rng.uniform(0.5, 2.5) * noise)[..., None]
    return np.clip(canvas, 0, 255).astype(np.uint8)


def _looks(rng: Rng) -> dict[str, fabrics.Fabric]:
    """The fabric of each cloth of `Part`."""
    main = fabrics.fabric(rng)
    first, second = main.colours
    same_trim = rng.random() < 0.6
    skins = [np.array(skin, np.float64) for skin in _SKIN]
    far = [skin for skin in skins if fabrics.distance(skin, first) > 40]
    trim = np.clip(first * 0.88, 0, 255) if same_trim else fabrics.contrasting(rng, [first], 40.0)
    plain = {
        "trim": trim,
        "lining": first * 0.55,
        "second": fabrics.contrasting(rng, [first, second], 50.0),
        "under": fabrics.contrasting(rng, [first, second], 55.0),
        "skin": far[rng.integers(len(far))],
        "hair": np.array(_HAIR[rng.integers(len(_HAIR))], np.float64),
        "shoe": fabrics.contrasting(rng, [first], 40.0),
        "thing": fabrics.contrasting(rng, [first, second], 45.0),
        "paper": np.array([238.0, 236.0, 230.0]),
    }
    return {"main": main} | {cloth: fabrics.plain(rgb) for cloth, rgb in plain.items()}


def _light(rng: Rng, shape: tuple[int, int], unit: float) -> np.ndarray:
    """Brightness (H, W) float32 about 1: light from one side, and soft folds."""
    h, w = (-(-side // 4) for side in shape)
    turn, depth = rng.uniform(0, 2 * np.pi), rng.uniform(0.05, 0.25)
    y, x = np.mgrid[:h, :w].astype(np.float32) / max(h, w) - 0.5
    light = 1 + depth * (np.cos(turn) * x + np.sin(turn) * y).astype(np.float32)
    folds = np.zeros((h, w), np.float32)
    for _ in range(int(rng.integers(8, 20))):
        start, along = rng.uniform(0, 1, 2) * (w, h), rng.normal((0, 0.9), (0.3, 0.5)) * unit / 4
        ends = [tuple(point.astype(int).tolist()) for point in (start, start + along)]
        cv2.line(folds, *ends, float(rng.choice((-1.0, -1.0, 0.8))), max(1, int(unit / 60)))
    folds = cv2.GaussianBlur(folds, (0, 0), max(0.045 * unit / 4, 0.7))
    light += rng.uniform(0.1, 0.35) * folds
    return cv2.resize(light, shape[::-1], interpolation=cv2.INTER_LINEAR)


def _shadow(rng: Rng, covers: list, shape: tuple[int, int], unit: float) -> np.ndarray:
    """What the outfit leaves of the background's light, (H, W) float32."""
    whole = np.zeros(shape, np.uint8)
    for mask, window in covers:
        np.maximum(whole[window], mask, out=whole[window])
    small = cv2.resize(whole, (-(-shape[1] // 4), -(-shape[0] // 4)), interpolation=cv2.INTER_AREA)
    dx, dy = rng.uniform((-0.1, 0.0), (0.1, 0.1)) * unit / 4
    moved = cv2.warpAffine(small, np.array([[1, 0, dx], [0, 1, dy]]), small.shape[::-1])
    soft = cv2.GaussianBlur(moved, (0, 0), max(rng.uniform(0.04, 0.12) * unit / 4, 0.6))
    soft = cv2.resize(soft, shape[::-1], interpolation=cv2.INTER_LINEAR)
    return 1 - np.float32(rng.uniform(0, 0.35) / 255) * soft.astype(np.float32)


def _roundness(mask: np.ndarray, unit: float) -> np.ndarray:
    """Darker towards a part's edges, as cloth turns away from the eye: (h, w) float32."""
    h, w = mask.shape
    small = cv2.resize(mask, (-(-w // 4), -(-h // 4)), interpolation=cv2.INTER_AREA)
    # Outside the window there is no part either, hence the constant border.
    sigma = max(0.07 * unit / 4, 0.7)
    soft = cv2.GaussianBlur(small, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    soft = cv2.resize(soft, (w, h), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    return 0.68 + np.float32(0.36 / 255) * soft


def _lines(
    shape: tuple[int, int], paths: list[np.ndarray], window: tuple[slice, slice], unit: float
) -> np.ndarray:
    """Where the outline and the seams run, (h, w) float32 from 0 to 1."""
    drawn = np.zeros(shape, np.uint8)
    origin = (window[1].start, window[0].start)
    thick = max(1, round(unit / 110))
    fixed = [_fixed(path - origin) for path in paths]
    cv2.polylines(drawn, fixed, False, 255, thick, cv2.LINE_AA, shift=4)
    return drawn.astype(np.float32) / 255


def _threads(
    window: tuple[slice, slice], turn: float, unit: float
) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates (h, w) float32 across and along the fabric's threads, in units."""
    rows, columns = window
    x = np.arange(columns.start, columns.stop, dtype=np.float32)[None] / np.float32(unit)
    y = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] / np.float32(unit)
    c, s = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    return c * x + s * y, c * y - s * x
