"""Who wears the garment, a person or a dummy: head, neck, legs, torso. Frame: see `garments`."""

import numpy as np

from aifashion.datasets.synthetic.garments import (
    Part,
    both_sides,
    edges,
    ellipse,
    limb,
    line,
    mirrored,
)

Rng = np.random.Generator


# === Around a top ===


def neck(cut_neck: float, depth: float) -> Part:
    """The neck, and the skin a neckline shows."""
    wide = min(0.13, 0.8 * cut_neck)
    half = line((0, -0.34), (wide, -0.34), (wide, -0.06), (cut_neck, 0.02), (0, depth + 0.12))
    return Part("neck", "skin", both_sides(half))


def head(rng: Rng) -> list[Part]:
    """Hair behind, and a face without features, as on cropped shop pictures."""
    tilt = rng.normal(0, 0.03)
    hair = Part("hair", "hair", ellipse((tilt, -0.5), (0.21, 0.27)))
    return [hair, Part("face", "skin", ellipse((tilt, -0.46), (0.165, 0.23)))]


def long_hair(rng: Rng) -> Part:
    """A lock that falls in front of a shoulder."""
    x, length = rng.choice((-1, 1)) * rng.uniform(0.14, 0.22), rng.uniform(0.5, 1.0)
    headings = rng.normal(0, 0.15) + 0.35 * np.sin(np.linspace(0, 5, 16) + rng.uniform(0, 6))
    centre = limb((x, -0.55), headings, length / 16)
    one, other = edges(centre, headings, np.linspace(0.08, 0.03, 16))
    return Part("lock", "hair", np.concatenate([one, other[::-1]]))


def hips(rng: Rng, waist: tuple[float, float]) -> list[Part]:
    """A second garment below a top: trousers or a skirt."""
    wide, top, low = waist[0] * 0.92, waist[1], waist[1] + rng.uniform(1.0, 2.2)
    if rng.random() < 0.4:
        flare = wide + rng.uniform(0.05, 0.3)
        half = line((0, top), (wide, top), (wide + 0.06, top + 0.4), (flare, low), (0, low))
        return [*legs(0.2, low - 0.1), Part("hips", "under", both_sides(half))]
    inner = rng.uniform(0.02, 0.1)
    half = line((0, top), (wide, top), (wide + 0.05, top + 0.45), (inner + 0.3, low), (inner, low),
                (0, top + 0.7))  # fmt: skip
    return [*legs(inner + 0.15, low - 0.1), Part("hips", "under", both_sides(half))]


# === Below and above ===


def legs(apart: float, top: float) -> list[Part]:
    """Two bare legs with shoes from a height on, `apart` from the middle."""
    long = max(3.35 - top, 0.5)
    heights = long * np.array((0, 0.35, 0.5, 0.94, 1))
    half = np.stack([(0.13, 0.11, 0.12, 0.06, 0.06), heights], 1)
    outline = np.concatenate([half, half[::-1] * line((-1, 1))]) + line((apart, top))
    right = Part("leg_right", "skin", outline)
    shoe = Part("shoe_right", "shoe", ellipse((apart + 0.03, top + long), (0.1, 0.07)))
    return [mirrored(right), right, mirrored(shoe), shoe]


def torso(rng: Rng) -> list[Part]:
    """A second garment above a waistband, with two arms; the unit is the waistband."""
    wide = rng.uniform(0.62, 0.75)
    half = line((0, -1.5), (0.2, -1.52), (wide, -1.38), (wide - 0.06, -1.0), (0.47, -0.25),
                (0.49, 0.12), (0, 0.12))  # fmt: skip
    arms = []
    for flip in (False, True):
        headings = np.full(24, rng.uniform(0.12, 0.5))
        headings[11:] += rng.normal(0, 0.3)
        centre = limb((wide - 0.05, -1.25), headings, 0.08)
        width = np.interp(np.arange(24), (0, 19, 20, 23), (0.14, 0.07, 0.1, 0.05))
        one, other = edges(centre, headings, width)
        arm = Part("arm_right", "skin", np.concatenate([one, other[::-1]]))
        arms.append(mirrored(arm) if flip else arm)
    throat = line((-0.17, -1.75), (0.17, -1.75), (0.22, -1.45), (-0.22, -1.45))
    above = [Part("neck", "skin", throat), Part("face", "skin", ellipse((0, -2.0), (0.24, 0.33)))]
    return [*above, *arms, Part("torso", "under", both_sides(half))]
