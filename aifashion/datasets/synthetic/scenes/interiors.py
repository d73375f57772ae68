"""Shops, rooms, doors, clothes rails and tables, out of focus.

Each painter takes a `View` and returns a canvas (h, w, 3) float32 RGB. See `backdrop`.
"""

import numpy as np

from aifashion.datasets.synthetic.scenes.backdrop import (
    CLOTH,
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
    patches,
    picked,
    shaded,
    softened,
)

# === Shops ===


def _clothes_rail(view: View, canvas: np.ndarray, ends: np.ndarray, long: float) -> None:
    """Clothes on a rail between two points, x, y and size each: (2, 3)."""
    rng = view.rng
    count = int(rng.integers(7, 18))
    colours = picked(view, CLOTHES, count, LEAST_DETAIL + 20)
    x, y, size = (ends[0] + (ends[1] - ends[0]) * np.linspace(0, 1, count)[:, None]).T
    wide, low = rng.uniform((0.035, 0.75), (0.06, 1.1), (count, 2)).T * size
    low = y + long * low
    neck = y + 0.03 * size
    whole = [(x, y), (x + wide, neck), (x + 1.1 * wide, low), (x - wide, low), (x - wide, neck)]
    dark = [(x + 0.5 * wide, y), (x + wide, neck), (x + 1.1 * wide, low), (x + 0.6 * wide, low)]
    bright = [(x + 0.1 * wide, y), (x - 0.8 * wide, neck), (x - 0.8 * wide, low)]
    shapes = np.array([whole, dark + dark[-1:], bright + bright[-1:] * 2])  # (3, 5, 2, count)
    shades = np.stack([colours, 0.62 * colours, np.minimum(1.12 * colours + 4, 255)], 1)
    fill_each(canvas, shapes.transpose(3, 0, 1, 2).reshape(-1, 5, 2), shades.reshape(-1, 3))
    bar = np.array([ends[0, :2], ends[1, :2], ends[1, :2] + (0, 0.012), ends[0, :2] + (0, 0.012)])
    fill(canvas, [bar - (0, 0.015)], (150, 150, 152))


def _shelves(view: View, canvas: np.ndarray, frame: np.ndarray) -> None:
    """A shelf with folded clothes and boxes; frame is x, y, width, height."""
    rng = view.rng
    x, y, wide, high = frame
    wood = picked(view, np.concatenate([WOOD, PAINT]), least=LEAST_DETAIL + 20)[0]
    fill(canvas, [box(*frame)], wood * 0.55)
    rows, columns = int(rng.integers(3, 6)), int(rng.integers(2, 5))
    cell = np.array([wide / columns, high / rows])
    boards = [box(x, y + row * cell[1], wide, 0.08 * cell[1]) for row in range(rows)]
    fill(canvas, boards, wood)
    # Up to four folded pieces a cell, each a little above the last.
    row, column, layer = np.nonzero(rng.random((rows, columns, 4)) > 0.25)
    corner = np.stack([column + 0.1, row + 1 - 0.17 * (layer + 1)], 1)
    stacks = (corner[:, None] + box(0, 0, 0.8, 0.145)) * cell + (x, y)
    fill_each(canvas, stacks, picked(view, CLOTHES, len(stacks), LEAST_DETAIL))
    posts = [box(x + c * cell[0] - 0.006, y, 0.012, high) for c in range(columns + 1)]
    fill(canvas, posts, wood * 0.9)


def shop(view: View) -> np.ndarray:
    """A clothes shop with shelves, rails and lamps."""
    rng = view.rng
    left, right = rng.uniform(0.1, 0.35), rng.uniform(0.65, 0.9)
    top, low = rng.uniform(0.08, 0.25), rng.uniform(0.55, 0.75)
    wall, side, ceiling = picked(view, PAINT, 3)
    canvas = shaded(view, ceiling, 0.85 + 0.5 * (top - view.y) + 0 * view.x)
    floor(view, canvas, low, np.concatenate([WOOD, GROUND, PAINT]))
    for end, back in ((-0.1, left), (1.1, right)):
        quad = np.array([(end, -0.1), (back, top), (back, low), (end, 1.1)])
        fill(canvas, [quad], side * 0.8)
    fill(canvas, [box(left, top, right - left, low - top)], wall)
    for x in np.linspace(left, right, int(rng.integers(3, 5)))[:-1].tolist():
        if rng.random() < 0.8:
            wide = (right - left) * rng.uniform(0.3, 0.5)
            _shelves(view, canvas, np.array([x + 0.02, top + 0.06, wide, low - top - 0.08]))
    near = rng.uniform(1.4, 2.4)
    for end, far in ((-0.1, left - 0.03), (1.1, right + 0.03)):
        if rng.random() < 0.8:
            y = rng.uniform(0.25, 0.4)
            ends = np.array([(far, top + 0.4 * (low - top), 0.7), (end, y, near)])
            _clothes_rail(view, canvas, ends, 0.35)
    if rng.random() < 0.4:
        x, y = rng.uniform(0.1, 0.7), low + rng.uniform(0.02, 0.12)
        fill(canvas, [box(x, y, 0.32, 0.3)], wall * 0.5)
        fill(canvas, [box(x - 0.02, y - 0.03, 0.36, 0.05)], wall * 0.95)
    canvas = lit(softened(canvas, rng.uniform(0.007, 0.02)), falloff(view, 0.35))
    count = int(rng.integers(3, 8))
    shares = np.stack([np.linspace(0.1, 0.9, count), rng.uniform(0.0, 0.8, count)], 1)
    rows = shares * (1, top) + rng.normal(0, 0.02, (count, 2))
    return bokeh(canvas, view, np.concatenate([rows, rows + np.array((0.03, 0.0))]), 0.024)


def shop_window(view: View) -> np.ndarray:
    """Behind a shop's window: a lit panel, a plinth, spots, and reflections of the street."""
    rng = view.rng
    low = rng.uniform(0.72, 0.88)
    canvas = shaded(view, picked(view, PAINT)[0], falloff(view, 0.5))
    if rng.random() < 0.7:
        panel = picked(view, np.concatenate([PAPER, PAINT]))[0]
        x, wide = rng.uniform(0.05, 0.4), rng.uniform(0.35, 0.7)
        fill(canvas, [box(x, rng.uniform(-0.1, 0.15), wide, low)], panel)
    if rng.random() < 0.5:
        ends = np.array([(rng.uniform(-0.1, 0.3), 0.3, 1.1), (rng.uniform(0.5, 1.1), 0.3, 1.1)])
        _clothes_rail(view, canvas, ends, 0.4)
    for centre in rng.uniform(0.1, 0.9, int(rng.integers(1, 4))).tolist():
        cone = np.exp(-(((view.x - centre) / (0.07 + 0.25 * view.y)) ** 2) - 1.2 * view.y)
        canvas = lit(canvas, 0.9 + rng.uniform(0.15, 0.4) * cone)
    floor(view, canvas, low, np.concatenate([WOOD, PAINT, STONE]))
    x, wide = rng.uniform(0.05, 0.3), rng.uniform(0.4, 0.7)
    stone = picked(view, PAINT)[0]
    fill(canvas, [box(x, low + 0.04, wide, 0.3)], stone * 0.75)
    fill(canvas, [box(x, low, wide, 0.06)], np.minimum(stone * 1.1, 255))
    canvas = softened(canvas, rng.uniform(0.007, 0.018))
    glass = np.zeros(view.shape, np.float32)
    for start in rng.uniform(-0.2, 1.0, int(rng.integers(1, 5))):
        lean, broad = rng.uniform(-0.25, 0.25), rng.uniform(0.04, 0.25)
        band = np.array([(start, -0.1), (start + broad, -0.1), (start + broad + lean, 1.1),
                         (start + lean, 1.1)])  # fmt: skip
        fill(glass, [band], (rng.uniform(0.04, 0.2),))
    glass = softened(glass, 0.015) * (0.7 + 0.3 * np.tanh(noise(view, "clouds")))
    canvas = canvas + glass[..., None] * (235 - canvas)
    lights = rng.uniform((0, 0), (1, 0.25), (int(rng.integers(2, 7)), 2))
    canvas = bokeh(canvas, view, lights, 0.022)
    if rng.random() < 0.35:
        x = rng.choice((-0.02, 0.96)) + rng.uniform(-0.01, 0.02)
        fill(canvas, [box(x, -0.1, 0.06, 1.2)], picked(view, GROUND * 0.5)[0])
    return softened(canvas, 0.004)


# === Rooms ===


def _window(view: View, canvas: np.ndarray, frame: np.ndarray) -> None:
    """A bright window between two curtains, in place; frame is x, y, width, height."""
    rng, (h, w) = view.rng, view.shape
    x, y, wide, high = frame
    fill(canvas, [box(x - 0.012, y - 0.012, wide + 0.024, high + 0.024)], (214, 212, 208))
    sky = np.array((250, 250, 246)) - rng.uniform(0, 1) * np.array((60, 36, 14))
    fill(canvas, [box(*frame)], sky)
    if rng.random() < 0.6:
        green = np.array([box(a, y + 0.6 * high, 0.3 * wide, 0.4 * high)
                          for a in x + wide * np.array((0, 0.35, 0.7))])  # fmt: skip
        fill(canvas, list(green), sky * (0.62, 0.68, 0.58))
    bars = [box(x + wide * a - 0.006, y, 0.012, high) for a in (0.0, 0.5, 1.0)]
    fill(canvas, [*bars, box(x, y + 0.4 * high, wide, 0.012)], (226, 224, 220))
    if rng.random() < 0.75:
        rgb = picked(view, CLOTH)[0]
        folds = 0.85 + 0.16 * np.sin(view.x * rng.uniform(90, 160) + 0.6 * np.sin(9 * view.x))
        cloth = shaded(view, rgb, folds * (1.08 - 0.2 * view.y))
        share, low = rng.uniform(0.15, 0.3) * wide, int(min(y + high + 0.1, 0.98) * h)
        for start in (x - 0.05, x + wide + 0.05 - share):
            columns = slice(int(max(start, 0) * w), int(np.clip(start + share, 0, 1) * w))
            rows = slice(int(max(y - 0.04, 0) * h), low)
            canvas[rows, columns] = cloth[rows, columns]


def _pictures(view: View, canvas: np.ndarray) -> None:
    """One to three framed pictures on a wall, in place."""
    rng = view.rng
    x, y = rng.uniform((0.05, 0.06), (0.6, 0.25))
    dark = (60, 50, 44) if rng.random() < 0.5 else (214, 206, 192)
    for rgb in picked(view, np.concatenate([CLOTHES, PAINT]), int(rng.integers(1, 4)), 20.0):
        wide, high = rng.uniform((0.1, 0.14), (0.22, 0.3))
        fill(canvas, [box(x + 0.012, y + 0.016, wide, high)], canvas[0, 0] * 0.75)
        fill(canvas, [box(x, y, wide, high)], dark)
        fill(canvas, [box(x + 0.01, y + 0.01, wide - 0.02, high - 0.02)], (234, 231, 225))
        inner = box(x + 0.035, y + 0.04, wide - 0.07, high - 0.08)
        fill(canvas, [inner], rgb)
        fill(canvas, [inner[[0, 2, 3]]], 0.7 * rgb + 40)
        x += wide + 0.05


def _sofa(view: View, canvas: np.ndarray, floor_at: float) -> None:
    rng = view.rng
    rgb = picked(view, np.concatenate([CLOTH, PAINT]))[0]
    x, wide, high = rng.uniform(-0.2, 0.4), rng.uniform(0.5, 0.8), rng.uniform(0.2, 0.28)
    low = floor_at + rng.uniform(0.05, 0.14)
    fill(canvas, [box(x + 0.02, low - 0.01, wide - 0.02, 0.04)], (48, 42, 38))
    fill(canvas, [box(x + 0.03, low - high, wide - 0.06, high)], rgb * 0.86)
    fill(canvas, [box(x + 0.03, low - high, wide - 0.06, 0.03)], np.minimum(rgb * 1.08, 255))
    for start in (x + 0.05, x + 0.5 * wide):
        fill(canvas, [box(start, low - 0.5 * high, 0.45 * wide, 0.2 * high)], rgb * 1.02)
    arms = [box(start, low - 0.7 * high, 0.06, 0.7 * high) for start in (x, x + wide - 0.06)]
    fill(canvas, arms, rgb * 0.95)
    for cushion in picked(view, CLOTHES, int(rng.integers(0, 4)), 30.0):
        left, turn = x + rng.uniform(0.08, wide - 0.2), rng.uniform(-0.03, 0.03)
        lean = np.array([(0, turn), (turn, 0), (0, -turn), (-turn, 0)])
        square = box(left, low - 0.95 * high, 0.13, 0.13) + lean
        fill(canvas, [square], cushion)


def _plant(view: View, canvas: np.ndarray, at: tuple[float, float], size: float) -> None:
    """Leaves above a pot, in place."""
    rng, (h, w) = view.rng, view.shape
    x, y = at
    pot = np.array([(-0.14, -0.25), (0.14, -0.25), (0.1, 0.0), (-0.1, 0.0)]) * size + at
    fill(canvas, [pot], picked(view, PAINT, least=30.0)[0] * 0.9)
    turns, lengths = rng.normal(0, 0.7, 34), rng.uniform(0.2, 0.8, 34) * size
    for k, (turn, long) in enumerate(zip(turns, lengths, strict=True)):
        tip = np.array([np.sin(turn), -np.cos(turn)])
        aside = tip[::-1] * (1, -1) * 0.1 * long
        foot = np.array([x, y - 0.25 * size])
        leaf = np.array([foot, foot + 0.5 * long * tip + aside, foot + long * tip,
                         foot + 0.5 * long * tip - aside])  # fmt: skip
        leaf[:, 0] = x + (leaf[:, 0] - x) * (h / w)
        fill(canvas, [leaf], np.array((62, 92, 52)) * (0.45 + 0.025 * k))


def _lamp(view: View, canvas: np.ndarray, x: float, y: float) -> np.ndarray:
    """A standing lamp and its light on the wall."""
    fill(canvas, [box(x - 0.006, y, 0.012, 0.6)], (70, 62, 56))
    shade = np.array([(-0.05, -0.12), (0.05, -0.12), (0.085, 0.02), (-0.085, 0.02)])
    away = ((view.x - x) ** 2 + (view.y - y) ** 2) / 0.06
    canvas = lit(canvas, 0.88 + 0.4 / (1 + away))
    fill(canvas, [shade + np.array((x, y))], (255, 240, 205))
    return canvas


def living_room(view: View) -> np.ndarray:
    """A room with some of: window, curtains, pictures, sofa, plant, lamp, shelf."""
    rng = view.rng
    low = rng.uniform(0.62, 0.85)
    wall = picked(view, PAINT)[0]
    canvas = shaded(view, wall, falloff(view, 0.4) * (1 + 0.01 * noise(view, "clouds")))
    floor(view, canvas, low)
    fill(canvas, [box(-0.1, low - 0.03, 1.2, 0.028)], np.minimum(0.5 * wall + 118, 250))
    has = rng.random(6) < (0.55, 0.7, 0.6, 0.4, 0.35, 0.35)
    has[1 + int(rng.integers(2))] = True
    if has[5]:
        x, wide = (
            rng.choice((rng.uniform(-0.1, 0.1), rng.uniform(0.6, 0.8))),
            rng.uniform(0.25, 0.4),
        )
        _shelves(view, canvas, np.array([x, rng.uniform(0.05, 0.3), wide, low]))
    if has[0]:
        x, y = rng.uniform((-0.05, 0.02), (0.6, 0.15)).tolist()
        wide, high = rng.uniform((0.28, 0.35), (0.45, 0.6)).tolist()
        _window(view, canvas, np.array([x, y, wide, high]))
        glow = ((view.x - x - wide / 2) ** 2 + (view.y - y - high / 2) ** 2) / 0.25
        canvas = lit(canvas, 0.85 + 0.3 / (1 + glow))
    elif has[1]:
        _pictures(view, canvas)
    if has[2]:
        _sofa(view, canvas, low)
    if has[4]:
        canvas = _lamp(view, canvas, rng.uniform(0.05, 0.95), rng.uniform(0.25, 0.45))
    if has[3]:
        x = rng.choice((rng.uniform(0.02, 0.25), rng.uniform(0.75, 0.98)))
        _plant(view, canvas, (x, low + rng.uniform(0.02, 0.15)), rng.uniform(0.3, 0.5))
    return softened(canvas, rng.uniform(0.005, 0.018))


def door(view: View) -> np.ndarray:
    """A panelled door in its frame, and some wall beside it."""
    rng = view.rng
    wall, wood = picked(view, PAINT)[0], picked(view, np.concatenate([PAINT, WOOD]))[0]
    canvas = shaded(view, wall, 1 + 0.012 * noise(view, "clouds"))
    x, wide = rng.uniform(-0.3, 0.3), rng.uniform(0.65, 1.1)
    top = rng.uniform(-0.25, 0.1)
    trim = np.minimum(wood * 1.06 + 6, 255)
    fill(canvas, [box(x - 0.09, top - 0.08, wide + 0.18, 2)], wood * 0.7)
    fill(canvas, [box(x - 0.08, top - 0.07, wide + 0.16, 2)], trim)
    fill(canvas, [box(x - 0.012, top - 0.01, wide + 0.024, 2)], wood * 0.45)
    fill(canvas, [box(x, top, wide, 2)], wood)
    columns, rows = int(rng.integers(1, 3)), int(rng.integers(2, 4))
    cell = np.array([wide / columns, 1.3 / rows])
    for k in range(columns * rows):
        left, up = x + (k % columns + 0.14) * cell[0], top + (k // columns + 0.12) * cell[1]
        inner, deep = cell * (0.74, 0.78), 0.014
        fill(canvas, [box(left - deep, up - deep, *(inner + 2 * deep))], wood * 0.68)
        fill(canvas, [box(left, up, *(inner + deep))], trim)
        fill(canvas, [box(left, up, *inner)], wood * 0.97)
    if rng.random() < 0.7:
        at = x + wide * rng.choice((0.07, 0.87))
        y = rng.uniform(0.55, 0.8)
        fill(canvas, [box(at, y, 0.03, 0.12)], (120, 112, 100))
        fill(canvas, [box(at - 0.02, y + 0.035, 0.09, 0.022)], (205, 196, 178))
    light = falloff(view, 0.45) * (patches(view) if rng.random() < 0.25 else 1)
    light = light * (1 + 0.012 * noise(view, "leaves"))
    return lit(softened(canvas, rng.uniform(0.003, 0.01)), light)


def rail(view: View) -> np.ndarray:
    """A clothes rail before a wall, with other clothes beside the garment."""
    rng = view.rng
    canvas = shaded(view, picked(view, PAINT)[0], falloff(view, 0.35))
    if rng.random() < 0.5:
        floor(view, canvas, rng.uniform(0.8, 0.92))
    y, tilt, size = rng.uniform(0.04, 0.14), rng.normal(0, 0.02), rng.uniform(1.6, 3.0)
    gap, wide = rng.uniform(0.2, 0.8), rng.uniform(0.1, 0.35)
    shadow = np.zeros(view.shape, np.float32)
    spans = [(-0.15, gap - wide), (gap + wide, 1.15)]
    for start, end in spans:
        if end - start > 0.1:
            fill(shadow, [box(start + 0.03, y + 0.06, end - start, 0.3 * size)], (0.3,))
    canvas = lit(canvas, 1 - softened(shadow, 0.03))
    for start, end in spans:
        ends = np.array([(start, y + tilt * start, size), (end, y + tilt * end, size)])
        if end - start > 0.1:
            _clothes_rail(view, canvas, ends, 0.32)
    bar = np.array([(-0.1, y - 0.1 * tilt), (1.1, y + 1.1 * tilt)])
    for low, thick, rgb in ((0.0, 0.022, (92, 90, 90)), (0.003, 0.008, (214, 212, 210))):
        both = np.array([low] * 2 + [low + thick] * 2) - 0.015
        edges = np.concatenate([bar, bar[::-1]])
        fill(canvas, [np.stack([edges[:, 0], edges[:, 1] + both], 1)], rgb)
    return softened(canvas, rng.uniform(0.006, 0.014))


# === A table seen from above ===


def table(view: View) -> np.ndarray:
    """A plain table or two sheets of paper, with some things at its edges."""
    rng = view.rng
    first, second = picked(view, np.concatenate([PAPER, PAINT]), 2)
    canvas = shaded(view, first, 1 + 0.012 * noise(view, "clouds") + 0.01 * noise(view, "speckle"))
    if rng.random() < 0.25:
        cut = np.array(
            [(-0.1, rng.uniform(0, 1)), (1.1, rng.uniform(0, 1)), (1.1, 1.2), (-0.1, 1.2)]
        )
        fill(canvas, [cut + np.array((0, 0.006))], first * 0.8)
        fill(canvas, [cut], second)
    for _ in range(int(rng.integers(0, 4))):
        corner = rng.choice((-0.02, 1.02), 2)
        at = corner + rng.uniform(-0.12, 0.12, 2)
        _thing(view, canvas, at, rng.uniform(0.1, 0.2))
    light = falloff(view, 0.4) * (patches(view) if rng.random() < 0.35 else 1)
    return lit(softened(canvas, 0.004), light)


def _thing(view: View, canvas: np.ndarray, at: np.ndarray, size: float) -> None:
    """A cup, a magazine or a twig, and its shadow, in place."""
    rng, (h, w), kind = view.rng, view.shape, view.rng.integers(3)
    aspect = np.array([max(h, w) / w, max(h, w) / h])
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    circle = np.stack([np.cos(angle), np.sin(angle)], 1)
    turn = rng.uniform(0, np.pi)
    spin = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    rgb = picked(view, PAINT, least=LEAST_DETAIL)[0]
    shade = canvas[h // 2, w // 2] * 0.7
    if kind == 0:
        for share, colour in ((1.0, rgb), (0.86, rgb * 0.8), (0.8, (72, 46, 30))):
            if share == 1.0:
                fill(canvas, [circle * size * aspect + at + 0.02], shade)
            fill(canvas, [circle * share * size * aspect + at], colour)
    elif kind == 1:
        page = (box(-1.3, -0.95, 2.6, 1.9) @ spin) * size * aspect + at
        fill(canvas, [page + 0.015], shade)
        fill(canvas, [page], (238, 236, 231))
        fill(canvas, [(box(-1.15, -0.8, 1.0, 1.6) @ spin) * size * aspect + at], rgb)
        rows = [box(0.15, y, 0.95, 0.07) for y in np.linspace(-0.75, 0.7, 9)]
        fill(canvas, [(row @ spin) * size * aspect + at for row in rows], (186, 184, 180))
    else:
        for k in range(11):
            leaf = circle * (0.42, 0.13) @ np.array([[0.7, 0.7], [-0.7, 0.7]])
            leaf = (leaf + 0.3) * (1, -1 if k % 2 else 1)
            leaf = ((leaf + np.array((0.32 * k - 1.6, 0))) @ spin) * size * aspect + at
            fill(canvas, [leaf + 0.012], shade)
            fill(canvas, [leaf], np.array((88, 112, 82)) * rng.uniform(0.75, 1.15))
