"""Patterns in colour: stripes, checks, dots, flowers, shapes, and cloths of mixed threads.

Every design takes the tile, the fabric and the source of chance, and returns (T, T, 3) float32
RGB. Where things lie is asked of chance in the same way at every resolution.
"""

import cv2
import numpy as np

from aifashion.datasets.synthetic.fabrics import tiles
from aifashion.datasets.synthetic.fabrics.cloth import Fabric
from aifashion.datasets.synthetic.fabrics.tiles import Rng, Tile, clouds, layered, seen, speckle

_FINE = 8  # lines across a stripe's profile are averaged from so many samples a pixel

# Stripes as (colour, width) over one period; a colour the fabric lacks is its last one.
STRIPES = {
    "even": ((0, 1), (1, 1)),
    "breton": ((0, 2.4), (1, 1)),
    "pin": ((0, 8), (1, 1)),
    "ticking": ((0, 5), (1, 1.6), (0, 0.7), (1, 0.5), (0, 0.7), (1, 1.6)),
    "club": ((0, 4), (1, 1.5), (2, 1.5), (1, 1.5)),
    "rugby": ((0, 3), (1, 0.7), (2, 3), (1, 0.7)),
    "deck": ((0, 2), (1, 2), (0, 0.6), (2, 0.6), (3, 1), (2, 0.6), (0, 0.6)),
}
CHECKS = {
    "gingham": ((0, 1), (1, 1)),
    "houndstooth": ((0, 1), (1, 1)),
    "window": ((0, 11), (1, 1)),
    "tattersall": ((0, 6), (1, 0.7), (0, 6), (2, 0.7)),
    "tartan": ((0, 7), (1, 5), (2, 0.6), (1, 1), (2, 0.6), (1, 5), (0, 7), (3, 0.9)),
    "plaid": ((0, 6), (1, 1), (0, 1), (1, 4), (2, 0.8), (1, 4), (0, 1), (1, 1)),
    "madras": ((0, 4), (1, 3), (3, 0.8), (0, 2), (2, 3), (1, 0.8), (0, 1), (3, 1.6)),
}


def plain(tile: Tile, cloth: Fabric, rng: Rng) -> np.ndarray:
    """The ground alone."""
    return tiles.filled(tile, cloth.colours[0])


# === Stripes and checks ===


def stripes(tile: Tile, cloth: Fabric, rng: Rng) -> np.ndarray:
    """Lines of one direction."""
    lines = _profile(tile, cloth, STRIPES[cloth.design])
    return _laid(tile, lines, cloth.turn)


def checks(tile: Tile, cloth: Fabric, rng: Rng) -> np.ndarray:
    """The same lines both ways, woven: where they differ, each shows in every second thread."""
    lines = _profile(tile, cloth, CHECKS[cloth.design])
    along, across = _laid(tile, lines, cloth.turn), _laid(tile, lines, cloth.turn + np.pi / 2)
    if cloth.design == "houndstooth":
        count = 2 * tile.count(cloth.period)
    else:
        count = tile.count(tile.fine(0.013, 5.0))
    sharp = seen(tile.size / count / np.sqrt(2)) * (1.0 if cloth.design == "houndstooth" else 0.3)
    x, y = tile.ramp, tile.ramp[:, None]
    share = 0.5 + np.float32(sharp) * (_triangle(count * (x - y)) - np.float32(0.5))
    return cv2.blendLinear(along, across, share, 1 - share)


def _triangle(turns: np.ndarray) -> np.ndarray:
    """Alternates between 0 and 1 with short slopes, period 1."""
    return np.clip(2 - 6 * np.abs(turns - np.floor(turns) - np.float32(0.5)), 0, 1)


def _profile(tile: Tile, cloth: Fabric, bands: tuple) -> np.ndarray:
    """The colours along a line across the stripes, (T, 3) float32."""
    index = np.minimum([colour for colour, _ in bands], len(cloth.colours) - 1)
    ends = np.cumsum([width for _, width in bands])
    phase = (np.arange(tile.size * _FINE) + 0.5) / (tile.size * _FINE)
    count = round(tile.length / (cloth.period * stretch(cloth.turn)))
    band = np.searchsorted(ends / ends[-1], (phase * count) % 1, side="right")
    lines = cloth.colours[index[np.minimum(band, len(bands) - 1)]]
    lines = lines.reshape(tile.size, _FINE, 3).mean(1)
    mean = lines.mean(0)
    return (mean + seen(cloth.period * tile.unit) * (lines - mean)).astype(np.float32)


def _laid(tile: Tile, lines: np.ndarray, turn: float) -> np.ndarray:
    """A line of colours (T, 3) drawn out over the tile, (T, T, 3)."""
    eighth = round(turn / (np.pi / 4)) % 4
    if eighth == 0:
        return cv2.repeat(lines[None], tile.size, 1)
    if eighth == 2:
        return cv2.repeat(lines[:, None], 1, tile.size)
    step = np.arange(tile.size)
    place = step[:, None] + step if eighth == 1 else step - step[:, None]
    return np.take(lines, place % tile.size, 0)


def stretch(turn: float) -> float:
    """How much longer than across a pattern's period is along an edge of the tile."""
    return 1.0 if round(turn / (np.pi / 4)) % 2 == 0 else float(np.sqrt(2))


# === Dots ===

# Radius of the dots and of those in the middle between four of them, shares of the period.
DOTS = {"polka": (0.22, 0.22), "coin": (0.28, 0.28), "pindot": (0.13, 0.13), "mixed": (0.27, 0.12)}


def dots(tile: Tile, cloth: Fabric, rng: Rng) -> np.ndarray:
    """Dots in a regular order; those between may have the third colour."""
    count = tile.count(cloth.period)
    pixels = tile.size / count
    masks = []
    for radius, shift in zip(DOTS[cloth.design], (0.0, 0.5), strict=True):
        away = ((count * tile.ramp + np.float32(shift)) % 1 - np.float32(0.5)) * pixels
        # Near the rim the square of the distance falls off as straight as the distance does.
        reach = np.float32(radius * pixels)
        inside = (reach * reach - away**2) / (2 * reach) + np.float32(0.5)
        masks.append(np.clip(inside - (away**2 / (2 * reach))[:, None], 0, 1))
    colours = cloth.colours[np.minimum((0, 1, 2), len(cloth.colours) - 1)]
    return tiles.faded(layered(masks, colours), seen(pixels))


# === Flowers ===


def floral(tile: Tile, cloth: Fabric, rng: Rng) -> np.ndarray:
    """Flowers, buds and leaves strewn about.

    The colours are: ground, petals, other petals, centres, leaves.
    """
    gap = cloth.period / tile.length
    tries = int(min(130, 2.4 / gap**2))
    places, flower = tiles.wrapped(tiles.spots(rng, tries, gap), 0.9 * gap)
    size = (0.5 * gap * rng.uniform(0.55, 1.0, tries))[flower]
    turn = rng.uniform(0, 2 * np.pi, tries)[flower]
    other = (rng.random(tries) < 0.4)[flower]
    buds, bud = tiles.wrapped(tiles.spots(rng, tries, 0.7 * gap), 0.4 * gap)
    petals, shade = _PETALS[cloth.design]
    ground, first, second, centre, leaf = cloth.colours[:5]
    canvas = _canvas(tile, ground)
    tiles.fill(canvas, tile, _leaves(buds, 0.22 * gap, 2.0 * bud), leaf)
    tiles.fill(canvas, tile, _placed(_ring(3, 0.3), buds, 0.1 * gap, 1.0 * bud), second)
    tiles.fill(canvas, tile, _leaves(places, size, turn), leaf)
    large = gap * tile.size > 10  # on smaller flowers nobody sees the inner petals
    for kind, rgb in ((~other, first), (other, second)):
        for scale, tone in ((1.0, 1.0), (0.62, shade))[: 1 + large]:
            shapes = _placed(petals, places[kind], scale * size[kind], turn[kind] + 0.3 * scale)
            tiles.fill(canvas, tile, shapes, np.clip(rgb * tone, 0, 255))
    tiles.fill(canvas, tile, _placed(_ring(1, 0.0), places, 0.26 * size, turn), centre)
    return tiles.faded(canvas.astype(np.float32), seen(0.5 * cloth.period * tile.unit))


def _canvas(tile: Tile, rgb: np.ndarray) -> np.ndarray:
    """A picture of one colour to draw on, (T, T, 3) uint8."""
    return np.full((tile.size, tile.size, 3), np.round(rgb), np.uint8)


def _ring(count: int, depth: float, sharp: float = 1.0) -> np.ndarray:
    """The outline (n, 2) of a flower of so many petals, radius 1."""
    angle = np.linspace(0, 2 * np.pi, max(6 * count, 16), endpoint=False)
    radius = 1 - depth * (1 - np.abs(np.cos(count * angle / 2)) ** sharp)
    return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)


_PETALS = {
    "daisy": (_ring(9, 0.55, 0.7), 0.93),
    "blossom": (_ring(5, 0.5, 0.6), 0.84),
    "rose": (_ring(6, 0.14), 0.8),
    "ditsy": (_ring(5, 0.45, 0.8), 0.95),
}
FLORAL = tuple(_PETALS)


def _placed(
    shape: np.ndarray, places: np.ndarray, size: np.ndarray | float, turn: np.ndarray
) -> np.ndarray:
    """Copies of a shape (k, 2), or one shape each (n, k, 2), at places (n, 2), so large and turned.

    Returns:
        (n, k, 2) float64.
    """
    c, s = (size * np.cos(turn))[:, None], (size * np.sin(turn))[:, None]
    x, y = shape[..., 0], shape[..., 1]
    return places[:, None] + np.stack([c * x - s * y, s * x + c * y], 2)


_LEAF = np.array([(0.1, 0), (0.5, 0.17), (1, 0.2), (1.35, 0.12), (1.6, 0), (1.35, -0.12), (1, -0.2),
                  (0.5, -0.17)])  # fmt: skip


def _leaves(places: np.ndarray, size: np.ndarray | float, turn: np.ndarray) -> np.ndarray:
    """Two leaves a place, at a wide angle, (2n, 8, 2)."""
    return np.concatenate([_placed(_LEAF, places, size, turn + angle) for angle in (0.5, 2.7)])


# === Shapes without a name ===


def camouflage(tile: Tile, cloth: Fabric, rng: Rng) -> np.ndarray:
    """Blots over blots."""
    hills = tile.count(0.55 * cloth.period)
    masks = [_cut(tile, clouds(rng, tile, hills, hills), 0.35, hills) for _ in cloth.colours[1:]]
    return layered(masks, cloth.colours)


def leopard(tile: Tile, cloth: Fabric, rng: Rng) -> np.ndarray:
    """Broken dark rings around darker spots: ground, spots, rings."""
    hills = tile.count(0.3 * cloth.period)
    field = clouds(rng, tile, hills, hills)
    gaps = _cut(tile, clouds(rng, tile, hills, hills), -0.6, hills)
    spot, outer = _cut(tile, field, 0.95, hills), _cut(tile, field, 0.25, hills)
    return layered([spot, (outer - spot) * gaps], cloth.colours)


def marble(tile: Tile, cloth: Fabric, rng: Rng) -> np.ndarray:
    """Waves that bend and flow into one another, as dyed in a bath."""
    hills = tile.count(0.9 * cloth.period)
    bend, other = clouds(rng, tile, hills, hills), clouds(rng, tile, hills, hills)
    turns = 2 * tile.ramp + 0.7 * bend
    masks = [
        np.clip(0.5 + 0.9 * np.sin(2 * np.pi * turns), 0, 1),
        np.clip(1.6 * np.sin(4 * np.pi * turns + 2.5 * other) - 0.5, 0, 1),
    ]
    return layered(masks, cloth.colours)


def strokes(tile: Tile, cloth: Fabric, rng: Rng) -> np.ndarray:
    """Bent strokes of a brush in all colours."""
    gap = cloth.period / tile.length
    tries = int(min(130, 3 / gap**2))
    angle, bow = rng.uniform(0, np.pi, tries), rng.normal(0, 0.4, tries)
    places, which = tiles.wrapped(tiles.spots(rng, tries, 0.75 * gap), 0.9 * gap)
    t = np.linspace(-0.55, 0.55, 7)
    line = np.stack([np.broadcast_to(t, (tries, 7)), bow[:, None] * (t**2 - 0.1)], 2)
    paths = _placed(line[which], places, gap, angle[which])
    return _of_all_colours(tile, cloth, paths, which, 0.26 * cloth.period)


def confetti(tile: Tile, cloth: Fabric, rng: Rng) -> np.ndarray:
    """Triangles, bars, rounds and squares in all colours."""
    gap = 0.8 * cloth.period / tile.length
    tries = int(min(130, 3 / gap**2))
    turn, size = rng.uniform(0, 2 * np.pi, tries), gap * rng.uniform(0.34, 0.52, tries)
    places, which = tiles.wrapped(tiles.spots(rng, tries, gap), 0.7 * gap)
    shapes = _placed(_SHAPES[which % len(_SHAPES)], places, size[which], turn[which])
    return _of_all_colours(tile, cloth, shapes, which, 0.0)


def _of_all_colours(
    tile: Tile, cloth: Fabric, shapes: np.ndarray, which: np.ndarray, width: float
) -> np.ndarray:
    """Shapes (n, k, 2) in the fabric's colours by turns: strokes so wide, filled where 0."""
    canvas = _canvas(tile, cloth.colours[0])
    rest = cloth.colours[1:]
    for index, rgb in enumerate(rest):
        chosen = shapes[which // len(_SHAPES) % len(rest) == index]
        if width:
            tiles.stroke(canvas, tile, chosen, rgb, width)
        else:
            tiles.fill(canvas, tile, chosen, rgb)
    return tiles.faded(canvas.astype(np.float32), seen(0.5 * cloth.period * tile.unit))


def _outline(*corners: tuple[float, float]) -> np.ndarray:
    """The corners with the last one repeated up to 16 points, so that all shapes fit one array."""
    return np.array([*corners, *[corners[-1]] * (16 - len(corners))])


_SHAPES = np.stack([
    _outline((0, -1), (0.9, 0.6), (-0.9, 0.6)),
    _outline((-1.1, -0.28), (1.1, -0.28), (1.1, 0.28), (-1.1, 0.28)),
    0.75 * _ring(1, 0.0),
    _outline((-0.7, -0.7), (0.7, -0.7), (0.7, 0.7), (-0.7, 0.7)),
])  # fmt: skip


def _cut(tile: Tile, field: np.ndarray, level: float, hills: int) -> np.ndarray:
    """Where a field is above a level, 0 to 1, the edge about a pixel soft."""
    slope = tile.size / hills / 1.6  # a hill's side rises by about 1.6 over its own width
    return np.clip((field - np.float32(level)) * np.float32(slope) + np.float32(0.5), 0, 1)


# === Threads of several colours ===


def indigo(tile: Tile, cloth: Fabric, rng: Rng) -> np.ndarray:
    """Denim: blue threads, paler where it is worn, flecked by white ones: the second colour."""
    worn = clouds(rng, tile, tile.count(0.16), tile.count(0.3))
    threads = speckle(rng, tile, 1, max(2, 0.03 * tile.unit))
    share = 0.2 + 0.06 * worn + 0.09 * threads
    return layered([np.clip(share, 0, 1)], cloth.colours)


def flecks(tile: Tile, cloth: Fabric, rng: Rng) -> np.ndarray:
    """Tweed: a mix of two colours, with knots of the others."""
    wide = max(3.0, 0.015 * tile.unit)
    mix = np.clip(0.4 + 0.28 * speckle(rng, tile, 1, wide), 0, 1)
    knots = [np.clip(speckle(rng, tile, wide, wide) - 1.7, 0, 0.9) for _ in cloth.colours[2:]]
    return layered([mix, *knots], cloth.colours)


def patina(tile: Tile, cloth: Fabric, rng: Rng) -> np.ndarray:
    """Leather and satin: a soft sheen of the second colour, in leather in blotches."""
    wide = (0.22, 0.22) if cloth.material == "leather" else (0.12, 0.6)
    sheen = clouds(rng, tile, *(max(2, tile.count(side)) for side in wide))
    return layered([np.clip(0.14 + 0.14 * sheen, 0, 0.7)], cloth.colours)


DESIGNS = (
    {"plain": plain, "camouflage": camouflage, "leopard": leopard, "marble": marble}
    | {"strokes": strokes, "confetti": confetti, "indigo": indigo, "flecks": flecks}
    | {"patina": patina}
    | dict.fromkeys(STRIPES, stripes)
    | dict.fromkeys(CHECKS, checks)
    | dict.fromkeys(DOTS, dots)
    | dict.fromkeys(_PETALS, floral)
)
