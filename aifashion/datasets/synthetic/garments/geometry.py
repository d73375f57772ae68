"""Lines of the garment frame: x to the viewer's right, y down. Every path is (n, 2) float64."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

Warp = Callable[[np.ndarray], np.ndarray]  # points (..., 2) -> points (..., 2)
FLIP = np.array([-1.0, 1.0])


def line(*points: tuple[float, float] | np.ndarray) -> np.ndarray:
    """The points as (N, 2) float64."""
    return np.array(points, np.float64)


def curve(*controls: tuple[float, float] | np.ndarray, steps: int = 12) -> np.ndarray:
    """The cubic Bezier curve of four control points, (steps, 2), its ends exact."""
    points = _bernstein(steps) @ np.array(controls, np.float64)
    points[0], points[-1] = controls[0], controls[-1]
    return points


@lru_cache
def _bernstein(steps: int) -> np.ndarray:
    t = np.linspace(0, 1, steps)
    return np.stack([(1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3], 1)


def ellipse(centre: tuple[float, float], radii: tuple[float, float], steps: int = 24) -> np.ndarray:
    """A closed ellipse, (steps, 2)."""
    turn = np.linspace(0, 2 * np.pi, steps, endpoint=False)
    return np.array(centre) + np.array(radii) * np.stack([np.cos(turn), np.sin(turn)], 1)


def limb(start: tuple[float, float] | np.ndarray, headings: np.ndarray, step: float) -> np.ndarray:
    """A centre line of equal steps, (n, 2), each in its heading (n,): radians from straight down
    towards positive x. The first heading is that of the start."""
    steps = step * np.stack([np.sin(headings), np.cos(headings)], 1)
    return np.array(start) + np.concatenate([np.zeros((1, 2)), np.cumsum(steps[1:], 0)])


def edges(centre: np.ndarray, headings: np.ndarray, half: np.ndarray) -> tuple[np.ndarray, ...]:
    """The two sides (n, 2) of a limb of half widths (n,): that towards positive x when it hangs
    straight down, and the other."""
    across = half[:, None] * np.stack([np.cos(headings), -np.sin(headings)], 1)
    return centre + across, centre - across


def both_sides(points: np.ndarray) -> np.ndarray:
    """A right half from the middle, (n, 2), closed by its mirror image: (2n, 2)."""
    return np.concatenate([points, points[::-1] * FLIP])


def across(half: np.ndarray) -> np.ndarray:
    """A line from the middle to the right, continued to the left: (2n - 1, 2)."""
    return np.concatenate([(half * FLIP)[::-1], half[1:]])


def closed(points: np.ndarray) -> np.ndarray:
    """The points and the first one again."""
    return np.concatenate([points, points[:1]])


def placed(points: np.ndarray, at: np.ndarray, turn: float) -> np.ndarray:
    """The points turned about the origin by radians, x towards y, and moved to `at`."""
    c, s = np.cos(turn), np.sin(turn)
    return points @ np.array([[c, s], [-s, c]]) + at


def smooth(t: np.ndarray) -> np.ndarray:
    """0 below 0, 1 above 1, and an s between."""
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)


def waved(path: np.ndarray, waves: int, height: float, phase: float) -> np.ndarray:
    """A hem in folds: the path with waves across it, its ends where they were."""
    t = np.linspace(0, 1, len(path))
    rise = height * np.sin(2 * np.pi * waves * t + phase) * np.sin(np.pi * t) ** 0.5
    rise[0] = rise[-1] = 0
    return path + np.stack([np.zeros_like(rise), rise], 1)
