"""Light on cloth: roundness and folds as a height field, lit from one side; soft shadows below.

Everything soft is computed at a fraction of the picture's size and enlarged.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from aifashion.datasets.synthetic.garments.parts import Fold

Rng = np.random.Generator
Window = tuple[slice, slice]


@dataclass(frozen=True)
class Light:
    """Where the light comes from, and how hard it is."""

    x: float  # towards the picture's right
    y: float  # towards its lower edge
    hardness: float  # 0: from everywhere, 1: from one lamp

    def __post_init__(self):
        if not 0 <= self.hardness <= 1:
            raise ValueError(f"hardness is {self.hardness}, not within 0 … 1")


def light(rng: Rng) -> Light:
    """A light from above, somewhat from one side."""
    turn = rng.normal(0, 0.8)
    return Light(float(np.sin(turn)), float(-np.cos(turn)), rng.uniform(0.35, 1.0))


# === Cloth ===


def shade(
    mask: np.ndarray, folds: list[tuple[np.ndarray, Fold]], unit: float, lamp: Light, round_: float
) -> tuple[np.ndarray, np.ndarray]:
    """How bright a part is.

    Args:
        mask: (h, w) uint8, the part's coverage.
        folds: each fold's path in the window's pixels, and the fold.
        unit: pixels of a garment unit.
        round_: how much the part swells towards its middle, 0 to 1.

    Returns:
        brightness (h, w) float32 about 1, and slope towards the light (h, w) float32.
    """
    h, w = mask.shape
    step = int(np.clip(round(unit / 30), 1, 4))
    size = (-(-w // step), -(-h // step))
    scale = unit / step  # pixels a unit, at this size
    small = cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
    sigma = max(0.085 * scale, 0.8)
    # Outside the window there is no part either, hence the constant border.
    dome = cv2.GaussianBlur(small, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    height = dome.astype(np.float32) * np.float32(round_ * 0.13 * scale / 255)
    creases = _creases(size[::-1], folds, step, scale)
    height += np.float32(0.028 * scale) * creases
    slope_x = cv2.Scharr(height, cv2.CV_32F, 1, 0, scale=1 / 32)
    slope_y = cv2.Scharr(height, cv2.CV_32F, 0, 1, scale=1 / 32)
    towards = slope_x * np.float32(lamp.x) + slope_y * np.float32(lamp.y)
    facing = 1 / np.sqrt(1 + slope_x**2 + slope_y**2)
    bright = (0.86 + 0.14 * facing) * (1 - np.float32(0.62 * lamp.hardness) * towards)
    bright *= 1 + np.float32(0.16) * np.minimum(creases, 0)  # little light reaches a crease
    bright *= 0.8 + np.float32(0.22 / 255) * dome
    bright = np.clip(bright, 0.25, 1.7)
    enlarge = {"dsize": (w, h), "interpolation": cv2.INTER_LINEAR}
    return cv2.resize(bright, **enlarge), cv2.resize(towards, **enlarge)


def _creases(
    shape: tuple[int, int], folds: list[tuple[np.ndarray, Fold]], step: int, scale: float
) -> np.ndarray:
    """The folds as soft ridges, (h, w) float32 about -1 to 1."""
    drawn = np.zeros(shape, np.float32)
    if not folds:
        return drawn
    for path, fold in folds:
        fixed = np.round((path / step - 0.5) * 16).astype(np.int32)
        thick = max(1, round(fold.width * scale))
        strength = fold.height * min(1.0, 0.4 + fold.width * scale)
        cv2.polylines(drawn, [fixed], False, float(strength), thick, cv2.LINE_8, shift=4)
    widest = max(fold.width for _, fold in folds)
    sharp = cv2.GaussianBlur(drawn, (0, 0), max(0.3 * widest * scale, 0.6))
    soft = cv2.GaussianBlur(sharp, (0, 0), max(0.8 * widest * scale, 1.0))
    return 1.1 * sharp + 0.8 * soft


# === Shadows ===


def shadow(
    mask: np.ndarray, window: Window, shape: tuple[int, int], unit: float, lamp: Light
) -> tuple[np.ndarray, Window]:
    """The soft shadow a part throws on what lies close behind it.

    Returns:
        (h, w) float32 from 0 to 1, and its rows and columns of the picture (height, width).
    """
    reach = max(int(0.1 * unit), 2)
    rows, columns = (
        slice(max(part.start - reach, 0), min(part.stop + reach, side))
        for part, side in zip(window, shape, strict=True)
    )
    h, w = rows.stop - rows.start, columns.stop - columns.start
    step = int(np.clip(round(unit / 25), 1, 4))
    size = (-(-w // step), -(-h // step))
    dx, dy = -0.03 * unit * lamp.x / step, -0.03 * unit * lamp.y / step
    left, top = window[1].start - columns.start, window[0].start - rows.start
    moved = np.array([[1 / step, 0, left / step + dx], [0, 1 / step, top / step + dy]])
    small = cv2.warpAffine(mask, moved, size, flags=cv2.INTER_LINEAR)
    soft = cv2.GaussianBlur(small, (0, 0), max(0.03 * unit / step, 0.7))
    whole = cv2.resize(soft, (w, h), interpolation=cv2.INTER_LINEAR)
    return whole.astype(np.float32) * np.float32(1 / 255), (rows, columns)
