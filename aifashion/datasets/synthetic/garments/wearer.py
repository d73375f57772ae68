"""Who or what carries a garment: a person, a dummy, a hanger. Frame: see `garments`, of a top."""

import numpy as np

from aifashion.datasets.synthetic.garments.geometry import (
    FLIP,
    both_sides,
    curve,
    edges,
    ellipse,
    limb,
    line,
)
from aifashion.datasets.synthetic.garments.parts import BEHIND, HEAD, LOCK, NECK, Fold, Part

Rng = np.random.Generator


# === Persons ===


def neck(rng: Rng) -> Part:
    """The neck, and the skin a neckline shows."""
    wide = rng.uniform(0.105, 0.14)
    half = line((0, -0.34), (wide, -0.34), (wide, -0.06), (wide + 0.14, 0.06), (0, 0.62))
    folds = (Fold(line((-wide, -0.18), (0, -0.12), (wide, -0.18)), 0.04, -0.7),)
    return Part("neck", "neck", "skin", both_sides(half), NECK, folds=folds)


def trunk(shoulder: float, armpit: tuple[float, float]) -> Part:
    """The shoulders and the chest that a garment without sleeves leaves bare.

    Args:
        shoulder: how far below the neck the shoulders end.
        armpit: the garment's; the trunk below stays within it.
    """
    wide, low = armpit[0] - 0.06, armpit[1]
    half = np.concatenate([
        curve((0, -0.1), (0.11, -0.1), (0.13, -0.02), (0.2, 0.03)),
        curve((0.2, 0.03), (0.34, 0.05), (0.44, shoulder - 0.03), (0.46, shoulder + 0.1))[1:],
        curve((0.46, shoulder + 0.1), (0.46, 0.5 * low), (wide, low - 0.05), (wide, low + 0.1))[1:],
        line((0, low + 0.1)),
    ])  # fmt: skip
    bones = [line((x, 0.06), (0.5 * x, 0.075), (0.12 * x, 0.1)) for x in (-0.36, 0.36)]
    folds = tuple(Fold(bone, 0.025, 0.5) for bone in bones)
    return Part("trunk", "neck", "skin", both_sides(half), NECK - 1, folds=folds)


def head(rng: Rng) -> list[Part]:
    """A face that looks somewhere, with hair of one of several cuts."""
    tilt, turn = rng.normal(0, 0.03), rng.normal(0, 0.35)
    at = np.array((tilt, -0.46))
    chin = 0.155 * rng.uniform(0.92, 1.08)
    half = np.concatenate([
        curve((0, -0.24), (0.7 * chin, -0.25), (chin, -0.13), (chin, 0)),
        curve((chin, 0), (chin, 0.12), (0.6 * chin, 0.23), (0, 0.24))[1:],
    ])  # fmt: skip
    face = Part("face", "face", "skin", both_sides(half) + at, HEAD,
                folds=_features(at, turn))  # fmt: skip
    return [*_hair(rng, at, chin), face, *_eyes(at, turn)]


def _features(at: np.ndarray, turn: float) -> tuple[Fold, ...]:
    """Brow, nose and mouth as soft relief."""
    x = 0.05 * turn
    return (
        Fold(line((x, -0.02), (x + 0.012 * np.sign(turn), 0.06)) + at, 0.022, 1.0),
        Fold(line((x - 0.04, 0.125), (x + 0.04, 0.125)) + at, 0.018, -1.0),
        Fold(line((x - 0.09, -0.045), (x + 0.09, -0.045)) + at, 0.03, -0.6),
    )


def _eyes(at: np.ndarray, turn: float) -> list[Part]:
    x = 0.05 * turn
    eyes = [ellipse((x + side * 0.058, -0.028), (0.017, 0.008), 10) + at for side in (-1, 1)]
    mouth = ellipse((x, 0.128), (0.034, 0.011), 12) + at
    return [Part(f"eye_{n}", "face", "eye", eye, HEAD + 2) for n, eye in enumerate(eyes)] + [
        Part("mouth", "face", "lips", mouth, HEAD + 2)
    ]


def _hair(rng: Rng, at: np.ndarray, chin: float) -> list[Part]:
    """Hair behind the head, a fringe before it, and in some a lock before a shoulder."""
    kind = rng.choice(4, p=(0.3, 0.3, 0.25, 0.15))  # short, bob, long, bun
    low = (0.02, 0.2, rng.uniform(0.4, 0.75), 0.02)[kind]
    wide = chin + rng.uniform(0.03, 0.07)
    half = np.concatenate([
        curve((0, -0.3), (0.8 * wide, -0.31), (wide, -0.18), (wide, 0)),
        curve((wide, 0), (wide + 0.02, 0.4 * low), (wide + 0.02, 0.8 * low),
              (0.85 * wide, low))[1:],
        line((0, low + 0.02)),
    ])  # fmt: skip
    strands = [Fold(line((x, -0.25), (1.2 * x, low)) + at, 0.02, rng.uniform(-1, 1))
               for x in rng.uniform(-wide, wide, 8)]  # fmt: skip
    back = Part("hair", "hair", "hair", both_sides(half) + at, BEHIND + 2, folds=tuple(strands))
    part = rng.uniform(-0.08, 0.08)
    edge = np.concatenate([
        curve((-chin - 0.01, -0.01), (-chin, -0.3), (chin, -0.3), (chin + 0.01, -0.01)),
        curve((chin - 0.02, -0.05), (0.6 * chin, -0.13), (part, -0.12), (part, -0.17)),
        curve((part, -0.17), (part, -0.12), (-0.6 * chin, -0.13), (-chin + 0.02, -0.05)),
    ])  # fmt: skip
    fringe = Part("fringe", "hair", "hair", edge + at, HEAD + 3)
    bun = [Part("bun", "hair", "hair", ellipse((0, -0.33), (0.08, 0.07)) + at, BEHIND + 1)]
    lock = [_lock(rng)] if kind == 2 and rng.random() < 0.5 else []
    return [*(bun if kind == 3 else []), back, fringe, *lock]


def _lock(rng: Rng) -> Part:
    """A lock that falls in front of a shoulder."""
    x, length = rng.choice((-1, 1)) * rng.uniform(0.14, 0.2), rng.uniform(0.5, 0.9)
    headings = rng.normal(0, 0.1) + 0.3 * np.sin(np.linspace(0, 5, 16) + rng.uniform(0, 6))
    centre = limb((x, -0.55), headings, length / 16)
    one, other = edges(centre, headings, np.linspace(0.07, 0.02, 16))
    folds = (Fold(centre[2:], 0.02, -0.8),)
    outline = np.concatenate([one, other[::-1]])
    return Part("lock", "hair", "hair", outline, LOCK, folds=folds)


# === Dummies and hangers ===


def dummy_head(rng: Rng) -> list[Part]:
    """A face without features, or no head at all and a cap on the neck."""
    if rng.random() < 0.5:
        cap = ellipse((0, -0.3), (0.12, 0.035))
        return [Part("cap", "stand", "wood", cap, HEAD + 1)]
    return [Part("face", "face", "skin", ellipse((rng.normal(0, 0.02), -0.46), (0.15, 0.23)), HEAD)]


def stand(low: float) -> list[Part]:
    """The pole of a bust and its foot, from a height down."""
    pole = line((-0.025, low - 0.5), (0.025, low - 0.5), (0.025, low + 0.9), (-0.025, low + 0.9))
    foot = ellipse((0, low + 0.92), (0.34, 0.07))
    return [
        Part("pole", "stand", "metal", pole, BEHIND + 1),
        Part("foot", "stand", "metal", foot, BEHIND + 1),
    ]


def hanger(slope: float) -> list[Part]:
    """A hanger's bar inside the shoulders and its hook above the neck."""
    half = line((0, -0.07), (0.44, slope + 0.01), (0.46, slope + 0.05), (0, 0.0))
    turn = np.linspace(-0.5, 1.1, 16) * np.pi
    hook = line((0, -0.2)) + 0.055 * np.stack([np.cos(turn), np.sin(turn)], 1)
    path = np.concatenate([hook, line((0.0, -0.145), (0.0, -0.06))])
    wide = np.concatenate([path + line((0.009, 0.009)), path[::-1] - line((0.009, 0.009))])
    return [
        Part("hook", "hanger", "metal", wide, BEHIND + 1),
        Part("bar", "hanger", "wood", both_sides(half), NECK),
    ]


def clip_hanger() -> list[Part]:
    """A bar with two clips and a hook, above a waistband; the frame is a bottom's."""
    bar = line((-0.52, -0.13), (0.52, -0.13), (0.52, -0.09), (-0.52, -0.09))
    parts = [Part("bar", "hanger", "wood", bar, NECK)]
    hook, _ = hanger(0.1)
    parts.append(hook.mapped(lambda points: points - line((0, 0.05))[0]))
    clip = line((0.36, -0.15), (0.43, -0.15), (0.43, 0.05), (0.36, 0.05))
    for name, outline in (("clip_right", clip), ("clip_left", (clip * FLIP)[::-1])):
        parts.append(Part(name, "hanger", "metal", outline, LOCK))
    return parts


def torso() -> Part:
    """A dummy's trunk above a waistband; the frame is a bottom's."""
    half = line((0, -0.7), (0.5, -0.72), (0.44, -0.3), (0.46, 0.12), (0, 0.12))
    return Part("torso", "neck", "skin", both_sides(half), 27)
