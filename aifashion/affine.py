"""2x3 affine matrices in NumPy: a sample's whole geometry is one of them.

A matrix maps continuous (x, y) coordinates to continuous (x, y) coordinates, pixel centres at +0.5,
so scaling a picture is a plain multiplication and mirroring one of width W is x -> W - x. What is
said of one holds of many, (..., 2, 3), made from arrays where numbers are asked for.
"""

from functools import reduce

import numpy as np

IDENTITY = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def translation(x: float, y: float) -> np.ndarray:
    """Moves by (x, y)."""
    return _matrix((1.0, 0.0, x), (0.0, 1.0, y))


def _matrix(*rows: tuple) -> np.ndarray:
    """Two rows of three numbers or arrays (...) -> (..., 2, 3)."""
    matrix = np.empty((*np.shape(rows[0][2]), 2, 3))
    for row, values in enumerate(rows):
        for column, value in enumerate(values):
            matrix[..., row, column] = value
    return matrix


def scaling(x: float, y: float | None = None) -> np.ndarray:
    """Stretches about the origin, by x alone in both directions where y is not given."""
    return np.array([[x, 0.0, 0.0], [0.0, x if y is None else y, 0.0]])


def about(point: tuple[float, float], degrees: float, scale: float = 1.0) -> np.ndarray:
    """Turns and stretches about a point, which stays; positive turns x towards y: clockwise."""
    angle = np.radians(degrees)
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    x, y = point
    return _matrix((cos, -sin, x - cos * x + sin * y), (sin, cos, y - sin * x - cos * y))


def mirror(width: float) -> np.ndarray:
    """Mirrors a picture of this width onto itself."""
    return np.array([[-1.0, 0.0, width], [0.0, 1.0, 0.0]])


def compose(*matrices: np.ndarray) -> np.ndarray:
    """One matrix that applies the given ones in their order, the first one first."""
    return reduce(_then, matrices) if matrices else IDENTITY


def _then(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    matrix = second[..., :2] @ first
    matrix[..., 2] += second[..., 2]
    return matrix


def invert(matrix: np.ndarray) -> np.ndarray:
    """The inverse of `matrix`: compose(m, invert(m)) is the identity."""
    linear = np.linalg.inv(matrix[..., :2])
    return np.concatenate([linear, -linear @ matrix[..., 2:]], axis=-1)


def apply(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Maps points (..., 2) by one matrix, or the points (B, N, 2) of each of B matrices."""
    offset = matrix[..., 2] if matrix.ndim == 2 else matrix[:, None, :, 2]
    return points @ matrix[..., :2].swapaxes(-1, -2) + offset


MARGIN = 1.25  # a garment's box is shown this much larger, as every published system has it


def into_frame(size: tuple[int, int], box: np.ndarray | None, frame: tuple[int, int]) -> np.ndarray:
    """The way of a picture into a network's input: of a box with a margin, or of all of it.

    Args:
        size, frame: width and height of the picture and of the input.
        box: x1, y1, x2, y2 in the picture; None: all of it.
    """
    return letterbox(*size, *frame) if box is None else fit(enlarged(box, MARGIN), frame)


def fit(box: np.ndarray, frame: tuple[int, int]) -> np.ndarray:
    """Fits a box x1, y1, x2, y2 of a picture into the middle of a frame (width, height)."""
    x1, y1, x2, y2 = box
    return compose(translation(-x1, -y1), letterbox(x2 - x1, y2 - y1, *frame))


def enlarged(box: np.ndarray, factor: float) -> np.ndarray:
    """A box x1, y1, x2, y2 stretched about its middle; at least a pixel wide and high."""
    low, high = np.asarray(box, np.float64).reshape(2, 2)
    middle, half = (low + high) / 2, np.maximum(factor * (high - low), 1.0) / 2
    return np.concatenate([middle - half, middle + half])


def letterbox(width: int, height: int, canvas_width: int, canvas_height: int) -> np.ndarray:
    """Fits a picture into the middle of a canvas: the largest size that fits, sides in ratio."""
    scale = min(canvas_width / width, canvas_height / height)
    left, top = (canvas_width - scale * width) / 2, (canvas_height - scale * height) / 2
    return np.array([[scale, 0.0, left], [0.0, scale, top]])
