"""Blouse, outwear and dress, each with two sleeves that follow independent arms, and a wearer."""

import numpy as np

from aifashion.datasets.synthetic import trims, wearer
from aifashion.datasets.synthetic.bodices import Cut, arm, body, sleeve, swung
from aifashion.datasets.synthetic.garments import Garment, Part, both_sides, line, mirrored

Rng = np.random.Generator


def blouse(rng: Rng) -> Garment:
    """A blouse, shirt or T-shirt; every proportion from `rng`."""
    armpit = (rng.uniform(0.46, 0.56), rng.uniform(0.42, 0.54))
    waist = (armpit[0] - rng.uniform(-0.02, 0.1), rng.uniform(0.8, 0.95))
    hem = (armpit[0] + rng.uniform(-0.06, 0.14), rng.uniform(1.15, 1.75))
    cut = _cut(rng, rng.uniform(0.12, 0.5), armpit, waist, hem)
    seams = [trims.hem_seam(cut)] if rng.random() < 0.6 else []
    front, kind = [], rng.random()
    if kind < 0.4:
        front, seams = trims.collar(rng, cut), [*seams, *trims.buttons(rng, cut, cut.depth)]
    elif kind < 0.75:
        front = [trims.neck_band(cut)]
    if rng.random() < 0.3:
        seams.append(trims.patch_pocket(rng))
    cuff, length = rng.uniform(0.08, 0.2), _pick(rng, (0.28, 0.45), (0.55, 0.8), (1.1, 1.27))
    middle = [body("blouse", cut, tuple(seams)), *front]
    return _assemble("blouse", rng, cut, middle, (length, cuff))


def outwear(rng: Rng) -> Garment:
    """A jacket or coat: it opens in front over a second garment, with lapels, collar or hood."""
    armpit = (rng.uniform(0.48, 0.58), rng.uniform(0.44, 0.56))
    waist = (armpit[0] - rng.uniform(0.05, 0.13), rng.uniform(0.88, 1.05))
    hem = (waist[0] + rng.uniform(0.05, 0.3), rng.uniform(1.35, 2.5))
    cut = _cut(rng, 0.1, armpit, waist, hem)
    low, gap = rng.uniform(0.35, 0.75), rng.uniform(0.05, 0.24) * (rng.random() < 0.5)
    front, seams = [trims.opening(cut, gap, low)], trims.slanted_pockets(rng, cut)
    front += trims.lapels(rng, cut, low) if rng.random() < 0.6 else trims.stand_collar(cut, low)
    if gap == 0:
        seams += trims.buttons(rng, cut, low)
        front += trims.belt(rng, cut) if rng.random() < 0.5 else []
    back = [trims.hood(rng, cut)] if rng.random() < 0.3 else []
    cuff, length = rng.uniform(0.12, 0.19), _pick(rng, (0.85, 1.05), (1.1, 1.3))
    middle = [body("outwear", cut, tuple(seams)), *front]
    outfit = _assemble("outwear", rng, cut, middle, (length, cuff))
    return Garment("outwear", (*back, *outfit.parts))


def dress(rng: Rng) -> Garment:
    """A dress: a fitted waist, marked by a seam or a belt in most, above a skirt."""
    armpit = (rng.uniform(0.44, 0.53), rng.uniform(0.42, 0.52))
    waist = (armpit[0] - rng.uniform(0.07, 0.16), rng.uniform(0.88, 1.08))
    hem = (waist[0] + rng.uniform(0.08, 0.7), rng.uniform(1.95, 3.1))
    cut = _cut(rng, rng.uniform(0.12, 0.5), armpit, waist, hem)
    marked, seams, front = rng.random(), [trims.hem_seam(cut)], []
    if marked < 0.45:
        seams.append(trims.waist_seam(cut))
    elif marked > 0.7:
        front += trims.belt(rng, cut)
    if rng.random() < 0.6:
        seams += trims.pleats(waist, (hem[0], hem[1]), int(rng.integers(3, 9)))
    if rng.random() < 0.5:
        front.append(trims.neck_band(cut))
    cuff, length = rng.uniform(0.08, 0.18), _pick(rng, (0.26, 0.42), (0.5, 0.8), (1.0, 1.27))
    middle = [body("dress", cut, tuple(seams)), *front]
    return _assemble("dress", rng, cut, middle, (length, cuff))


def _pick(rng: Rng, *ranges: tuple[float, float]) -> float:
    return float(rng.uniform(*ranges[rng.integers(len(ranges))]))


def _cut(
    rng: Rng,
    depth: float,
    armpit: tuple[float, float],
    waist: tuple[float, float],
    hem: tuple[float, float],
) -> Cut:
    return Cut(
        neck=rng.uniform(0.15, 0.28),
        depth=depth,
        neckline=("round", "v", "square")[rng.choice(3, p=(0.55, 0.3, 0.15))],
        slope=rng.uniform(0.07, 0.17),
        armpit=armpit,
        waist=waist,
        hem=hem,
        sag=rng.uniform(-0.03, 0.1),
        sway=rng.normal(0, 0.03) * hem[1],
    )


def _assemble(
    category: str, rng: Rng, cut: Cut, middle: list[Part], sleeves: tuple[float, float]
) -> Garment:
    """Lining, wearer, body and sleeves from the back to the front; `sleeves` is length, cuff."""
    arms = [arm(rng), arm(rng)]
    right, left = (sleeve(cut, held, *sleeves) for held in arms)
    sides = [(arms[0], right), (arms[1], [mirrored(part) for part in left])]
    behind = [part for held, parts in sides if held.behind for part in parts]
    before = [part for held, parts in sides if not held.behind for part in parts]
    figure = [wearer.neck(cut.neck, cut.depth)]
    if rng.random() < 0.75:
        figure += wearer.head(rng)
    below = wearer.legs(0.2, cut.hem[1] - 0.3) if category == "dress" else []
    if category != "dress":
        below = wearer.hips(rng, (cut.waist[0], cut.hem[1] - 0.35))
    over = [wearer.long_hair(rng)] if len(figure) > 1 and rng.random() < 0.2 else []
    lining = Part("lining", "lining", both_sides(
        line((0, 0.02), (cut.neck, 0), (cut.neck * 0.9, cut.depth + 0.02), (0, cut.depth + 0.04))
    ))  # fmt: skip
    middle = [swung(part, cut) for part in middle]
    return Garment(category, (*below, lining, *figure, *behind, *middle, *before, *over))
