"""2x3 affine matrices in NumPy: a sample's whole geometry is one of them.

A matrix maps continuous (x, y) coordinates to continuous (x, y) coordinates, pixel centres at +0.5,
so scaling a picture is a plain multiplication and mirroring one of width W is x -> W - x.
"""

import math
from functools import reduce

import numpy as np

IDENTITY = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def translation(x: float, y: float) -> np.ndarray:
    """Moves by (x, y)."""
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y]])


def scaling(x: float, y: float | None = None) -> np.ndarray:
    """Stretches about the origin, by x alone in both directions where y is not given."""
    return np.array([[x, 0.0, 0.0], [0.0, x if y is None else y, 0.0]])


def about(point: tuple[float, float], degrees: float, scale: float = 1.0) -> np.ndarray:
    """Turns and stretches about a point, which stays; positive turns x towards y: clockwise."""
    angle = math.radians(degrees)
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    x, y = point
    return np.array([[cos, -sin, x - cos * x + sin * y], [sin, cos, y - sin * x - cos * y]])


def mirror(width: float) -> np.ndarray:
    """Mirrors a picture of this width onto itself."""
    return np.array([[-1.0, 0.0, width], [0.0, 1.0, 0.0]])


def compose(*matrices: np.ndarray) -> np.ndarray:
    """One matrix that applies the given ones in their order, the first one first."""
    return reduce(_then, matrices) if matrices else IDENTITY


def _then(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    matrix = second[:, :2] @ first
    matrix[:, 2] += second[:, 2]
    return matrix


def invert(matrix: np.ndarray) -> np.ndarray:
    """The inverse of `matrix`: compose(m, invert(m)) is the identity."""
    linear = np.linalg.inv(matrix[:, :2])
    return np.column_stack([linear, -linear @ matrix[:, 2]])


def apply(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Maps points (..., 2)."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def letterbox(width: int, height: int, canvas_width: int, canvas_height: int) -> np.ndarray:
    """Fits a picture into the middle of a canvas: the largest size that fits, sides in ratio."""
    scale = min(canvas_width / width, canvas_height / height)
    left, top = (canvas_width - scale * width) / 2, (canvas_height - scale * height) / 2
    return np.array([[scale, 0.0, left], [0.0, scale, top]])
