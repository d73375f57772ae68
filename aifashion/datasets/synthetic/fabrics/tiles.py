"""A square of cloth that repeats without a seam: its raster, chance on it, shapes drawn across it.

Rows run along the threads (v), columns across them (u). Arrays are (T, T), T the tile's pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

Rng = np.random.Generator
_BITS = 4  # cv2 takes coordinates in whole sixteenths of a pixel


@dataclass(frozen=True)
class Tile:
    """The raster of a repeatable square."""

    size: int  # T, pixels
    length: float  # of its side in garment units

    @property
    def unit(self) -> float:
        """Pixels a garment unit."""
        return self.size / self.length

    @cached_property
    def ramp(self) -> np.ndarray:
        """The pixel centres as shares of the side, (T,) float32 in 0..1."""
        return ((np.arange(self.size) + 0.5) / self.size).astype(np.float32)

    def count(self, width: float) -> int:
        """How many things this wide (garment units) stand side by side, at least 1."""
        return max(1, round(self.length / width))

    def fine(self, width: float, pixels: float) -> float:
        """A width (garment units) as small as it can be and still be seen, up to twice itself.

        Threads are far finer than a picture shows; they are drawn coarser, as if sharpened.
        """
        return float(np.clip(pixels / self.unit, width, 2 * width))


def seen(pixels: float) -> float:
    """How much contrast a detail of this period keeps: none below 2 pixels, all from 4 on."""
    return float(np.clip((pixels - 2) / 2, 0, 1))


# === Chance ===


def speckle(rng: Rng, tile: Tile, wide: float, high: float) -> np.ndarray:
    """Noise of specks so wide and high (pixels): (T, T) float32, mean 0, deviation 1."""
    kernel = [int(np.clip(2 * round(side / 2 - 0.5) + 1, 1, tile.size)) for side in (wide, high)]
    noise = rng.integers(0, 256, (tile.size, tile.size), np.uint8)
    # A box over k pixels divides the deviation of a byte, 73.9, by the root of k.
    scale = np.sqrt(kernel[0] * kernel[1]) / 73.9
    noise = noise.astype(np.float32) - np.float32(127.5)
    if max(kernel) > 1:
        noise = _blurred(noise, kernel)
    return noise * np.float32(scale)


def _blurred(picture: np.ndarray, kernel: list[int]) -> np.ndarray:
    x, y = (side // 2 for side in kernel)
    padded = cv2.copyMakeBorder(picture, y, y, x, x, cv2.BORDER_WRAP)
    blurred = cv2.blur(padded, kernel)
    return blurred[y : y + len(picture), x : x + len(picture)]


def clouds(rng: Rng, tile: Tile, across: int, along: int) -> np.ndarray:
    """Smooth noise of so many hills across and along: (T, T) float32, mean 0, deviation about 1."""
    hills = rng.standard_normal((along, across)).astype(np.float32)
    finer = 6 * max(across, along)
    if 2 * finer < tile.size:  # few hills: the costly smooth way on a small picture
        hills = _grown(hills, finer, cv2.INTER_CUBIC)
        return 1.3 * _grown(hills, tile.size, cv2.INTER_LINEAR)
    return 1.3 * _grown(hills, tile.size, cv2.INTER_CUBIC)


def _grown(picture: np.ndarray, size: int, smooth: int) -> np.ndarray:
    """A picture that repeats, resized to (size, size) so that it still does."""
    y, x = (side / size for side in picture.shape)
    padded = cv2.copyMakeBorder(picture, 2, 2, 2, 2, cv2.BORDER_WRAP)
    matrix = np.array([[x, 0, 0.5 * x + 1.5], [0, y, 0.5 * y + 1.5]])
    return cv2.warpAffine(padded, matrix, (size, size), flags=smooth | cv2.WARP_INVERSE_MAP)


def spots(rng: Rng, tries: int, gap: float) -> np.ndarray:
    """Places at least `gap` (a share of the side) apart, also across the seam: (n, 2) float64."""
    places = rng.random((tries, 2))
    x, y = (np.abs(side[:, None] - side) for side in places.T)
    near = np.minimum(x, 1 - x) ** 2 + np.minimum(y, 1 - y) ** 2 < gap**2
    kept = np.zeros(tries, bool)
    for index in range(tries):
        kept[index] = not (near[index] & kept).any()
    return places[kept]


# === Colours ===


def layered(masks: Sequence[np.ndarray], colours: np.ndarray) -> np.ndarray:
    """A ground with layers over it, each of one colour.

    Args:
        masks: (T, T) float32 each, 0 to 1, from the lowest layer to the highest.
        colours: (1 + layers, 3) RGB, the first is the ground's.

    Returns:
        (T, T, 3) float32 RGB.
    """
    rest, weights = None, []
    for mask in reversed(masks):
        weights.append(mask if rest is None else mask * rest)
        rest = 1 - mask if rest is None else rest - weights[-1]
    table = np.concatenate([colours[1 : len(masks) + 1].T, colours[:1].T], 1).astype(np.float32)
    # The ground's weight is what the layers leave: so it is the offset of an affine map.
    table[:, :-1] -= table[:, -1:]
    return cv2.transform(cv2.merge(weights[::-1]), table)


def faded(colours: np.ndarray, contrast: float) -> np.ndarray:
    """Colours (T, T, 3) float32 drawn towards their mean; contrast 1 leaves them, 0 the mean."""
    if contrast >= 1:
        return colours
    mean = colours.reshape(-1, 3).mean(0, dtype=np.float64)
    table = np.concatenate([contrast * np.eye(3), (1 - contrast) * mean[:, None]], 1)
    return cv2.transform(colours, table.astype(np.float32))


def filled(tile: Tile, rgb: np.ndarray) -> np.ndarray:
    """One colour everywhere, (T, T, 3) float32."""
    return np.full((tile.size, tile.size, 3), rgb, np.float32)


# === Shapes ===


def wrapped(places: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Places (n, 2), shares of the side, and their copies less than `reach` outside the tile.

    What is drawn around all of them, no farther than `reach`, meets itself at the seam.

    Returns:
        (m, 2) float64, and (m,) which place each is.
    """
    steps = np.array([(x, y) for x in (0, -1, 1) for y in (0, -1, 1)], np.float64)
    moved = places + steps[:, None]
    step, index = np.nonzero(((moved > -reach) & (moved < 1 + reach)).all(2))
    return moved[step, index], index


def fixed(tile: Tile, shapes: np.ndarray) -> list[np.ndarray]:
    """Shapes (n, k, 2) as cv2 draws them: pixel centres are whole numbers there."""
    return list(np.round((shapes * tile.size - 0.5) * 2**_BITS).astype(np.int32))


def fill(canvas: np.ndarray, tile: Tile, shapes: np.ndarray, rgb: np.ndarray) -> None:
    """Fills closed shapes (n, k, 2), shares of the side, on a (T, T, 3) uint8 picture."""
    if len(shapes):
        cv2.fillPoly(canvas, fixed(tile, shapes), np.round(rgb).tolist(), cv2.LINE_AA, _BITS)


def stroke(
    canvas: np.ndarray, tile: Tile, paths: np.ndarray, rgb: np.ndarray, width: float
) -> None:
    """Draws paths (n, k, 2), shares of the side, `width` garment units wide."""
    if len(paths):
        thick = max(1, round(width * tile.unit))
        rgb = np.round(rgb).tolist()
        cv2.polylines(canvas, fixed(tile, paths), False, rgb, thick, cv2.LINE_AA, _BITS)
