"""Things in front of a garment that cover some of its keypoints: bags, hands, cards, hair."""

import numpy as np

from aifashion.datasets.synthetic.garments.geometry import edges, ellipse, limb, line, placed
from aifashion.datasets.synthetic.garments.parts import THING, Fold, Part

Rng = np.random.Generator


def things(rng: Rng, points: list[np.ndarray]) -> list[Part]:
    """One to three things, each over one of the points, in the garment's frame."""
    found = []
    for _ in range(int(rng.integers(1, 4))):
        at = points[rng.integers(len(points))] + rng.normal(0, 0.04, 2)
        found += _THINGS[rng.integers(len(_THINGS))](rng, at)
    return found


def _thing(name: str, cloth: str, outline: np.ndarray, seams=(), folds=()) -> Part:
    return Part(name, "thing", cloth, outline, THING, seams=tuple(seams), folds=tuple(folds))


def _bag(rng: Rng, at: np.ndarray) -> list[Part]:
    wide, high, turn = rng.uniform(0.16, 0.3), rng.uniform(0.14, 0.26), rng.normal(0, 0.2)
    angle = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    # A superellipse: a rectangle with round corners.
    circle = np.stack([np.cos(angle), np.sin(angle)], 1)
    corner = np.sign(circle) * np.abs(circle) ** 0.4 * (wide, high)
    flap = line((-wide, -0.3 * high), (0, 0.1 * high), (wide, -0.3 * high))
    loop = np.concatenate([
        ellipse((0, -high), (0.6 * wide, 0.9 * high))[12:],
        ellipse((0, -high), (0.6 * wide - 0.04, 0.9 * high - 0.04))[:11:-1],
    ])  # fmt: skip
    clasp = line((-0.03, 0.02), (0.03, 0.02), (0.03, 0.08), (-0.03, 0.08))
    return [
        _thing("strap", "thing", placed(loop, at, turn)),
        _thing("bag", "thing", placed(corner, at, turn), [placed(flap, at, turn)],
               [Fold(placed(0.9 * flap, at, turn), 0.05, 0.8)]),
        _thing("clasp", "metal", placed(clasp, at, turn)),
    ]  # fmt: skip


def _card(rng: Rng, at: np.ndarray) -> list[Part]:
    """A price tag or a phone."""
    wide, high = rng.uniform(0.07, 0.2), rng.uniform(0.08, 0.2)
    rectangle = line((-wide, -high), (wide, -high), (wide, high), (-wide, high))
    turn, phone = rng.normal(0, 0.4), rng.random() < 0.4
    rows = [] if phone else [line((-0.7 * wide, y), (0.6 * wide, y)) for y in (-0.4 * high, 0.0)]
    outline = placed(rectangle, at, turn)
    card = _thing("card", "phone" if phone else "paper", outline,
                  [placed(row, at, turn) for row in rows])  # fmt: skip
    return [card, *(_hand(rng, at + np.array((0, 0.6 * high))) if phone else [])]


def _hand(rng: Rng, at: np.ndarray) -> list[Part]:
    """A forearm that reaches in from outside, its hand at the point."""
    turn = rng.choice((-1, 1)) * rng.uniform(0.9, 2.4)
    headings = turn + rng.normal(0, 0.15) * np.linspace(0, 1, 60)
    reach = limb((0.0, 0.0), headings, 0.12) + at
    half = np.interp(np.arange(60), (0, 1, 2, 20), (0.06, 0.1, 0.07, 0.15))
    one, other = edges(reach, headings, half)
    arm = _thing("hand", "skin", np.concatenate([one, other[::-1]]))
    fingers = []
    for spread in (-0.5, -0.15, 0.2, 0.55):
        pointing = np.full(6, turn + np.pi + spread)
        path = limb(reach[0], pointing, 0.03)
        left, right = edges(path, pointing, np.linspace(0.022, 0.014, 6))
        fingers.append(_thing("finger", "skin", np.concatenate([left, right[::-1]])))
    return [*fingers, arm]


def _strands(rng: Rng, at: np.ndarray) -> list[Part]:
    """A wisp of hair across the point."""
    strands = []
    turn, phase = rng.normal(0, 0.5), rng.uniform(0, 6)
    for _ in range(int(rng.integers(2, 5))):
        headings = turn + 0.3 * np.sin(np.linspace(phase, phase + 4, 14)) + rng.normal(0, 0.08)
        path = limb((0.0, 0.0), headings, 0.05)
        one, other = edges(path - path[7] + at + rng.normal(0, 0.03, 2), headings,
                           np.linspace(0.05, 0.02, 14))  # fmt: skip
        strands.append(_thing("strand", "hair", np.concatenate([one, other[::-1]])))
    return strands


def _scarf(rng: Rng, at: np.ndarray) -> list[Part]:
    """The end of a shawl that hangs over the point."""
    headings = np.full(12, rng.normal(0, 0.3)) + rng.normal(0, 0.2) * np.linspace(0, 1, 12)
    path = limb((0.0, -0.4), headings, 0.07) + at
    one, other = edges(path, headings, np.linspace(0.07, 0.11, 12))
    folds = [Fold(0.6 * path + 0.4 * side, 0.03, -0.9) for side in (one, other)]
    return [_thing("shawl", "thing", np.concatenate([one, other[::-1]]), (), folds)]


_THINGS = (_bag, _card, _hand, _strands, _scarf)
