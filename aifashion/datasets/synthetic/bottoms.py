"""Trousers and skirt. The unit is the waistband's width. Frame: see `garments`."""

import numpy as np

from aifashion.datasets.synthetic import wearer
from aifashion.datasets.synthetic.garments import (
    Garment,
    Part,
    both_sides,
    curve,
    edges,
    limb,
    line,
    mirrored,
)
from aifashion.datasets.synthetic.trims import pleats

Rng = np.random.Generator
_SIDE, _STEP = (0.5, 0.0), 0.1  # the waistband's right corner; a leg's step


def skirt(rng: Rng) -> Garment:
    """A skirt, from pencil to flared, from mini to maxi."""
    length = rng.uniform(0.75, 2.7)
    wide = rng.uniform(0.42, 0.6) + rng.uniform(0.1, 0.8) * min(1.0, 0.5 * length)
    swing, sag, dip = rng.normal(0, 0.05) * length, rng.uniform(-0.03, 0.14), rng.uniform(0, 0.05)
    hip = 0.5 + rng.uniform(0.06, 0.16)
    ends = {"right": np.array([wide + swing, length + rng.normal(0, 0.03)]),
            "left": np.array([-wide + swing, length + rng.normal(0, 0.03)])}  # fmt: skip
    hem = curve(ends["right"], ends["right"] * (0.6, 1) + (0, sag),
                ends["left"] * (0.6, 1) + (0, sag), ends["left"], steps=20)  # fmt: skip
    right, left = (
        curve(start, (2 * start[0] * hip, 0.2),
              (0.6 * start[0] * hip + 0.7 * end[0], 0.6 * length), end)
        for start, end in ((_SIDE, ends["right"]), ((-0.5, 0.0), ends["left"]))
    )  # fmt: skip
    top = curve((-0.5, 0.0), (-0.25, dip), (0.25, dip), _SIDE)
    keypoints = {"waistband_left": top[0], "waistband_right": top[-1],
                 "hemline_left": ends["left"], "hemline_right": ends["right"]}  # fmt: skip
    seams = [top + line((0, rng.uniform(0.08, 0.14))), hem - line((0, 0.06))]
    if rng.random() < 0.6:
        folds = pleats((0.5, 0.12), (wide, length), int(rng.integers(3, 10)))
        seams += [fold + line((0, 0), (swing, 0)) for fold in folds]
    outline = np.concatenate([top, right[1:], hem[1:-1], left[:0:-1]])
    body = Part("body", "main", outline, keypoints, tuple(seams))
    lining = Part("lining", "lining", np.concatenate([top, curve(*_back(dip))]))
    below = wearer.legs(0.2, length - 0.4)
    return Garment("skirt", (*below, *wearer.torso(rng), lining, body))


def trousers(rng: Rng) -> Garment:
    """Trousers, from shorts to long, from skinny to flared; each leg stands on its own."""
    length = rng.uniform(0.5, 0.9) if rng.random() < 0.22 else rng.uniform(1.4, 2.5)
    crotch, dip = rng.uniform(0.72, 0.95), rng.uniform(0, 0.05)
    knee = rng.uniform(0.17, 0.3)
    bottom = knee + rng.uniform(-0.06, 0.16) if length > 1 else rng.uniform(0.24, 0.36)
    hip = rng.uniform(0.58, 0.68)
    right, left = (_leg(rng, (crotch, hip, dip), (length, knee, bottom)) for _ in range(2))
    legs = [*right, *(mirrored(part) for part in left)]
    legs.sort(key=lambda part: part.cloth == "main")  # the wearer's own legs lie behind
    # Under both legs, so that no background shows along the seam where they meet.
    half = line((0, dip), (0.3, 0.3 * dip), (0.2, 0.5 * crotch), (0, crotch))
    seat = Part("seat", "main", both_sides(half), {"crotch": half[-1]})
    lining = Part("lining", "lining", np.concatenate([curve(*_front(dip)), curve(*_back(dip))]))
    return Garment("trousers", (*wearer.torso(rng), lining, seat, *legs))


def _leg(rng: Rng, seat: tuple[float, float, float], leg: tuple[float, float, float]) -> list[Part]:
    """The wearer's right leg and the trousers' over it, which includes half of the seat."""
    (crotch, hip, dip), (length, knee, bottom) = seat, leg
    along = np.arange(0, max(2.6, length + 0.2), _STEP)
    end = round(length / _STEP)
    bend = rng.normal(0, 0.12) * np.clip((along - 0.8) / 0.5, 0, 1)
    headings = rng.normal(0.07, 0.1) + bend
    centre = limb((0.31, crotch + 0.02), headings, _STEP)
    stops = (0, 1.05, length) if length > 1.2 else (0, length)
    widths = (0.31, knee, bottom) if length > 1.2 else (0.31, bottom)
    outer, inner = edges(centre[: end + 1], headings[: end + 1],
                         np.interp(along[: end + 1], stops, widths))  # fmt: skip
    inner[0] = (0.0, crotch)
    side = curve(_SIDE, (hip, 0.2), (hip + 0.01, 0.6 * crotch), outer[1], steps=14)
    top = curve(*_front(dip))[6:]
    outline = np.concatenate([line((0, dip)), top, side[1:], outer[2:], inner[::-1]])
    keypoints = {"waistband_right": top[-1], "bottom_right_out": outer[-1],
                 "bottom_right_in": inner[-1]}  # fmt: skip
    seams = [top + line((0, 0.11)), line(outer[-2], inner[-2])]
    seams.append(line((0.28, 0.12), (0.47, 0.4)))
    if rng.random() < 0.4:
        seams.append(curve((0.07, 0.1), (0.07, 0.3), (0.07, 0.45 * crotch), (0.0, 0.6 * crotch)))
    if rng.random() < 0.3 and length > 1:
        seams.append(centre[2 : end + 1])
    part = Part("leg_right", "main", outline, keypoints, tuple(seams))
    foot = np.interp(along, (0, along[-1]), (0.2, 0.08))
    one, other = edges(centre, headings[: len(centre)], foot)
    return [Part("shin_right", "skin", np.concatenate([one, other[::-1]])), part]


def _front(dip: float) -> tuple[tuple[float, float], ...]:
    return (-0.5, 0.0), (-0.25, dip), (0.25, dip), _SIDE


def _back(dip: float) -> tuple[tuple[float, float], ...]:
    """The waistband's back edge, a little above the front's, from right to left."""
    return _SIDE, (0.25, -0.6 * dip), (-0.25, -0.6 * dip), (-0.5, 0.0)
