"""Walls, and what clothes lie on, seen from above.

Each painter takes a `View` and returns a canvas (h, w, 3) float32 RGB. See `backdrop`.
"""

from collections.abc import Callable

import cv2
import numpy as np

from aifashion.datasets.synthetic.scenes.backdrop import (
    BRICK,
    CLOTH,
    PAINT,
    STONE,
    TILE,
    WOOD,
    View,
    falloff,
    grain,
    noise,
    patches,
    picked,
    shaded,
)

# === Walls ===


def plaster(view: View) -> np.ndarray:
    """A painted or concrete wall, with sun on some."""
    rng = view.rng
    rough, grainy = (0.008, 0.02, 0.05)[rng.integers(3)], rng.uniform(0.004, 0.02)
    light = falloff(view) * (1 + rough * noise(view, "clouds") + grainy * noise(view, "speckle"))
    if rng.random() < 0.3:
        light = light * patches(view)
    return shaded(view, picked(view, PAINT)[0], light)


def _oblique(view: View) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates (h, w) on a wall that is seen a little from the side; about 0 to 1."""
    aside = view.rng.normal(0, 0.22)
    depth = 1 / (1 + max(-0.5, min(aside, 0.5)) * (view.x - 0.5))
    h, w = view.shape
    along = np.broadcast_to((view.x - 0.5) * depth, view.shape)
    return along * (w / h), (view.y - 0.45) * depth


def _courses(view: View, wide: float, high: float, shift: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows of bricks or tiles: which one (h, w) int, and how far from its edge in wall units."""
    along, up = _oblique(view)
    up = up / high + 40
    row = np.floor(up)
    along = along / wide + shift * row
    column = np.floor(along)
    edge = np.minimum(wide * (0.5 - np.abs(along - column - 0.5)),
                      high * (0.5 - np.abs(up - row - 0.5)))  # fmt: skip
    return (row * 31 + column).astype(np.int32) & 255, edge


def _pieces(view: View, spread: float) -> np.ndarray:
    """A brightness for each of 256 bricks, tiles or planks."""
    return view.rng.normal(1, spread, 256).astype(np.float32)


def bricks(view: View) -> np.ndarray:
    """A brick wall, bare or painted over."""
    rng = view.rng
    high = rng.uniform(0.035, 0.07)
    which, edge = _courses(view, rng.uniform(2.6, 3.4) * high, high, 0.5)
    bare = rng.random() < 0.65
    tone = _pieces(view, 0.09 if bare else 0.025)[which]
    tone += 0.04 * noise(view, "clouds") + 0.025 * noise(view, "speckle")
    rgb = picked(view, BRICK)[0]
    light = falloff(view, 0.45)
    canvas = shaded(view, rgb, light * tone)
    mortar = np.clip(1.3 - edge / (0.09 * high), 0, 1).astype(np.float32)
    other = 0.5 * rgb + 0.5 * picked(view, STONE)[0] if bare else 0.82 * rgb
    joint = shaded(view, other, light * (1 + 0.04 * noise(view, "speckle")))
    return canvas + mortar[..., None] * (joint - canvas)


def tiles(view: View) -> np.ndarray:
    """A tiled wall: square or like bricks, glossy."""
    rng = view.rng
    high, flat = rng.uniform(0.06, 0.16), rng.random() < 0.5
    which, edge = _courses(view, high * (2.0 if flat else 1.0), high, 0.5 if flat else 0.0)
    gloss = rng.uniform(0.0, 0.05)
    tone = _pieces(view, 0.025)[which] + gloss * noise(view, "clouds")
    tone = tone - 0.08 * np.clip(1 - edge / (0.12 * high), 0, 1)
    rgb = picked(view, PAINT)[0]
    light = falloff(view, 0.4)
    canvas = shaded(view, rgb, light * tone)
    grout = np.clip(1.4 - edge / (0.035 * high), 0, 1).astype(np.float32)
    joint = shaded(view, rgb * rng.choice((0.72, 0.85)) + rng.choice((0.0, 25.0)), light)
    return canvas + grout[..., None] * (joint - canvas)


# === What clothes lie on, seen from above ===


def _turned(view: View) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates (h, w) across and along, turned by a random angle near a right one."""
    rng, (h, w) = view.rng, view.shape
    turn = rng.integers(2) * np.pi / 2 + rng.normal(0, 0.12)
    x, y = (view.x - 0.5) * (w / max(h, w)), (view.y - 0.5) * (h / max(h, w))
    c, s = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    return c * x + s * y, c * y - s * x


def planks(view: View) -> np.ndarray:
    """Boards of wood side by side, each with its own grain."""
    rng = view.rng
    across, along = _turned(view)
    wide, long = rng.uniform(0.09, 0.26), rng.uniform(0.7, 1.6)
    place = across / wide + 40 + rng.random()
    which = place.astype(np.int32)
    place -= which
    along = along / long + _pieces(view, 3.0)[which & 255] + 40
    board = along.astype(np.int32)
    along -= board
    which = (which * 31 + board * 7) & 255
    start = rng.uniform(20, TILE - 20, (2, 256)).astype(np.float32)
    u, v = start[0][which] + across * 190, start[1][which] + along * long * 22
    bend, fine = grain(u * 0.35, v * 0.5), grain(u * 2.2, v * 0.55)
    rings = np.sin(across * rng.uniform(60, 130) + rng.uniform(3, 7) * bend)
    tone = _pieces(view, 0.08)[which] + 0.035 * rings + 0.06 * fine
    gap = 0.5 - np.abs(place - 0.5)
    tone -= 0.45 * np.clip(1.2 - gap * wide / 0.0045, 0, 1)
    tone -= 0.35 * np.clip(1.2 - along * long / 0.006, 0, 1)
    light = falloff(view, 0.4) * (patches(view) if rng.random() < 0.3 else 1)
    return shaded(view, picked(view, WOOD)[0], tone * light)


def marble(view: View) -> np.ndarray:
    """A polished stone with veins."""
    rng = view.rng
    rgb = picked(view, STONE)[0]
    base, fork, width = (noise(view, "clouds") for _ in range(3))
    slope = rng.normal(0, 2.5) * view.x + rng.normal(0, 2.5) * view.y
    thin = rng.uniform(5, 14) / np.exp(0.5 * width)
    veins = np.exp(-np.abs(base + slope - slope.mean()) * thin)
    veins += 0.5 * np.exp(-np.abs(fork - slope + slope.mean() + 0.4) * 2.5 * thin)
    veins *= rng.uniform(0.2, 0.6) * np.clip(0.6 + 0.5 * width, 0.1, 1)
    bright = rgb.mean() > 110
    other = rgb * 0.5 + (0, 2, 6) if bright else np.minimum(rgb + 110, 255)
    light = falloff(view, 0.3)
    canvas = shaded(view, rgb, light * (1 + 0.03 * fork + 0.006 * noise(view, "speckle")))
    joint = shaded(view, other, light)
    return canvas + np.clip(veins, 0, 0.8)[..., None].astype(np.float32) * (joint - canvas)


def sheet(view: View) -> np.ndarray:
    """A bed sheet or a blanket with folds, plain or with faint stripes."""
    rng, (h, w) = view.rng, view.shape
    across, along = _turned(view)
    start = rng.uniform(150, TILE - 150, 2).tolist()
    rise = grain(start[0] + across * rng.uniform(60, 130), start[1] + along * rng.uniform(20, 60))
    rise = cv2.GaussianBlur(rise, (0, 0), 0.018 * max(h, w))
    turn, size = rng.uniform(0, 2 * np.pi), max(h, w) / 100
    slope = cv2.Sobel(rise, -1, 1, 0, scale=float(np.cos(turn)) * size)
    slope += cv2.Sobel(rise, -1, 0, 1, scale=float(np.sin(turn)) * size)
    folds = _folds(view, across[::2, ::2], along[::2, ::2])
    tone = 1 + rng.uniform(0.06, 0.15) * cv2.resize(folds, (w, h))
    tone += rng.uniform(0.05, 0.13) * np.tanh(slope) + 0.012 * noise(view, "speckle")
    if rng.random() < 0.3:
        stripes = np.sin((across + 0.01 * rise) * rng.uniform(60, 160))
        tone += rng.uniform(0.02, 0.06) * np.clip(3 * stripes, -1, 1)
    light = falloff(view, 0.4) * (patches(view) if rng.random() < 0.2 else 1)
    return shaded(view, picked(view, CLOTH)[0], tone * light)


def _folds(view: View, across: np.ndarray, along: np.ndarray) -> np.ndarray:
    """Long creases, light on one side and dark on the other: (h, w), about -1 to 1."""
    rng = view.rng
    folds = np.zeros_like(across)
    main = rng.uniform(0, np.pi)
    bend = 0.05 * grain(150 + 90 * across, 150 + 90 * along)
    for _ in range(int(rng.integers(3, 9))):
        turn, (x, y) = main + rng.normal(0, 0.5), rng.uniform(-0.5, 0.5, 2).tolist()
        c, s = float(np.cos(turn)), float(np.sin(turn))
        u = c * (across - x) + s * (along - y) + bend
        v = c * (along - y) - s * (across - x)
        u /= rng.uniform(0.015, 0.045)
        ridge = u * np.exp(-0.5 * u * u - (v / rng.uniform(0.15, 0.6)) ** 2)
        folds += 1.6 * ridge
    return folds


def carpet(view: View) -> np.ndarray:
    """A carpet's pile, plain or with a woven pattern."""
    rng = view.rng
    across, along = _turned(view)
    pile = 0.25 * noise(view, "leaves") + noise(view, "speckle")
    wobble = 0.01 * noise(view, "leaves")
    size = rng.uniform(0.12, 0.3)
    u, v = ((across + wobble) / size + 40) % 1 - 0.5, ((along + wobble) / size + 40) % 1 - 0.5
    pattern: Callable[[], np.ndarray] = (
        lambda: np.zeros(view.shape, np.float32),
        lambda: np.clip(9 * (np.abs(np.abs(u) + np.abs(v) - 0.42) - 0.1), -1, 1),
        lambda: np.clip(9 * (np.abs(u) - 0.25), -1, 1) + 0 * v,
        lambda: np.clip(9 * (np.minimum(np.abs(u), np.abs(v)) - 0.06), -1, 1),
    )[rng.choice(4, p=(0.5, 0.2, 0.15, 0.15))]
    tone = 1 + rng.uniform(0.025, 0.06) * pile + rng.uniform(0.05, 0.13) * pattern()
    tone = tone + 0.02 * noise(view, "clouds")
    return shaded(view, picked(view, CLOTH)[0], tone * falloff(view, 0.4))
