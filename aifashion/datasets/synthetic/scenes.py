"""What is around a garment: backgrounds, and things in front that cover some of its keypoints."""

import cv2
import numpy as np

from aifashion.datasets.synthetic.fabrics import contrasting
from aifashion.datasets.synthetic.garments import Garment, Part, edges, ellipse, limb, line

Rng = np.random.Generator
_COARSE = 4  # backgrounds are drawn this much smaller: they are soft
KINDS = ("studio", "gradient", "room", "clutter", "boards")
_SHARES = (0.22, 0.22, 0.24, 0.2, 0.12)
MARGIN = 62.0  # every large colour behind a garment is this far from the garment's own colours


def background(rng: Rng, shape: tuple[int, int], avoid: list[np.ndarray]) -> np.ndarray:
    """A background whose colours stay clear of those to avoid.

    Args:
        rng: the picture's generator.
        shape: height, width.
        avoid: (3,) RGB each.

    Returns:
        (H, W, 3) float32 RGB, 0 to 255.
    """
    kind = KINDS[rng.choice(len(KINDS), p=_SHARES)]
    h, w = (-(-side // _COARSE) for side in shape)
    first = _backdrop(rng, avoid)
    canvas = np.full((h, w, 3), first, np.float32)
    if kind == "gradient":
        turn = rng.uniform(0, 2 * np.pi)
        y, x = np.mgrid[:h, :w] / max(h, w) - 0.5
        along = np.cos(turn) * x + np.sin(turn) * y
        canvas *= (1 + rng.uniform(0.1, 0.3) * along)[..., None].astype(np.float32)
    elif kind == "room":
        _room(rng, canvas, avoid)
    elif kind == "clutter":
        _clutter(rng, canvas, avoid)
    elif kind == "boards":
        wide = int(rng.integers(4, 16))
        step = (np.arange(w) // wide) * 0.618 % 1
        canvas *= (0.94 + 0.1 * step)[None, :, None].astype(np.float32)
    height, width = shape
    return np.clip(cv2.resize(canvas, (width, height), interpolation=cv2.INTER_LINEAR), 0, 255)


def _backdrop(rng: Rng, avoid: list[np.ndarray]) -> np.ndarray:
    """A colour for walls and streets: calmer than clothes are."""
    return contrasting(rng, avoid, MARGIN, vivid=rng.uniform(0.05, 0.7))


def _room(rng: Rng, canvas: np.ndarray, avoid: list[np.ndarray]) -> None:
    h, w = canvas.shape[:2]
    floor = int(h * rng.uniform(0.6, 0.9))
    canvas[floor:] = _backdrop(rng, avoid)
    if rng.random() < 0.5:
        x, y, wide, high = rng.uniform((0, 0, 0.15, 0.15), (0.8, 0.4, 0.4, 0.5))
        rows = slice(int(y * h), min(int((y + high) * h), floor))
        canvas[rows, int(x * w) : int((x + wide) * w)] = _backdrop(rng, avoid)


def _clutter(rng: Rng, canvas: np.ndarray, avoid: list[np.ndarray]) -> None:
    """Out-of-focus shapes, as on a street or in a shop."""
    h, w = canvas.shape[:2]
    for _ in range(int(rng.integers(6, 16))):
        rgb = _backdrop(rng, avoid).tolist()
        x, y = int(rng.uniform(0, w)), int(rng.uniform(0, h))
        size = max(2, int(rng.uniform(0.05, 0.22) * max(h, w)))
        if rng.random() < 0.5:
            cv2.circle(canvas, (x, y), size, rgb, -1)
        else:
            cv2.rectangle(canvas, (x, y), (x + size, y + int(rng.uniform(1, 4) * size)), rgb, -1)
    cv2.GaussianBlur(canvas, (0, 0), rng.uniform(0.02, 0.04) * max(h, w), dst=canvas)


# === Things in front ===


def occluded(rng: Rng, garment: Garment) -> Garment:
    """The garment with one to three things in front of it, each over one of its keypoints."""
    points = list(garment.keypoints().values())
    things = []
    for _ in range(int(rng.integers(1, 4))):
        at = points[rng.integers(len(points))] + rng.normal(0, 0.04, 2)
        things += _THINGS[rng.integers(len(_THINGS))](rng, at)
    return Garment(garment.category, (*garment.parts, *things))


def _turned(points: np.ndarray, at: np.ndarray, turn: float) -> np.ndarray:
    c, s = np.cos(turn), np.sin(turn)
    return points @ np.array([[c, s], [-s, c]]) + at


def _bag(rng: Rng, at: np.ndarray) -> list[Part]:
    wide, high, turn = rng.uniform(0.16, 0.3), rng.uniform(0.14, 0.26), rng.normal(0, 0.2)
    angle = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    # A superellipse: a rectangle with round corners.
    circle = np.stack([np.cos(angle), np.sin(angle)], 1)
    corner = np.sign(circle) * np.abs(circle) ** 0.4 * (wide, high)
    flap = line((-wide, -0.3 * high), (wide, -0.3 * high))
    bag = Part("bag", "thing", _turned(corner, at, turn), seams=(_turned(flap, at, turn),))
    loop = np.concatenate([
        ellipse((0, -high), (0.6 * wide, 0.9 * high))[12:],
        ellipse((0, -high), (0.6 * wide - 0.04, 0.9 * high - 0.04))[:11:-1],
    ])  # fmt: skip
    return [Part("strap", "thing", _turned(loop, at, turn)), bag]


def _card(rng: Rng, at: np.ndarray) -> list[Part]:
    wide, high = rng.uniform(0.1, 0.24), rng.uniform(0.08, 0.2)
    rectangle = line((-wide, -high), (wide, -high), (wide, high), (-wide, high))
    rows = (line((-0.7 * wide, y), (0.6 * wide, y)) for y in (-0.4 * high, 0.0, 0.4 * high))
    turn = rng.normal(0, 0.4)
    return [Part("card", "paper", _turned(rectangle, at, turn),
                 seams=tuple(_turned(row, at, turn) for row in rows))]  # fmt: skip


def _hand(rng: Rng, at: np.ndarray) -> list[Part]:
    """Another's forearm that reaches in from outside, its hand at the point."""
    turn = rng.choice((-1, 1)) * rng.uniform(0.9, 2.4)
    headings = turn + rng.normal(0, 0.15) * np.linspace(0, 1, 60)
    reach = limb((0.0, 0.0), headings, 0.12)
    half = np.interp(np.arange(60), (0, 1, 2, 20), (0.06, 0.1, 0.07, 0.15))
    one, other = edges(reach + at, headings, half)
    return [Part("hand", "skin", np.concatenate([one, other[::-1]]))]


def _strands(rng: Rng, at: np.ndarray) -> list[Part]:
    """A wisp of hair across the point."""
    strands = []
    turn, phase = rng.normal(0, 0.5), rng.uniform(0, 6)
    for _ in range(int(rng.integers(2, 5))):
        headings = turn + 0.3 * np.sin(np.linspace(phase, phase + 4, 14)) + rng.normal(0, 0.08)
        path = limb((0.0, 0.0), headings, 0.05)
        one, other = edges(path - path[7] + at + rng.normal(0, 0.03, 2), headings,
                           np.linspace(0.05, 0.02, 14))  # fmt: skip
        strands.append(Part("strand", "hair", np.concatenate([one, other[::-1]])))
    return strands


_THINGS = (_bag, _card, _hand, _strands)
