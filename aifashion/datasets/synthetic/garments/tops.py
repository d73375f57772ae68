"""Blouse, outwear and dress: the design is the garment's own, the picture poses the arms."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from aifashion.datasets.synthetic.garments import landmarks, trims
from aifashion.datasets.synthetic.garments.bodices import (
    Arm,
    Cut,
    Sleeve,
    arm,
    body,
    body_folds,
    body_landmarks,
    sleeve,
    swing,
)
from aifashion.datasets.synthetic.garments.geometry import both_sides, line
from aifashion.datasets.synthetic.garments.parts import LINING, Fold, Garment, Part

Rng = np.random.Generator
SLEEVES = {"short": (0.26, 0.45), "elbow": (0.55, 0.8), "wrist": (1.08, 1.28)}


@dataclass(frozen=True)
class Pose:
    """What a picture does to a garment: how it is shown, and the picture's own draws."""

    shown: str  # worn, mannequin, hanger, flat
    rng: Rng
    tucked: bool = False  # a top's hem is inside a skirt or trousers


@dataclass(frozen=True)
class Design:
    """A top before it is posed."""

    category: str
    identity: int
    cut: Cut
    sleeve: Sleeve | None
    trims: tuple[Part, ...]
    seams: tuple[np.ndarray, ...]
    pleats: tuple[Fold, ...]
    flare: float
    attributes: Mapping[str, str]


# === The garments ===


def blouse(identity: int, pose: Pose) -> Garment:
    """A blouse, shirt, T-shirt or sweater."""
    design = np.random.default_rng([1, identity])
    armpit = (design.uniform(0.46, 0.56), design.uniform(0.42, 0.54))
    waist = (armpit[0] - design.uniform(-0.02, 0.1), design.uniform(0.8, 0.95))
    hem = (armpit[0] + design.uniform(-0.06, 0.14), design.uniform(1.15, 1.75))
    if pose.tucked:
        hem = (waist[0] - 0.01, waist[1] + 0.12)
    cut = random_cut(design, design.uniform(0.12, 0.5), armpit, waist, hem)
    kind, long = design.random(), str(design.choice(list(SLEEVES)))
    made = Sleeve(design.uniform(*SLEEVES[long]), design.uniform(0.08, 0.2), kind < 0.4)
    opening = "none" if kind >= 0.4 else "buttons" if design.random() < 0.8 else "zipper"
    sewn: list[Part] = []
    if kind < 0.4:
        sewn += trims.collar(design, cut)
        closed = trims.buttons(design, cut, cut.depth)
        sewn += closed if opening == "buttons" else trims.zipper(cut, cut.depth)
    elif kind < 0.85:
        sewn.append(trims.neck_band(cut))
    pocket = design.random() < 0.3
    sewn += [trims.patch_pocket(design)] if pocket else []
    printed = kind >= 0.4 and not pocket and cut.depth < 0.35 and design.random() < 0.4
    sewn += [trims.print_on_chest(design, cut)] if printed else []
    stitched = design.random() < 0.7
    attributes = {
        "length": length(hem[1], (1.3, "waist"), (1.6, "hip"), (9, "thigh")),
        "sleeve_length": long,
        "neckline": cut.neckline,
        "collar": "shirt" if kind < 0.4 else "none",
        "opening": opening,
        "silhouette": silhouette(waist[0] / armpit[0], hem[0] / armpit[0]),
        "pockets": "patch" if pocket else "none",
        "hem": "stitched" if stitched else "plain",
    }
    seams = (trims.hem_seam(cut),) if stitched else ()
    return _posed(
        Design("blouse", identity, cut, made, tuple(sewn), seams, (), 0.0, attributes), pose
    )


def outwear(identity: int, pose: Pose) -> Garment:
    """A jacket or coat: it opens in front over a second garment, with lapels, collar or hood."""
    return _posed(_outwear("outwear", identity, np.random.default_rng([2, identity])), pose)


def short_outwear(identity: int, pose: Pose) -> Garment:
    """A jacket, cardigan or coat whose sleeves end above the elbow."""
    design = np.random.default_rng([8, identity])
    coat = _outwear("short_outwear", identity, design)
    made = Sleeve(design.uniform(0.3, 0.68), design.uniform(0.14, 0.22))
    long = "short" if made.length < 0.45 else "elbow"
    attributes = {**coat.attributes, "sleeve_length": long}
    return _posed(replace(coat, sleeve=made, attributes=attributes), pose)


def _outwear(category: str, identity: int, design: Rng) -> Design:
    armpit = (design.uniform(0.48, 0.58), design.uniform(0.44, 0.56))
    waist = (armpit[0] - design.uniform(0.05, 0.13), design.uniform(0.88, 1.05))
    hem = (waist[0] + design.uniform(0.05, 0.3), design.uniform(1.35, 2.5))
    cut = random_cut(design, 0.1, armpit, waist, hem)
    low = design.uniform(0.35, 0.75)
    gap = design.uniform(0.05, 0.24) * (design.random() < 0.5)
    sewn, lapels = [trims.opening(cut, gap, low)], design.random() < 0.6
    pockets, hood = design.random() < 0.8, design.random() < 0.3
    sewn += trims.slanted_pockets(design, cut) if pockets else []
    sewn += trims.lapels(design, cut, low) if lapels else trims.stand_collar(cut, low)
    opening, belt = "open", False
    if gap == 0:
        opening, belt = "buttons" if design.random() < 0.7 else "zipper", design.random() < 0.4
        closed = trims.buttons(design, cut, low) if opening == "buttons" else trims.zipper(cut, low)
        sewn += trims.front_closure(closed, cut)
        sewn += trims.belt(design, cut) if belt else []
    sewn += [trims.hood(design, cut)] if hood else []
    long = "wrist" if design.random() < 0.8 else "elbow"
    made = Sleeve(design.uniform(0.85, 1.05) if long == "elbow" else design.uniform(1.1, 1.3),
                  design.uniform(0.12, 0.19), design.random() < 0.3)  # fmt: skip
    attributes = {
        "length": length(hem[1], (1.6, "hip"), (2.0, "thigh"), (9, "knee")),
        "sleeve_length": long,
        "collar": "hood" if hood else "lapel" if lapels else "stand",
        "opening": opening,
        "silhouette": silhouette(waist[0] / armpit[0], hem[0] / armpit[0]),
        "waist": "belt" if belt else "plain",
        "pockets": "slanted" if pockets else "none",
    }
    seams = (trims.hem_seam(cut),)
    return Design(category, identity, cut, made, tuple(sewn), seams, (), 0.1, attributes)


def dress(identity: int, pose: Pose) -> Garment:
    """A dress: a fitted waist, marked by a seam or a belt in most, above a skirt."""
    design = np.random.default_rng([3, identity])
    armpit = (design.uniform(0.44, 0.53), design.uniform(0.42, 0.52))
    waist = (armpit[0] - design.uniform(0.07, 0.16), design.uniform(0.88, 1.08))
    hem = (waist[0] + design.uniform(0.08, 0.7), design.uniform(1.95, 3.1))
    flare = float(np.clip((hem[0] - waist[0]) / 0.6, 0, 1))
    cut = random_cut(design, design.uniform(0.12, 0.5), armpit, waist, hem, waves=round(9 * flare))
    marked = str(design.choice(("plain", "seam", "belt"), p=(0.25, 0.45, 0.3)))
    seams = [trims.hem_seam(cut)] if cut.waves < 3 else []
    seams += [trims.waist_seam(cut)] if marked == "seam" else []
    sewn = trims.belt(design, cut) if marked == "belt" else []
    sewn += [trims.neck_band(cut)] if design.random() < 0.5 else []
    pleated = design.random() < 0.35
    pleats = trims.pleats(waist, hem, int(design.integers(5, 12))) if pleated else []
    long = str(design.choice(list(SLEEVES)))
    made = Sleeve(design.uniform(*SLEEVES[long]), design.uniform(0.08, 0.18))
    attributes = {
        "length": length(hem[1], (2.2, "thigh"), (2.55, "knee"), (2.9, "calf"), (9, "ankle")),
        "sleeve_length": long,
        "neckline": cut.neckline,
        "silhouette": "flared" if flare > 0.6 else "a-line" if flare > 0.25 else "fitted",
        "waist": marked,
        "hem": "pleated" if pleated else "plain",
    }
    return _posed(
        Design("dress", identity, cut, made, tuple(sewn), tuple(seams), tuple(pleats), flare,
               attributes), pose,
    )  # fmt: skip


# === Their parts ===


def random_cut(
    design: Rng,
    depth: float,
    armpit: tuple[float, float],
    waist: tuple[float, float],
    hem: tuple[float, float],
    waves: int = 0,
) -> Cut:
    return Cut(
        neck=design.uniform(0.15, 0.28),
        depth=depth,
        neckline=("round", "v", "square")[design.choice(3, p=(0.55, 0.3, 0.15))],
        slope=design.uniform(0.07, 0.17),
        armpit=armpit,
        waist=waist,
        hem=hem,
        sag=design.uniform(-0.03, 0.1),
        waves=waves,
    )


def length(low: float, *steps: tuple[float, str]) -> str:
    return next(name for most, name in steps if low < most)


def silhouette(waist: float, hem: float) -> str:
    """From the widths of waist and hem over the chest's."""
    if waist < 0.87:
        return "fitted"
    return "a-line" if hem > 1.12 else "straight"


def _posed(design: Design, pose: Pose) -> Garment:
    """Body, trims and both sleeves as the picture has them."""
    cut, rng = design.cut, pose.rng
    parts = middle(design, pose, design.sleeve.kind)
    arms: list[Arm] = [arm(rng, pose.shown), arm(rng, pose.shown)]
    right, right_arm = sleeve(rng, cut, arms[0], design.sleeve)
    left, left_arm = sleeve(rng, cut, arms[1], design.sleeve)
    parts += [*right, *(part.mirrored() for part in left)]
    limbs = (right_arm, left_arm.mirrored())
    return Garment(
        design.category, design.identity, design.attributes, tuple(parts), limbs, cut.waist
    )


def middle(design: Design, pose: Pose, arms: str) -> list[Part]:
    """What hangs from the shoulders as the picture has it: body, trims and lining.

    Args:
        arms: short, long, vest or sling, of which landmarks' names tell.
    """
    cut, rng = design.cut, pose.rng
    folds = [*body_folds(rng, cut, design.flare), *design.pleats]
    points = body_landmarks(design.category, cut, arms)
    front = replace(body(design.category, cut, design.seams, folds), landmarks=points)
    sway = swing(cut, rng.normal(0, 0.03) * cut.hem[1] * (pose.shown != "hanger"))
    parts = [part.mapped(sway) for part in (front, *design.trims, _lining(cut))]
    return [
        replace(part, landmarks=landmarks.onto(part.landmarks, part.outline, parts[0].outline))
        if part.landmarks
        else part
        for part in parts
    ]


def _lining(cut: Cut) -> Part:
    """The back's inner side, seen through the neckline."""
    half = line((0, 0.02 + cut.top), (cut.neck, cut.top), (cut.neck * 0.9, cut.depth + 0.02),
                (0, cut.depth + 0.04))  # fmt: skip
    points = {"neckline_back": half[0]}
    return Part("lining", "lining", "lining", both_sides(half), LINING, landmarks=points)
