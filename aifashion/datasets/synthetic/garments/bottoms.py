"""Trousers and skirt. The unit is the waistband's width. Frame: see `garments`."""

import numpy as np

from aifashion.datasets.synthetic.garments import landmarks
from aifashion.datasets.synthetic.garments.geometry import (
    FLIP,
    both_sides,
    curve,
    edges,
    ellipse,
    limb,
    line,
    waved,
)
from aifashion.datasets.synthetic.garments.parts import BOTTOM, LEGS, Fold, Garment, Part
from aifashion.datasets.synthetic.garments.tops import Pose
from aifashion.datasets.synthetic.garments.trims import pleats

Rng = np.random.Generator
_SIDE, _STEP = (0.5, 0.0), 0.1  # the waistband's right corner; a leg's step
FIT = (0.5, 0.0)


# === Skirt ===


def skirt(identity: int, pose: Pose) -> Garment:
    """A skirt, from pencil to flared, from mini to maxi."""
    design, rng = np.random.default_rng([4, identity]), pose.rng
    length = design.uniform(0.75, 2.7)
    flare = design.uniform(0.0, 1.0)
    wide = design.uniform(0.42, 0.6) + (0.1 + 0.7 * flare) * min(1.0, 0.5 * length)
    sag, dip = design.uniform(-0.03, 0.14), design.uniform(0, 0.05)
    hip, pleated = 0.5 + design.uniform(0.06, 0.16), design.random() < 0.35
    swing = rng.normal(0, 0.04) * length * (pose.shown != "hanger")
    tilt = rng.normal(0, 0.02, 2)
    ends = [np.array([x * wide + swing, length + up]) for x, up in zip((1, -1), tilt, strict=True)]
    outline, top, low, sides = _skirt_outline(ends, hip, dip, sag, round(9 * flare))
    points = (top[0], top[-1], ends[1], ends[0])
    names = ("waistband_left", "waistband_right", "hemline_left", "hemline_right")
    folds = _skirt_folds(rng, hip, (wide, length, swing), flare)
    if pleated:
        sharp = pleats((0.5, 0.12), (wide, length), int(design.integers(6, 14)))
        folds = [_swung(fold, swing / length) for fold in sharp]
    deep = design.uniform(0.08, 0.14)
    seams = () if flare > 0.4 or pleated else (low - line((0, 0.06)),)
    body = Part("body", "body", "main", outline, BOTTOM,
                dict(zip(names, points, strict=True)), seams, tuple(folds),
                landmarks=landmarks.skirt(top, *sides, low))  # fmt: skip
    parts = [_lining(dip), body, _waistband(top, deep)]
    attributes = {
        "length": next(n for most, n in ((1.15, "thigh"), (1.65, "knee"), (2.15, "calf"),
                                         (9, "ankle")) if length < most),
        "silhouette": "flared" if flare > 0.66 else "a-line" if flare > 0.25 else "straight",
        "hem": "pleated" if pleated else "plain" if not seams else "stitched",
    }  # fmt: skip
    return Garment("skirt", identity, attributes, tuple(parts), _legs(rng, length), FIT)


def _skirt_outline(
    ends: list[np.ndarray], hip: float, dip: float, sag: float, waves: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """The outline, its waistband from left to right, its hem from right to left, and its right
    and left side, both downwards."""
    right_end, left_end = ends
    low = curve(right_end, right_end * (0.6, 1) + (0, sag), left_end * (0.6, 1) + (0, sag),
                left_end, steps=48)  # fmt: skip
    low = waved(low, waves, 0.03, 1.0)
    right, left = (
        curve(start, (2 * start[0] * hip, 0.2),
              (0.6 * start[0] * hip + 0.7 * end[0], 0.6 * end[1]), end)
        for start, end in ((_SIDE, right_end), ((-0.5, 0.0), left_end))
    )  # fmt: skip
    top = curve((-0.5, 0.0), (-0.25, dip), (0.25, dip), _SIDE)
    return np.concatenate([top, right[1:], low[1:-1], left[:0:-1]]), top, low, (right, left)


def _skirt_folds(rng: Rng, hip: float, low: tuple[float, float, float], flare: float) -> list[Fold]:
    wide, length, swing = low
    folds = []
    for spot in np.linspace(-0.85, 0.85, max(round(9 * flare), 3)) + rng.normal(0, 0.03):
        start = (spot * hip, 0.12 + rng.uniform(0.05, 0.4) * length)
        end = (spot * wide + swing, length)
        height = (0.2 + 0.8 * flare) * rng.uniform(0.5, 1) * rng.choice((-1.0, 0.8))
        folds.append(Fold(line(start, end), 0.025 + 0.06 * flare, height))
    for _ in range(int(rng.integers(0, 4))):
        y, x = rng.uniform(0.15, 0.4), rng.choice((-1, 1)) * hip
        folds.append(Fold(line((x, y), (0.4 * x, y + rng.normal(0, 0.05))), 0.03, -0.5))
    return folds


def _swung(fold: Fold, slope: float) -> Fold:
    return Fold(fold.path + fold.path[:, 1:] * (slope, 0), fold.width, fold.height)


def _waistband(top: np.ndarray, deep: float) -> Part:
    low = top[::-1] + line((0, deep)) + np.linspace(0.012, -0.012, len(top))[:, None] * (1, 0)
    return Part("waistband", "waistband", "trim", np.concatenate([top, low]), BOTTOM + 1,
                seams=(low,))  # fmt: skip


def _legs(rng: Rng, top: float) -> tuple[Part, ...]:
    """The wearer's legs and shoes below a skirt."""
    apart = rng.uniform(0.17, 0.25)
    return bare_legs(apart, max(top - 0.4, 0.2))


def bare_legs(apart: float, top: float) -> tuple[Part, ...]:
    """Two bare legs with shoes from a height on, `apart` from the middle."""
    long = max(3.35 - top, 0.5)
    heights = long * np.array((0, 0.35, 0.5, 0.94, 1))
    half = np.stack([(0.13, 0.11, 0.12, 0.06, 0.06), heights], 1)
    outline = np.concatenate([half, half[::-1] * FLIP]) + line((apart, top))
    right = Part("shin_right", "shin", "skin", outline, LEGS)
    sole = ellipse((apart + 0.03, top + long + 0.02), (0.1, 0.06))
    shoe = Part("shoe_right", "shoe", "shoe", sole, LEGS + 1)
    return right.mirrored(), right, shoe.mirrored(), shoe


# === Trousers ===


def trousers(identity: int, pose: Pose) -> Garment:
    """Trousers, from shorts to long, from skinny to flared; each leg stands on its own."""
    design, rng = np.random.default_rng([5, identity]), pose.rng
    short = design.random() < 0.22
    length = design.uniform(0.5, 0.9) if short else design.uniform(1.4, 2.5)
    crotch, dip = design.uniform(0.72, 0.95), design.uniform(0, 0.05)
    knee = design.uniform(0.17, 0.3)
    bottom = design.uniform(0.24, 0.36) if short else knee + design.uniform(-0.06, 0.16)
    seat, leg = (crotch, design.uniform(0.58, 0.68), dip), (length, knee, bottom)
    style = tuple(design.random(3) < (0.6, 0.3, 0.5))
    right, shin = _leg(rng, pose.shown, seat, leg, style)
    left, other_shin = _leg(rng, pose.shown, seat, leg, style)
    parts = [_lining(dip), _seat(crotch, dip), *right, *(part.mirrored() for part in left)]
    attributes = {
        "length": "thigh" if short else "calf" if length < 1.75 else "ankle",
        "silhouette": "flared" if bottom > knee + 0.07 else "skinny" if bottom < 0.19 else
                      "wide" if bottom > 0.28 else "straight",
        "pockets": "slanted" if style[0] else "none",
    }  # fmt: skip
    limbs = (*shin, *(part.mirrored() for part in other_shin))
    return Garment("trousers", identity, attributes, tuple(parts), limbs, FIT)


def _seat(crotch: float, dip: float) -> Part:
    """Under both legs, so that nothing shows along the seam where they meet."""
    half = line((0, dip), (0.3, 0.3 * dip), (0.2, 0.5 * crotch), (0, crotch))
    return Part("seat", "seat", "main", both_sides(half), BOTTOM, {"crotch": half[-1]},
                landmarks={"crotch": half[-1]})  # fmt: skip


def _leg(
    rng: Rng,
    shown: str,
    seat: tuple[float, float, float],
    leg: tuple[float, float, float],
    style: tuple[bool, ...],
) -> tuple[list[Part], tuple[Part, ...]]:
    """The right leg, which includes half of the seat, and the wearer's own under it."""
    (crotch, hip, dip), (length, knee, bottom) = seat, leg
    along = np.arange(0, max(2.6, length + 0.2), _STEP)
    end = round(length / _STEP)
    bend = rng.normal(0, 0.12) * np.clip((along - 0.8) / 0.5, 0, 1) * (shown != "hanger")
    headings = rng.normal(0.07, 0.03 if shown == "hanger" else 0.075) + bend
    centre = limb((0.31, crotch + 0.02), headings, _STEP)
    stops = (0, 1.05, length) if length > 1.2 else (0, length)
    widths = (0.31, knee, bottom) if length > 1.2 else (0.31, bottom)
    half = np.interp(along[: end + 1], stops, widths)
    outer, inner = edges(centre[: end + 1], headings[: end + 1], half)
    inner[0] = (0.0, crotch)
    side = curve(_SIDE, (hip, 0.2), (hip + 0.01, 0.6 * crotch), outer[1], steps=14)
    top = curve(*_front(dip))[6:]
    outline = np.concatenate([line((0, dip)), top, side[1:], outer[2:], inner[::-1]])
    keypoints = {"waistband_right": top[-1], "bottom_right_out": outer[-1],
                 "bottom_right_in": inner[-1]}  # fmt: skip
    part = Part("leg_right", "leg", "main", outline, BOTTOM + 1, keypoints,
                tuple(_leg_seams(crotch, top, outer, inner, style)),
                tuple(_leg_folds(rng, crotch, centre[: end + 1], half, style)),
                landmarks=landmarks.leg(np.concatenate([side, outer[2:]]), inner[::-1],
                                        short=length < 1.2))  # fmt: skip
    foot = np.interp(along, (0, along[-1]), (0.2, 0.08))
    one, other = edges(centre, headings[: len(centre)], foot)
    shin = Part("shin_right", "shin", "skin", np.concatenate([one, other[::-1]]), LEGS)
    sole = Part("shoe_right", "shoe", "shoe", ellipse(centre[-1] + (0.03, 0.05), (0.12, 0.08)),
                LEGS + 1)  # fmt: skip
    return [part, _half_band(top)], (shin, sole)


def _half_band(top: np.ndarray) -> Part:
    outline = np.concatenate([line((0, top[0, 1])), top, (top + line((0.004, 0.11)))[::-1],
                              line((0, top[0, 1] + 0.11))])  # fmt: skip
    loop = line((0.25, 0.0), (0.25, 0.11))
    return Part("waistband_right", "waistband", "main", outline, BOTTOM + 3,
                seams=(top + line((0.0, 0.11)), loop),
                landmarks={"waist_middle": outline[0]})  # fmt: skip


def _leg_seams(crotch, top, outer, inner, style) -> list[np.ndarray]:
    seams = [line(outer[-2] * 0.6 + outer[-1] * 0.4, inner[-2] * 0.6 + inner[-1] * 0.4)]
    if style[0]:
        seams.append(line((0.28, 0.12), (0.47, 0.4)))
    if style[2]:
        seams.append(curve((0.07, 0.1), (0.07, 0.3), (0.07, 0.45 * crotch), (0.0, 0.6 * crotch)))
    return seams


def _leg_folds(rng: Rng, crotch: float, centre: np.ndarray, half, style) -> list[Fold]:
    """Whiskers from the crotch, creases at knee and ankle, and in some an ironed crease."""
    folds = [Fold(line((0.0, 0.14), (0.0, crotch)), 0.02, -0.8)]
    for _ in range(int(rng.integers(2, 5))):
        end = (rng.uniform(0.2, 0.45), crotch - rng.uniform(0.0, 0.3))
        start = (0.03, crotch - rng.uniform(0, 0.15))
        folds.append(Fold(line(start, end), 0.03, -rng.uniform(0.4, 1)))
    for _ in range(int(rng.integers(2, 7))):
        place = int(rng.integers(3, len(centre))) if len(centre) > 3 else 0
        aside = rng.choice((-1, 1)) * half[place]
        start = centre[place] + (aside, 0)
        folds.append(Fold(line(start, centre[place] + (-0.2 * aside, rng.normal(0, 0.05))), 0.035,
                          -rng.uniform(0.4, 1)))  # fmt: skip
    if style[1] and len(centre) > 8:
        folds.append(Fold(centre[2:], 0.02, 0.9))
    return folds


def _lining(dip: float) -> Part:
    """The back's inner side, seen above the waistband."""
    outline = np.concatenate([curve(*_front(dip)), curve(*_back(dip))])
    return Part("lining", "lining", "lining", outline, BOTTOM - 5)


def _front(dip: float) -> tuple[tuple[float, float], ...]:
    return (-0.5, 0.0), (-0.25, dip), (0.25, dip), _SIDE


def _back(dip: float) -> tuple[tuple[float, float], ...]:
    """The waistband's back edge, a little above the front's, from right to left."""
    return _SIDE, (0.25, -0.6 * dip), (-0.25, -0.6 * dip), (-0.5, 0.0)
