"""Lines, dots, rings and crosses at points between pixels, each with a thin dark halo.

Points are (x, y), continuous, the first pixel's centre at (0.5, 0.5); they lie in or near the
picture. Everything is drawn onto the picture given.
"""

import cv2
import numpy as np

from aifashion.visualize.colours import INK, PAPER, Colour, mix

_SHIFT = 4  # fractional bits of cv2's coordinates
_HALO = 1.3  # pixels of dark around a dot
_SHADE = 0.8  # how much of the cloth a line's halo covers
_DASH, _LEAST_DASH = 3.2, 6.0  # a dash's length, as the gap's behind it: line widths, pixels


def line(image: np.ndarray, start, end, colour: Colour, width: int) -> None:
    """A line without a halo."""
    cv2.line(image, _fixed(start), _fixed(end), colour, width, cv2.LINE_AA, _SHIFT)


def haloed_lines(image: np.ndarray, lines, width: int) -> None:
    """Lines (start, end, colour) over a thin dark halo that lets a little of the cloth through.

    Every halo lies below every colour, so that no line cuts another in two.
    """
    shaded = image.copy()
    for start, end, _ in lines:
        line(shaded, start, end, INK, width + 2)
    image[:] = cv2.addWeighted(shaded, _SHADE, image, 1 - _SHADE, 0)
    for start, end, colour in lines:
        line(image, start, end, colour, width)


def trimmed(start, end, at_start: float, at_end: float) -> tuple[np.ndarray, np.ndarray]:
    """A line made shorter by so many pixels at its ends; a point where it would turn around."""
    start, end = np.asarray(start, float), np.asarray(end, float)
    length = float(np.linalg.norm(end - start))
    share = min(1.0, length / max(at_start + at_end, 1e-9))
    along = (end - start) / max(length, 1e-9) * share
    return start + at_start * along, end - at_end * along


def dashes(start, end, width: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """The pieces of a dashed line, which begins and ends with one."""
    start, end = np.asarray(start, float), np.asarray(end, float)
    length = float(np.linalg.norm(end - start))
    count = max(1, round((length / max(_DASH * width, _LEAST_DASH) + 1) / 2))
    steps = np.linspace(0, 1, 2 * count)[:, None] * (end - start) + start
    return [(steps[2 * index], steps[2 * index + 1]) for index in range(count)]


def disc(image: np.ndarray, centre, colour: Colour, radius: float) -> None:
    """A filled dot."""
    _round(image, centre, INK, (0, radius + _HALO))
    _round(image, centre, colour, (0, radius))


def hollow(image: np.ndarray, centre, colour: Colour, radius: float) -> None:
    """A dot with a white middle: a rim of colour."""
    disc(image, centre, colour, radius)
    _round(image, centre, PAPER, (0, radius * 0.58))


def ring(image: np.ndarray, centre, colour: Colour, radius: float) -> None:
    """A ring that lets the picture through."""
    inner = radius - max(1.6, 0.36 * radius)
    _round(image, centre, INK, (inner - _HALO / 2, radius + _HALO))
    _round(image, centre, colour, (inner, radius))


def cross(image: np.ndarray, centre, radius: float) -> None:
    """A white x."""
    x, y = centre
    strokes = [
        ((x - radius, y - sign * radius), (x + radius, y + sign * radius), PAPER)
        for sign in (-1, 1)
    ]
    haloed_lines(image, strokes, max(1, round(radius * 0.35)))


def paler(colour: Colour) -> Colour:
    """The colour of what is less certain."""
    return mix(colour, PAPER, 0.55)


def _round(image: np.ndarray, centre, colour: Colour, radii) -> None:
    """Colours the pixels between two radii, edge pixels by the share that lies inside.

    cv2's own small circles are polygons of a few corners.
    """
    inner, outer = radii
    low = np.maximum(0, np.floor(np.asarray(centre) - outer - 1)).astype(int)
    high = np.maximum(low, np.ceil(np.asarray(centre) + outer + 1).astype(int))
    patch = image[low[1] : high[1], low[0] : high[0]]
    rows, columns = np.mgrid[: patch.shape[0], : patch.shape[1]] + 0.5
    x, y = columns + (low[0] - centre[0]), rows + (low[1] - centre[1])
    far = np.hypot(x, y)
    cover = np.clip(outer - far + 0.5, 0, 1)
    if inner > 0:
        cover *= np.clip(far - inner + 0.5, 0, 1)
    cover = cover[..., None]
    patch[:] = np.round(patch * (1 - cover) + np.array(colour) * cover).astype(np.uint8)


def _fixed(point) -> tuple[int, int]:
    """Continuous coordinates as cv2's fixed-point pixel indices."""
    return tuple(int(v) for v in np.round((np.asarray(point) - 0.5) * 2**_SHIFT))
