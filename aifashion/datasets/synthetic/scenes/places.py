"""A studio, a street, a park, the seaside, out of focus.

Each painter takes a `View` and returns a canvas (h, w, 3) float32 RGB. See `backdrop`.
"""

import cv2
import numpy as np

from aifashion.datasets.synthetic.garments.geometry import smooth
from aifashion.datasets.synthetic.scenes.backdrop import (
    BRICK,
    CLOTHES,
    GROUND,
    LEAST_DETAIL,
    PAINT,
    PAPER,
    STONE,
    WOOD,
    View,
    bokeh,
    box,
    falloff,
    fill,
    fill_each,
    floor,
    lit,
    noise,
    palette,
    patches,
    picked,
    shaded,
    softened,
)

LEAVES = palette(0x5F7D3F, 0x7F9A50, 0x46633A, 0xA7A858, 0xB98B3F, 0xA8642F, 0x8FA58A, 0xC9A9A4,
                 0x8A8378)  # fmt: skip
SKY = palette(0xF3F5F6, 0xDCE8F0, 0xBFD5E6, 0xF6E9D8, 0xD9DCE0, 0xA9C4DE)


def studio(view: View) -> np.ndarray:
    """A photographer's studio: a paper sweep, a mottled cloth, or a wall with a floor."""
    rng = view.rng
    rgb, kind = picked(view, PAPER)[0], rng.random()
    cx, cy = rng.uniform((0.2, 0.15), (0.8, 0.55)).tolist()
    wide, deep = rng.uniform(0.25, 0.8), rng.uniform(0.15, 0.45)
    spot = np.exp(-((view.x - cx) ** 2 + 0.7 * (view.y - cy) ** 2) / wide**2)
    light = 1.08 - deep + deep * spot
    if kind < 0.2:
        light = light * (1 + 0.07 * noise(view, "clouds"))
    if rng.random() < 0.2:
        light = light * patches(view)
    horizon = rng.uniform(0.68, 0.92)
    if kind < 0.75:  # the sweep: the paper bends forward and meets the light
        bend = smooth((view.y - horizon + 0.05) / rng.uniform(0.06, 0.16))
        ground = 1.05 - 0.25 * (1 - spot) * deep - 0.5 * (view.y - horizon)
        light = light + bend * (ground - light) * 0.8
        light = light - 0.06 * np.exp(-(((view.y - horizon) / 0.04) ** 2))
        return shaded(view, rgb, light)
    canvas = shaded(view, rgb, light)
    floor(view, canvas, horizon, np.concatenate([WOOD, GROUND, PAPER]))
    if rng.random() < 0.6:
        fill(canvas, [box(-0.1, horizon - 0.025, 1.2, 0.022)], np.minimum(rgb * 1.1 + 8, 255))
    return softened(canvas, 0.006)


# === Outdoors ===


def _seen(side: float, vx: float, hz: float, points: np.ndarray) -> np.ndarray:
    """Points (..., 2) of a street's facade, depth and height over the eye, in the picture."""
    away = points[..., 0]
    return np.stack([vx + side / away, hz - points[..., 1] / away], -1)


def _facade(view: View, canvas: np.ndarray, side: float, vanish: tuple[float, float]) -> None:
    """The houses along one side of a street, from the farthest to the nearest."""
    rng = view.rng
    ends = 0.45 * np.cumprod(np.concatenate([[1.0], rng.uniform(1.5, 2.4, 4)]))
    walls = picked(view, np.concatenate([BRICK, PAINT, STONE]), 4)
    for near, far, rgb in zip(ends[-2::-1], ends[:0:-1], walls, strict=True):
        high, haze = rng.uniform(0.3, 1.1), min(0.12 * near, 0.5)
        wall = (rgb * rng.uniform(0.75, 1.0) * (1 - haze) + 225 * haze).astype(float)
        corners = np.array([(near, high), (far, high), (far, -0.25), (near, -0.25)])
        fill(canvas, [_seen(side, *vanish, corners)], wall)
        across, rows = int(rng.integers(3, 7)), int(rng.integers(2, 5))
        z = near + (far - near) * ((np.arange(across) + 0.25) / across)
        step = (far - near) / across * 0.5
        up = 0.06 + (high - 0.1) * np.arange(rows) / rows
        z, up = np.tile(z, rows)[:, None], np.repeat(up, across)[:, None]
        tall = 0.55 * (high - 0.1) / rows
        quads = np.stack([np.hstack([z, z + step, z + step, z]),
                          np.hstack([up, up, up + tall, up + tall])], -1)  # fmt: skip
        bright = rng.random(len(quads)) < 0.25
        quads = _seen(side, *vanish, quads)
        fill(canvas, list(quads[~bright]), wall * 0.55)
        fill(canvas, list(quads[bright]), np.minimum(wall * 0.5 + (120, 112, 96), 255))
        z = near + (far - near) * np.linspace(0.03, 0.97, 5)
        glass = wall * 0.35 + (90, 84, 70) * rng.uniform(0.2, 1.2, (4, 1))
        panes = np.array([(z[:-1], z[1:], z[1:], z[:-1]),
                          np.repeat((0.0, 0.0, -0.18, -0.18), 4).reshape(4, 4)]).T  # fmt: skip
        fill_each(canvas, _seen(side, *vanish, panes), glass)
        front = np.array([(near, 0.0), (far, 0.0), (far, -0.25), (near, -0.25)])
        if rng.random() < 0.5:
            front[:, 1] = (0.04, 0.04, -0.03, -0.03)
            sign = picked(view, CLOTHES, least=LEAST_DETAIL)[0]
            fill(canvas, [_seen(side * 0.94, *vanish, front)], sign)


def _tree(view: View, canvas: np.ndarray, at: tuple[float, float], size: float) -> None:
    """A round tree, its foot at a place."""
    rng, (h, w) = view.rng, view.shape
    x, y = at
    fill(canvas, [box(x - 0.02 * size, y - size, 0.04 * size, size)], (74, 62, 54))
    rgb = picked(view, LEAVES, least=LEAST_DETAIL)[0]
    blobs = rng.normal((x, y - size), (0.16 * size, 0.14 * size), (14, 2))
    blobs = blobs[np.argsort(-blobs[:, 1])]  # the upper leaves are in front, in the light
    angle = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    circle = np.stack([np.cos(angle) * h / w, np.sin(angle)], 1) * 0.12 * size
    fill_each(canvas, blobs[:, None] + circle, np.linspace(0.6, 1.2, 14)[:, None] * rgb)


def _traffic(view: View, canvas: np.ndarray, hz: float) -> None:
    """Cars and people on a street, as soft shapes."""
    rng = view.rng
    count = int(rng.integers(0, 4))
    for rgb in picked(view, CLOTHES, count, LEAST_DETAIL):
        x, size = rng.uniform(0.05, 0.95), rng.uniform(0.05, 0.15)
        y = hz + 0.55 * size
        roof = np.array([(-0.6, -0.55), (0.5, -0.55), (0.85, 0.0), (-0.9, 0.0)]) * size + (x, y)
        fill(canvas, [roof], rgb * 0.4 + 20)
        fill(canvas, [box(x - 1.1 * size, y - 0.08 * size, 2.1 * size, 0.5 * size)], rgb)
        fill(canvas, [box(x - 1.1 * size, y + 0.4 * size, 2.1 * size, 0.15 * size)], (35, 35, 38))
        lamp = (250, 240, 215) if rng.random() < 0.5 else (200, 50, 40)
        fill(canvas, [box(x + side * size, y + 0.05 * size, 0.15 * size, 0.12 * size)
                      for side in (-1.08, 0.85)], lamp)  # fmt: skip
    for rgb in picked(view, CLOTHES, int(rng.integers(0, 5)), LEAST_DETAIL):
        x, size = rng.uniform(0.0, 1.0), rng.uniform(0.08, 0.24)
        body = np.array([(-0.13, 0.2), (0.13, 0.2), (0.16, 0.6), (0.1, 1.0), (-0.1, 1.0),
                         (-0.16, 0.6)])  # fmt: skip
        head = box(-0.055, 0.04, 0.11, 0.16)
        top = (x, hz - 0.3 * size)
        fill(canvas, [body * size + top], rgb)
        fill(canvas, [body[2:] * size * (0.8, 1) + top], rgb * 0.35 + 15)
        fill(canvas, [head * size + top], (150, 112, 92))


def street(view: View) -> np.ndarray:
    """A street between houses, by day or at dusk, far out of focus."""
    rng = view.rng
    vx, hz = rng.uniform(0.15, 0.85), rng.uniform(0.38, 0.62)
    dusk = rng.random() < 0.17
    sky = picked(view, SKY)[0]
    canvas = shaded(view, sky, 1.0 + 0.12 * (view.y - 0.3) + 0 * view.x)
    floor(view, canvas, hz + 0.03, GROUND)
    paving = picked(view, GROUND, least=LEAST_DETAIL)[0]
    paving = 0.5 * paving + 0.5 * canvas[-1, :].mean(0)
    sides = ((-rng.uniform(0.22, 0.5)), rng.uniform(0.22, 0.5))
    for side in sides if rng.random() < 0.75 else sides[: 1 + int(rng.integers(2))][-1:]:
        kerb = np.array([(vx, hz + 0.01), (vx + side * 4, hz + 1.1), (vx + side * 1.6, hz + 1.1)])
        fill(canvas, [kerb], paving * 0.7)
        fill(canvas, [kerb + np.array((side * 0.02, 0))], paving)
        _facade(view, canvas, side, (vx, hz))
    for _ in range(int(rng.integers(0, 4))):
        x, size = vx + rng.choice((-1, 1)) * rng.uniform(0.05, 0.5), rng.uniform(0.2, 0.5)
        _tree(view, canvas, (x, hz + 0.15 * size), size)
    _traffic(view, canvas, hz)
    canvas = softened(canvas, rng.uniform(0.008, 0.02))
    canvas = lit(canvas, falloff(view, 0.3) * (rng.uniform(0.42, 0.65) if dusk else 1))
    canvas *= 1 + 0.03 * noise(view, "clouds")[..., None]
    count = int(rng.integers(12, 34)) if dusk else int(rng.integers(0, 12))
    lights = rng.normal((vx, hz - 0.05), (0.35, 0.14), (count, 2))
    return bokeh(canvas, view, lights, rng.uniform(0.018, 0.045))


def park(view: View) -> np.ndarray:
    """Trees above a lawn or a path, with light between the leaves."""
    rng = view.rng
    hz = rng.uniform(0.5, 0.75)
    rgb = picked(view, LEAVES)[0]
    depth = 0.5 * noise(view, "clouds") + 0.35 * noise(view, "leaves") - 1.6 * (view.y - 0.35)
    steps = np.clip((depth + 2.5) / 5, 0, 1)[..., None].astype(np.float32)
    stops = np.stack([rgb * 0.32, rgb * 0.75, rgb * 1.1 + (16, 14, 2), rgb * 0.3 + 175])
    canvas = np.stack([np.interp(steps[..., 0], (0, 0.45, 0.7, 1), stops[:, c])
                       for c in range(3)], -1).astype(np.float32)  # fmt: skip
    trunks = rng.uniform((0, 0.01), (1, 0.035), (int(rng.integers(1, 6)), 2))
    for x, wide in trunks:
        lean = rng.normal(0, 0.06)
        trunk = np.array([(x, -0.1), (x + wide, -0.1), (x + 1.4 * wide + lean, hz + wide),
                          (x - 0.4 * wide + lean, hz + wide)])  # fmt: skip
        fill(canvas, [trunk], rgb * 0.22 + 18)
    edge = hz + 0.02 * noise(view, "clouds")[:1]
    y = np.clip(view.y - edge, 0, 1)
    light = 0.7 + 0.35 * smooth(y / 0.12) - 0.25 * y + 0.05 * noise(view, "leaves")
    light = light * (0.75 + 0.35 * smooth(noise(view, "clouds") * 0.5 + 0.6))
    lawn = shaded(view, picked(view, LEAVES[:5])[0], light)
    canvas = canvas + smooth((view.y - edge) / 0.03)[..., None] * (lawn - canvas)
    if rng.random() < 0.5:
        t = np.linspace(0, 1, 12)
        middle = rng.uniform(0.2, 0.8) + rng.uniform(-0.25, 0.25) * t**2
        half = 0.012 + rng.uniform(0.2, 0.4) * t**1.5
        y = hz + 0.02 + (1.05 - hz) * t
        sides = np.concatenate([middle - half, (middle + half)[::-1]])
        path = np.stack([sides, np.concatenate([y, y[::-1]])], 1)
        fill(canvas, [path], picked(view, GROUND)[0] * (1.0, 0.97, 0.92))
    canvas = softened(canvas, rng.uniform(0.01, 0.02))
    lights = rng.uniform((0, 0), (1, hz - 0.1), (int(rng.integers(8, 40)), 2))
    return bokeh(lit(canvas, falloff(view, 0.3)), view, lights, rng.uniform(0.018, 0.036))


def seaside(view: View) -> np.ndarray:
    """Sky, sea and sand."""
    rng = view.rng
    hz, shore = rng.uniform(0.3, 0.5), rng.uniform(0.55, 0.8)
    sky = picked(view, SKY)[0]
    sea = picked(view, palette(0x7FA8B8, 0x5E8CA6, 0x97B7B4, 0x8A9FAE, 0x4E6F86))[0]
    sand = picked(view, palette(0xE3D3B5, 0xCDB894, 0xEADFC8, 0xB5A58A))[0]
    streaks = cv2.blur(noise(view, "speckle"), (max(view.shape[1] // 12, 1), 1))
    canvas = shaded(view, sky, 0.92 + 0.2 * view.y + 0.02 * noise(view, "clouds"))
    water = shaded(view, sea, 0.9 + 0.3 * (view.y - hz) + 0.16 * streaks * (0.3 + view.y))
    beach = shaded(view, sand, 1.02 - 0.15 * (view.y - shore) + 0.03 * noise(view, "leaves"))
    edge = shore + 0.06 * (view.x - 0.5) + 0.008 * noise(view, "clouds")[:1]
    blend = smooth((view.y - hz) / 0.012)[..., None] + 0 * canvas[..., :1]
    canvas = canvas + blend * (water - canvas)
    canvas = canvas + smooth((view.y - edge) / 0.02)[..., None] * (beach - canvas)
    foam = np.exp(-(((view.y - edge) / 0.014) ** 2)) * rng.uniform(0.3, 0.8)
    return softened(canvas + foam[..., None] * (240 - canvas), rng.uniform(0.005, 0.012))
