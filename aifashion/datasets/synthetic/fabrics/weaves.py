"""How cloth is made: threads, stitches, ribs and grain as light and dark about 1.

Every function takes the tile, the fabric and the source of chance, and returns (T, T) float32.
"""

import numpy as np

from aifashion.datasets.synthetic.fabrics.cloth import Fabric
from aifashion.datasets.synthetic.fabrics.tiles import Rng, Tile, clouds, seen, speckle

_TURN = np.float32(2 * np.pi)


def waves(tile: Tile, across: int, along: np.ndarray | int, bend: np.ndarray | float = 0.0):
    """cos of `across` turns over the width and `along` over the height, bent by (T,) turns.

    The cosine of a sum is two products of lines, so it costs no cosine a pixel. (T, T) float32.
    """
    x, y = _TURN * (across * tile.ramp + np.float32(bend)), _TURN * along * tile.ramp
    return np.outer(np.cos(y), np.cos(x)) - np.outer(np.sin(y), np.sin(x))


# === Woven ===


def faint(tile: Tile, cloth: Fabric, rng: Rng) -> np.ndarray:
    """A trace of grain, for whatever has one colour, cloth or not."""
    return 1 + 0.012 * speckle(rng, tile, 1, 2)


def plain_weave(tile: Tile, cloth: Fabric, rng: Rng) -> np.ndarray:
    """Threads over and under one another: fine streaks both ways."""
    long = 0.05 * tile.unit
    return 1 + 0.015 * (speckle(rng, tile, 1, long) + speckle(rng, tile, long, 1))


def twill(tile: Tile, cloth: Fabric, rng: Rng) -> np.ndarray:
    """Denim: fine diagonals, and streaks of uneven thread along it."""
    count = tile.count(tile.fine(0.013, 5.0))
    lines = seen(tile.size / count / np.sqrt(2)) * waves(tile, count, count)
    slub = speckle(rng, tile, 1, 0.12 * tile.unit)
    return 1 + 0.15 * lines + 0.025 * slub + 0.03 * speckle(rng, tile, 1, 2)


def wale(tile: Tile, cloth: Fabric, rng: Rng) -> np.ndarray:
    """Corduroy: soft round ribs with dark grooves between."""
    count = tile.count(max(cloth.gauge, min(3.6 / tile.unit, 0.05)))
    contrast = seen(tile.size / count)
    height = np.sqrt(np.abs(np.sin(np.pi * count * tile.ramp)))
    rib = 1 + contrast * 0.42 * (height - height.mean())
    return rib * (1 + 0.035 * speckle(rng, tile, 1, 0.03 * tile.unit))


def melange(tile: Tile, cloth: Fabric, rng: Rng) -> np.ndarray:
    """Tweed: rough, nubby wool."""
    return 1 + 0.05 * speckle(rng, tile, 1, 2) + 0.03 * speckle(rng, tile, 1, 0.04 * tile.unit)


def herringbone(tile: Tile, cloth: Fabric, rng: Rng) -> np.ndarray:
    """Tweed whose diagonals turn back and forth in columns."""
    columns = tile.count(cloth.gauge)
    count = tile.count(tile.fine(0.018, 4.6))
    zigzag = np.abs((columns * tile.ramp) % 1 - 0.5) * (2 * count / columns) / 2
    lines = seen(0.7 * tile.size / count) * waves(tile, 0, count, zigzag)
    return melange(tile, cloth, rng) * (1 + 0.24 * lines)


# === Knitted ===


def jersey(tile: Tile, cloth: Fabric, rng: Rng) -> np.ndarray:
    """A fine T-shirt knit: hardly seen columns of stitches."""
    stitches = _stitches(tile, tile.count(tile.fine(0.012, 4.2)), 0.1, 0.6)
    return stitches * (1 + 0.012 * speckle(rng, tile, 1, 0.03 * tile.unit))


def stockinette(tile: Tile, cloth: Fabric, rng: Rng) -> np.ndarray:
    """A pullover's smooth side: columns of v stitches."""
    columns = tile.count(_stitch(tile, cloth.gauge))
    return _stitches(tile, columns, 0.4, 1.0) * (1 + 0.035 * speckle(rng, tile, 2, 2))


def rib(tile: Tile, cloth: Fabric, rng: Rng) -> np.ndarray:
    """Raised columns of stitches with deep grooves between."""
    ribs = tile.count(max(cloth.gauge, min(5 / tile.unit, 0.1)))
    per = max(1, round(tile.length / ribs / _stitch(tile, 0.03)))
    raised = np.sin(np.pi * ribs * tile.ramp) ** 2
    fold = 1 + seen(tile.size / ribs) * 0.34 * (np.sqrt(raised) - 2 / np.pi)
    return _stitches(tile, ribs * per, 0.26, 1.0) * fold * (1 + 0.03 * speckle(rng, tile, 2, 2))


def cable(tile: Tile, cloth: Fabric, rng: Rng) -> np.ndarray:
    """Two strands that cross again and again, between columns of purl."""
    columns, turns = tile.count(cloth.gauge), tile.count(0.95 * cloth.gauge)
    rows = tile.ramp[:, None]
    x = 2 * ((columns * tile.ramp) % 1) - 1  # -1..1 across a column
    swing = 0.27 * np.sin(_TURN * turns * rows)
    over = np.where(np.cos(_TURN * turns * rows) < 0, -swing, swing)  # the strand in front
    front, back = x - over, x + over
    heights = [np.sqrt(np.maximum(0, 1 - strand * strand / 0.13)) for strand in (front, back)]
    is_front = heights[0] > 0
    top = np.where(is_front, heights[0], 0.72 * heights[1])
    slant = np.where(is_front, front, back) * np.where(over == swing, -2.2, 2.2)
    yarn = np.cos(_TURN * (slant + tile.count(_stitch(tile, 0.035)) * rows))
    purl = 0.72 + 0.14 * np.cos(_TURN * tile.count(_stitch(tile, 0.03)) * rows)
    relief = np.where(top > 0, 0.62 + 0.5 * top + 0.1 * yarn, purl + 0.05 * np.cos(6 * _TURN * x))
    contrast = seen(0.25 * tile.size / columns)
    return 1 + contrast * (relief - relief.mean()) + 0.03 * speckle(rng, tile, 2, 2)


def _stitch(tile: Tile, width: float) -> float:
    """A stitch of this width, or the least one that shows two legs, in garment units."""
    return max(width, min(5.5 / tile.unit, 0.06))


def _stitches(tile: Tile, columns: int, depth: float, grooves: float) -> np.ndarray:
    """Columns of v stitches, light on the yarn and dark between."""
    rows = max(1, round(1.2 * columns))
    contrast = depth * seen(0.8 * tile.size / columns)
    leg = np.abs(2 * ((columns * tile.ramp) % 1) - 1)  # 0 in the middle of a stitch, 1 beside it
    yarn = waves(tile, 0, rows, -0.62 * leg)
    across = np.sqrt(np.abs(np.sin(_TURN * columns * tile.ramp)))
    return 1 + contrast * (0.42 * yarn + grooves * 0.8 * (across - 0.76))


# === Not made of threads one sees ===


def grain(tile: Tile, cloth: Fabric, rng: Rng) -> np.ndarray:
    """Leather: fine pebbles, and wrinkles here and there."""
    pebbles = tile.count(tile.fine(0.012, 3.0))
    fine = seen(1.4 * tile.size / pebbles) * clouds(rng, tile, pebbles, pebbles)
    hills = clouds(rng, tile, tile.count(0.09), tile.count(0.05))
    deep = np.clip(0.6 * clouds(rng, tile, tile.count(0.2), tile.count(0.2)), 0, 1)
    wrinkles = np.maximum(0, 1 - np.abs(hills) * np.float32(min(3, 0.03 * tile.unit)))
    return 1 + 0.055 * np.clip(fine, -1.5, 1.5) - 0.16 * deep * wrinkles


def smooth(tile: Tile, cloth: Fabric, rng: Rng) -> np.ndarray:
    """Satin: hardly a thread, and long soft waves of light."""
    drift = clouds(rng, tile, max(2, tile.count(0.2)), 2)
    return 1 + 0.07 * drift + 0.006 * speckle(rng, tile, 1, 0.1 * tile.unit)


WEAVES = {
    "faint": faint,
    "plain": plain_weave,
    "twill": twill,
    "wale": wale,
    "melange": melange,
    "herringbone": herringbone,
    "jersey": jersey,
    "stockinette": stockinette,
    "rib": rib,
    "cable": cable,
    "grain": grain,
    "smooth": smooth,
}
