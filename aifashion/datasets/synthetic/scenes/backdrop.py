"""What all backgrounds draw with: colours, noise, light, shapes, floors, lights out of focus.

A background is drawn on a small canvas, (h, w, 3) float32 RGB, because it is out of focus. Places
are shares of the canvas: x from 0 at the left to 1 at the right, y from 0 at the top to 1 below.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from aifashion.datasets.synthetic.fabrics.palette import LUMA

MARGIN = 62.0  # every large colour behind a garment is this far from the garment's own colours
_SLACK = 12.0  # a surface's light moves its colour: it starts so much farther away
MOST_CHROMA = 90.0  # walls and streets are calmer than clothes: their channels differ less
TILE, _LARGEST = 512, 256  # the side of a tile of noise, and of the largest canvas


@dataclass(frozen=True)
class View:
    """What a painter starts from."""

    rng: np.random.Generator
    shape: tuple[int, int]  # height and width of the canvas
    avoid: np.ndarray  # (N, 3) float64 RGB, the garment's own colours

    @property
    def x(self) -> np.ndarray:
        """(1, w) float32."""
        w = self.shape[1]
        return ((np.arange(w, dtype=np.float32) + 0.5) / w)[None]

    @property
    def y(self) -> np.ndarray:
        """(h, 1) float32."""
        h = self.shape[0]
        return ((np.arange(h, dtype=np.float32) + 0.5) / h)[:, None]


def palette(*colours: int) -> np.ndarray:
    """Colours 0xRRGGBB as (N, 3) float64."""
    return np.array([[c >> 16, c >> 8 & 255, c & 255] for c in colours], np.float64)


PAINT = palette(0xF2F0EB, 0xE9E4DA, 0xD9D2C5, 0xC9C9C7, 0xB4BBAE, 0x9DB0BC, 0xC7A492, 0xDCC6BE,
                0x8A9A8F, 0x6F7A83, 0x4B545C, 0x34404F, 0x56463F, 0x8D6A5C, 0xE3D6A8, 0x2C2C2E,
                0xF7F5F2, 0xA8A39B)  # fmt: skip
PAPER = palette(0xF6F5F3, 0xE8E6E3, 0xD5D3D0, 0xBDBAB6, 0x9A9896, 0x77777A, 0x4C4D50, 0x2A2A2C,
                0xE6D8C8, 0xD8C0B0, 0xC6D0D4, 0xAEBBC6, 0xE2CDD0, 0xC8CFBE, 0xEFE2C2, 0x8E4B45,
                0x2F4A5E, 0x3F5A4A)  # fmt: skip
WOOD = palette(0xC9A27A, 0xA97F58, 0x7D573A, 0x553B2A, 0x3B2A20, 0xD9C3A0, 0xB8AA97, 0xE4DCCB,
               0x8C6A4F)  # fmt: skip
STONE = palette(0xF1EFEC, 0xE2DEDA, 0xCFC8BF, 0x9A9793, 0x54565A, 0x2B2D31, 0x44574D, 0xD9C5B2)
BRICK = palette(0xA4604A, 0x8C4B3B, 0xB97F63, 0x6E4339, 0xDAD2C8, 0xEDE9E3, 0x55504E, 0x9B8A7B)
CLOTH = palette(0xF4F2EE, 0xE4DED4, 0xCBD3DA, 0xD9C9C2, 0xA9B3A4, 0x8796A6, 0x5A6470, 0x37414F,
                0xB58D84, 0xE8DFC5, 0x2E2E33)  # fmt: skip
GROUND = palette(0x9C9A97, 0x7F7F80, 0xB7B0A6, 0x66686B, 0xC9C2B8, 0x4A4B4E)
CLOTHES = palette(0x26282D, 0x2F3E5C, 0xE9E5DE, 0xB39B82, 0x7A2E35, 0x4C5B48, 0x8E9096, 0xC58F86,
                  0x5C7FA3, 0xD9BE74, 0x6A4A3A, 0xF3F1EE)  # fmt: skip

LAMPS = palette(0xFFF3DC, 0xFFE2B0, 0xFFFFFF, 0xFFC98A, 0xFFD9D0, 0xDDEBFF, 0xFF9A7A, 0xB8E6C0)
LEAST_DETAIL = 30.0  # small things may come nearer to the garment's colours than surfaces


# === Colour ===


def picked(
    view: View, colours: np.ndarray, count: int = 1, least: float = MARGIN + _SLACK
) -> np.ndarray:
    """Colours near those of a palette, each at least so far from the garment's own.

    The last tries go lighter, darker and more colourful than the palette; where none is far
    enough the farthest is taken. (count, 3) float64.
    """
    rng, tries = view.rng, 24 if count < 5 else 8
    found = colours[rng.integers(len(colours), size=(count, tries))]
    value = rng.uniform(0.88, 1.08, (count, tries, 1))
    value[:, tries // 2 :] = rng.uniform(0.25, 1.5, (count, tries - tries // 2, 1))
    spread = np.where(np.arange(tries) < tries // 2, 4.0, 10.0)[:, None]
    found = found * value + spread * rng.standard_normal((count, tries, 3))
    found = np.minimum(np.maximum(found, 10), 250)
    grey = (found @ LUMA)[..., None]
    chroma = (found.max(-1) - found.min(-1))[..., None]
    found = grey + (found - grey) * np.minimum(1, MOST_CHROMA / (chroma + 1))
    if not len(view.avoid):
        return found[:, 0]
    gaps = distances(found, view.avoid)
    best = np.where((gaps >= least).any(1), (gaps >= least).argmax(1), gaps.argmax(1))
    return found[np.arange(count), best]


def distances(colours: np.ndarray, others: np.ndarray) -> np.ndarray:
    """How far each colour (..., 3) is from the nearest of others (N, 3), as `fabrics.distance`."""
    one, other = colours * np.sqrt(LUMA), others * np.sqrt(LUMA)
    squares = np.einsum("...c,...c->...", one, one)[..., None] + (other * other).sum(-1)
    return np.sqrt(np.maximum((squares - 2 * one @ other.T).min(-1), 0))


# === Noise ===


@cache
def _tile(kind: str) -> np.ndarray:
    """Noise (512, 512) float32 of mean 0 and variance 1; the same in every process."""
    rng = np.random.default_rng(7)
    tile = np.zeros((TILE, TILE), np.float32)
    if kind == "speckle":
        tile = cv2.GaussianBlur(rng.standard_normal((TILE, TILE)).astype(np.float32), (0, 0), 0.6)
    else:
        first, last = (3, 8) if kind == "clouds" else (5, 9)  # leaves are finer than clouds
        for octave in range(first, last):
            coarse = rng.standard_normal((2**octave, 2**octave)).astype(np.float32)
            grown = cv2.resize(coarse, (TILE, TILE), interpolation=cv2.INTER_CUBIC)
            tile += grown * 0.6 ** (octave - first)
    return (tile - tile.mean()) / tile.std()


def noise(view: View, kind: str) -> np.ndarray:
    """A patch (h, w) of "clouds" (soft), "leaves" (half as large) or "speckle" (a pixel each)."""
    h, w = view.shape
    top, left = (int(start) for start in view.rng.integers(TILE - _LARGEST, size=2))
    return _tile(kind)[top : top + h, left : left + w]


def grain(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Clouds at u and v (h, w) in pixels of the tile, which is mirrored beyond its edges."""
    u, v = u.astype(np.float32), v.astype(np.float32)
    return cv2.remap(_tile("clouds"), u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


# === Light ===


def shaded(view: View, rgb: np.ndarray, light: np.ndarray) -> np.ndarray:
    """A surface of one colour under a light (h, w): (h, w, 3) float32."""
    light = np.broadcast_to(light, view.shape).astype(np.float32)
    return cv2.merge([light * np.float32(channel) for channel in rgb])


def lit(canvas: np.ndarray, light: np.ndarray) -> np.ndarray:
    """The canvas under a light (h, w)."""
    light = np.broadcast_to(light, canvas.shape[:2]).astype(np.float32)
    return cv2.multiply(canvas, cv2.merge([light, light, light]))


def falloff(view: View, depth: float = 0.3) -> np.ndarray:
    """Light that comes from one side and fades, (h, w) about 1."""
    rng = view.rng
    cx, cy = rng.uniform((-0.3, -0.4), (1.3, 0.5)).tolist()
    away = np.sqrt((view.x - cx) ** 2 + (view.y - cy) ** 2)
    return 1.08 - rng.uniform(0.5, 1.3) * depth * (away - max(0.0, -cx, cx - 1, -cy))


def patches(view: View) -> np.ndarray:
    """Sun through a window or through leaves onto a surface, (h, w): 1 in the sun, less beside."""
    rng, (h, w) = view.rng, view.shape
    dark = rng.uniform(0.62, 0.85)
    if rng.random() < 0.4:
        mask = 1 / (1 + np.exp(-3 * noise(view, "clouds") + rng.uniform(-1, 1)))
    else:
        mask = np.zeros((h, w), np.float32)
        lean, turn, size = rng.normal(0, 0.35), rng.normal(0, 0.3), rng.uniform(0.1, 0.22)
        rows, columns = np.mgrid[:3, :2]
        corner = np.stack([columns.ravel(), rows.ravel()], 1) * (1.15, 1.12)
        quads = corner[:, None] + np.array([(0, 0), (1, 0), (1, 1), (0, 1)])
        quads = quads @ np.array([[1, turn], [lean, 1.3]]) * size + rng.uniform(-0.1, 0.6, 2)
        fill(mask, quads, (1.0,))
    sigma = rng.uniform(0.008, 0.03) * max(h, w)
    return dark + (1.08 - dark) * cv2.GaussianBlur(mask, (0, 0), sigma)


# === Shapes ===


def fill(canvas: np.ndarray, outlines: Sequence[np.ndarray], rgb: Sequence[float]) -> None:
    """Fills outlines, all (n, 2) in shares of the canvas, with one colour, in place."""
    scale = (16 * canvas.shape[1], 16 * canvas.shape[0])
    if len(outlines):
        fixed = np.rint(np.stack(outlines) * scale - 8).astype(np.int32)
        cv2.fillPoly(canvas, list(fixed), tuple(np.asarray(rgb).tolist()), shift=4)


def fill_each(canvas: np.ndarray, outlines: np.ndarray, colours: np.ndarray) -> None:
    """Fills outlines (N, n, 2), each with its own colour (N, 3), the later over the earlier."""
    scale = (16 * canvas.shape[1], 16 * canvas.shape[0])
    fixed = np.rint(outlines * scale - 8).astype(np.int32, order="C")
    for points, rgb in zip(fixed, colours.tolist(), strict=True):
        cv2.fillPoly(canvas, [points], rgb, shift=4)


def box(x: float, y: float, wide: float, high: float) -> np.ndarray:
    """A rectangle's outline (4, 2) from its left upper corner."""
    return np.array([(x, y), (x + wide, y), (x + wide, y + high), (x, y + high)])


def softened(canvas: np.ndarray, share: float) -> np.ndarray:
    """The canvas out of focus, by a share of its longer side."""
    return cv2.GaussianBlur(canvas, (0, 0), max(share * max(canvas.shape[:2]), 0.5))


# === Floors and lights ===


def floor(view: View, canvas: np.ndarray, horizon: float, colours: np.ndarray = WOOD) -> None:
    """A floor from the horizon down, in place: boards, slabs or one surface, in perspective."""
    rng, (h, w) = view.rng, view.shape
    top = min(int(horizon * h), h - 1)
    y = view.y[top:] - horizon
    depth = 1 / (y + 0.09)
    u = (view.x - rng.uniform(0.2, 0.8)) * (w / h) * depth * rng.uniform(0.5, 1.0) + 40
    v = depth * rng.uniform(0.5, 1.2) + 40
    kind, clear = rng.integers(3), np.clip(0.09 * 9 * y / (y + 0.09) + 0.15, 0, 1)
    tone = 1 + 0.04 * noise(view, "clouds")[top:]
    if kind < 2:
        edge = 0.5 - np.abs(u % 1 - 0.5)
        step = v if kind else v * 0.5 + np.floor(u) * 0.382
        gap = np.clip(1.3 - edge / (0.012 * depth), 0, 1)
        gap = np.maximum(gap, np.clip(1.3 - (0.5 - np.abs(step % 1 - 0.5)) / (0.01 * depth), 0, 1))
        which = (np.floor(u) * 31 + np.floor(step) * 7).astype(np.int32) % 64
        pieces = rng.normal(0, 0.03 if kind else 0.06, 64)
        tone = tone + (pieces[which] - rng.uniform(0.08, 0.25) * gap) * clear
    sheen = rng.uniform(0.0, 0.3) * np.exp(-((view.x - rng.random()) ** 2) * 14) * np.exp(-5 * y)
    light = rng.uniform(0.8, 0.95) + 0.25 * y + sheen - 0.3 * np.exp(-y / 0.02)
    below = View(rng, tone.shape, view.avoid)
    canvas[top:] = shaded(below, picked(view, colours)[0], tone * light)


def bokeh(canvas: np.ndarray, view: View, lights: np.ndarray, size: float) -> np.ndarray:
    """The canvas with small lights (N, 2) far out of focus: discs, added to what is there."""
    rng, (h, w) = view.rng, view.shape
    layer = np.zeros((h, w, 3), np.uint8)  # cv2 smooths the edges of 8-bit shapes only
    count = len(lights)
    colours = LAMPS[rng.integers(len(LAMPS), size=count)] * rng.uniform(0.1, 0.55, (count, 1))
    radii = np.maximum(rng.uniform(0.6, 1.2, count) * size * max(h, w), 2.8)
    for (x, y), rgb, radius in zip((lights * (w, h)).tolist(), colours, radii, strict=True):
        at, wide = (round(16 * x), round(16 * y)), round(16 * radius)
        cv2.circle(layer, at, wide, rgb.tolist(), -1, cv2.LINE_AA, shift=4)
        if radius > 3.5:  # a lens gives the disc's edge more light
            cv2.circle(layer, at, wide, (1.2 * rgb).tolist(), 1, cv2.LINE_AA, shift=4)
    layer = cv2.GaussianBlur(layer, (0, 0), 0.8).astype(np.float32)
    return canvas + layer * np.clip(1 - canvas / 290, 0, 1)
