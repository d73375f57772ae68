"""Garments without sleeves: vest and sling, as tops and as dresses, and the wearer's bare arms."""

from dataclasses import replace

import numpy as np

from aifashion.datasets.synthetic.garments import trims, wearer
from aifashion.datasets.synthetic.garments.bodices import HAND, REACH, STEP, Arm, Cut, arm
from aifashion.datasets.synthetic.garments.geometry import curve, edges, limb, line, smooth
from aifashion.datasets.synthetic.garments.parts import (
    ARM,
    ARM_BEHIND,
    BODY,
    LINING,
    Fold,
    Garment,
    Part,
)
from aifashion.datasets.synthetic.garments.tops import (
    Design,
    Pose,
    length,
    middle,
    random_cut,
    silhouette,
)

Rng = np.random.Generator
ELBOW = 0.54  # from the arm's root
Waist = tuple[tuple[float, float], ...]  # armpit, waist and hem as (half width, height)


# === The four garments ===


def vest(identity: int, pose: Pose) -> Garment:
    """A sleeveless top whose shoulders are as wide as its armholes leave them."""
    design = np.random.default_rng([6, identity])
    places = _top(design, pose)
    cut = _vest_cut(design, places, 0)
    kind = design.random()
    sewn = [trims.neck_band(cut)] if kind < 0.45 else []
    if kind > 0.8:
        sewn += trims.buttons(design, cut, cut.depth)
    elif cut.depth < 0.34 and design.random() < 0.4:
        sewn.append(trims.print_on_chest(design, cut))
    attributes = _words(cut, "none") | {"opening": "buttons" if kind > 0.8 else "none"}
    return _posed(_top_design("vest", identity, cut, sewn, attributes), pose, "vest")


def sling(identity: int, pose: Pose) -> Garment:
    """A top that hangs on two thin straps."""
    design = np.random.default_rng([7, identity])
    places = _top(design, pose)
    cut = _sling_cut(design, places, 0)
    sewn = _straps(design, cut)
    attributes = _words(cut, "straps") | {"opening": "none"}
    return _posed(_top_design("sling", identity, cut, sewn, attributes), pose, "sling")


def vest_dress(identity: int, pose: Pose) -> Garment:
    """A dress with the shoulders of a vest."""
    design = np.random.default_rng([10, identity])
    places, waves = _dress(design)
    cut = _vest_cut(design, places, waves)
    sewn = [trims.neck_band(cut)] if design.random() < 0.4 else []
    return _posed(_dress_design("vest_dress", identity, design, cut, sewn), pose, "vest")


def sling_dress(identity: int, pose: Pose) -> Garment:
    """A dress that hangs on two thin straps."""
    design = np.random.default_rng([11, identity])
    places, waves = _dress(design)
    cut = _sling_cut(design, places, waves)
    sewn = _straps(design, cut)
    return _posed(_dress_design("sling_dress", identity, design, cut, sewn), pose, "sling")


# === Their cuts ===


def _top(design: Rng, pose: Pose) -> Waist:
    armpit = (design.uniform(0.43, 0.5), design.uniform(0.44, 0.52))
    waist = (armpit[0] - design.uniform(0.0, 0.1), design.uniform(0.8, 0.95))
    hem = (armpit[0] + design.uniform(-0.06, 0.14), design.uniform(1.1, 1.6))
    if pose.tucked:
        hem = (waist[0] - 0.01, waist[1] + 0.12)
    return armpit, waist, hem


def _dress(design: Rng) -> tuple[Waist, int]:
    """Its places, and the folds along its hem."""
    armpit = (design.uniform(0.41, 0.48), design.uniform(0.44, 0.52))
    waist = (armpit[0] - design.uniform(0.05, 0.14), design.uniform(0.88, 1.05))
    hem = (waist[0] + design.uniform(0.08, 0.7), design.uniform(1.95, 3.1))
    return (armpit, waist, hem), round(9 * _flare(waist, hem))


def _flare(waist: tuple[float, float], hem: tuple[float, float]) -> float:
    return float(np.clip((hem[0] - waist[0]) / 0.6, 0, 1))


def _vest_cut(design: Rng, places: Waist, waves: int) -> Cut:
    cut = random_cut(design, design.uniform(0.12, 0.5), *places, waves=waves)
    neck = design.uniform(0.15, 0.25)
    return replace(cut, neck=neck, span=min(neck + design.uniform(0.09, 0.22), 0.43))


def _sling_cut(design: Rng, places: Waist, waves: int) -> Cut:
    cut = random_cut(design, 0.3, *places, waves=waves)
    neck, top = design.uniform(0.19, 0.26), design.uniform(0.22, 0.32)
    wide = design.uniform(0.016, 0.042)
    deep = top + design.uniform(0.05, 0.2)
    return replace(cut, neck=neck, top=top, depth=deep, slope=0.0, span=neck + wide)


def _straps(design: Rng, cut: Cut) -> list[Part]:
    """Two straps from the top edge over the shoulders, and their other halves on the back."""
    wide, aside = cut.span - cut.neck, design.uniform(-0.03, 0.02)
    end = (cut.neck + aside, 0.035)
    inner = curve((cut.neck, cut.top + 0.01), (cut.neck, 0.6 * cut.top),
                  (end[0], 0.5 * cut.top), end, steps=8)  # fmt: skip
    outer = inner + line((wide, 0))
    front = Part("strap_right", "strap", "main", np.concatenate([inner, outer[::-1]]), BODY + 1,
                 {"shoulder_right": inner[-1]},
                 landmarks={"strap_right": (inner[-1] + outer[-1]) / 2})  # fmt: skip
    low = (0.75 * cut.neck, cut.top + 0.05)
    behind = line(low, end, (end[0] + wide, end[1]), (low[0] + wide, low[1]))
    back = Part("back_strap_right", "strap", "main", behind, LINING - 1)
    return [front.mirrored(), front, back.mirrored(), back]


# === Their designs ===


def _words(cut: Cut, sleeves: str) -> dict[str, str]:
    return {
        "length": length(cut.hem[1], (1.3, "waist"), (1.6, "hip"), (9, "thigh")),
        "sleeve_length": sleeves,
        "neckline": cut.neckline,
        "silhouette": silhouette(cut.waist[0] / cut.armpit[0], cut.hem[0] / cut.armpit[0]),
        "hem": "stitched",
    }


def _top_design(
    category: str, identity: int, cut: Cut, sewn: list[Part], attributes: dict[str, str]
) -> Design:
    seams = (trims.hem_seam(cut),)
    return Design(category, identity, cut, None, tuple(sewn), seams, (), 0.0, attributes)


def _dress_design(category: str, identity: int, design: Rng, cut: Cut, sewn: list[Part]) -> Design:
    flare = _flare(cut.waist, cut.hem)
    marked = str(design.choice(("plain", "seam", "belt"), p=(0.3, 0.5, 0.2)))
    seams = [trims.hem_seam(cut)] if cut.waves < 3 else []
    seams += [trims.waist_seam(cut)] if marked == "seam" else []
    sewn = [*sewn, *(trims.belt(design, cut) if marked == "belt" else [])]
    pleated = design.random() < 0.3
    pleats = trims.pleats(cut.waist, cut.hem, int(design.integers(5, 12))) if pleated else []
    attributes = {
        "length": length(cut.hem[1], (2.2, "thigh"), (2.55, "knee"), (2.9, "calf"), (9, "ankle")),
        "sleeve_length": "straps" if cut.top else "none",
        "neckline": cut.neckline,
        "silhouette": "flared" if flare > 0.6 else "a-line" if flare > 0.25 else "fitted",
        "waist": marked,
        "hem": "pleated" if pleated else "plain",
    }
    return Design(category, identity, cut, None, tuple(sewn), tuple(seams), tuple(pleats), flare,
                  attributes)  # fmt: skip


# === As a picture has them ===


def _posed(design: Design, pose: Pose, arms: str) -> Garment:
    parts = middle(design, pose, arms)
    cut, rng = design.cut, pose.rng
    shoulder = rng.uniform(0.08, 0.13)
    held = [arm(rng, pose.shown), arm(rng, pose.shown)]
    left, right = (_bare_arm(shoulder, one) for one in held)
    limbs = (wearer.trunk(shoulder, cut.armpit), *right, *(part.mirrored() for part in left))
    return Garment(
        design.category, design.identity, design.attributes, tuple(parts), limbs, cut.waist
    )


def _bare_arm(shoulder: float, held: Arm) -> tuple[Part, ...]:
    """The right arm from the shoulder on, behind the body; a forearm may come before it."""
    along = np.arange(0, REACH + HAND, STEP)
    headings = held.heading + (max(held.heading, 0.8) - held.heading) * np.exp(-along / 0.12)
    headings = headings + held.bend * smooth((along - 0.46) / 0.34)
    centre = limb((0.37, shoulder + 0.12), headings, STEP)
    stops = (0, 0.1, 0.3, ELBOW, REACH, REACH + 0.08, REACH + HAND)
    half = np.interp(along, stops, (0.1, 0.12, 0.105, 0.08, 0.05, 0.07, 0.03))
    outer, inner = edges(centre, headings, half)
    # Its seam with the trunk runs from the shoulder to the armpit, as a muscle does.
    root = line((0.27, 0.3 * shoulder + 0.02))
    upper = Part("arm_right", "arm", "skin", np.concatenate([root, outer[1:], inner[5:][::-1]]),
                 ARM_BEHIND)  # fmt: skip
    if held.behind or held.bend > -0.5:
        return (upper,)
    low = int(ELBOW / STEP) + 2
    fore = np.concatenate([outer[low:], inner[low:][::-1]])
    fold = Fold(centre[low::4], 0.03, 0.2)
    return upper, Part("forearm_right", "arm", "skin", fore, ARM, folds=(fold,))
