"""What is sewn onto a garment: collars, belts, buttons, pockets, pleats. Frame: see `garments`."""

from dataclasses import replace

import numpy as np

from aifashion.datasets.synthetic.garments import landmarks
from aifashion.datasets.synthetic.garments.bodices import Cut, hem, neckline, side, whole_hem
from aifashion.datasets.synthetic.garments.geometry import (
    FLIP,
    across,
    both_sides,
    closed,
    curve,
    ellipse,
    line,
)
from aifashion.datasets.synthetic.garments.parts import BEHIND, BELT, BODY, TRIM, Fold, Part

Rng = np.random.Generator


# === Necks ===


def collar(design: Rng, cut: Cut) -> list[Part]:
    """A shirt's collar: two wings from the neckline's ends to its lowest point."""
    edge = neckline(cut)
    tip = (
        cut.neck + design.uniform(0.02, 0.08),
        min(cut.depth, 0.3) * 0.6 + design.uniform(0.1, 0.16),
    )
    inner = line(tip) - (0.02, 0.03)
    wing = Part("collar_right", "collar", "trim", np.concatenate([edge, line(tip)]), TRIM,
                seams=(np.concatenate([edge[:1], inner, edge[-1:]]),))  # fmt: skip
    return [wing.mirrored(), wing]


def neck_band(cut: Cut) -> Part:
    """A band along the neckline, inside the body, that ends on the shoulders."""
    upper = neckline(cut)
    end = upper[:, :1] / cut.neck
    lower = upper + (1 - end) * (0, 0.05) + end * (0.045, 0.015)
    outline = np.concatenate([across(upper), across(lower)[::-1]])
    return Part("neck_band", "neckline", "trim", outline, TRIM)


def lapels(design: Rng, cut: Cut, low: float) -> list[Part]:
    """Two lapels that fold back from the opening above `low`."""
    notch, wide = design.uniform(0.18, 0.3), design.uniform(0.26, 0.36)
    shape = line((cut.neck, 0), (cut.neck + 0.09, 0.07), (wide - 0.05, notch), (wide, notch + 0.05),
                 (0.02, low + 0.05), (0.0, low), (0.6 * cut.neck, 0.3 * low))  # fmt: skip
    fold = line((wide - 0.05, notch), (0.5 * cut.neck, notch - 0.06))
    wing = Part("lapel_right", "lapel", "trim", shape, TRIM + 1, seams=(fold,),
                landmarks=landmarks.collar(shape[[-2, -1, 0]]))  # fmt: skip
    return [wing.mirrored(), wing]


def stand_collar(cut: Cut, low: float) -> list[Part]:
    """A straight band along both sides of the opening above `low`."""
    shape = line((cut.neck, 0), (cut.neck + 0.07, 0.06), (0.1, low), (0.0, low),
                 (0.6 * cut.neck, 0.3 * low))  # fmt: skip
    wing = Part("collar_right", "collar", "trim", shape, TRIM + 1,
                landmarks=landmarks.collar(shape[[-2, -1, 0]]))  # fmt: skip
    return [wing.mirrored(), wing]


def opening(cut: Cut, gap: float, low: float) -> Part:
    """What is seen between the fronts: down to `low`, or, with a gap, down to the hem."""
    half = np.concatenate([neckline(cut), line((0.6 * cut.neck, 0.3 * low))])
    bottom = (0.0, cut.hem[1] + cut.sag + 0.02)
    points = {}
    if gap == 0:
        half = np.concatenate([half, line((0, low))])
    else:
        edge = curve((0.04, low), (0.04, low + 0.2), (gap, bottom[1] - 0.3), (gap, bottom[1]))
        half = np.concatenate([half, edge, line(bottom)])
        points = landmarks.opening(edge, edge * FLIP, whole_hem(cut))
    folds = (Fold(line((-0.05, 0.2), (0.06, bottom[1] - 0.1)), 0.05, -0.5),)
    return Part("opening", "inside", "second", both_sides(half), BODY + 2, folds=folds,
                landmarks=points)  # fmt: skip


def hood(design: Rng, cut: Cut) -> Part:
    """A hood lying behind the neck."""
    wide, high = cut.neck + design.uniform(0.04, 0.12), design.uniform(0.2, 0.34)
    half = curve((0, -high), (wide, -high), (wide + 0.06, 0.0), (cut.neck, 0.1))
    fold = Fold(line((0, -high), (0, 0.05)), 0.06, -0.6)
    return Part("hood", "hood", "trim", both_sides(half), BEHIND + 8, folds=(fold,))


# === Closures ===


def buttons(design: Rng, cut: Cut, top: float) -> list[Part]:
    """A row of buttons on a placket from `top` to the hem."""
    low = cut.hem[1] + cut.sag - 0.01
    strip = line((-0.035, top + 0.005), (0.05, top + 0.005), (0.05, low), (-0.035, low))
    edge = line((0.05, top), (0.05, low))
    placket = Part("placket", "placket", "main", strip, BODY + 3, seams=(edge,))
    wide, heights = design.uniform(0.014, 0.022), np.arange(top + 0.1, low - 0.08,
                                                            design.uniform(0.16, 0.3))  # fmt: skip
    return [placket] + [
        Part(f"button_{n}", "button", "button", ellipse((0.008, y), (wide, wide), 12), BODY + 4)
        for n, y in enumerate(heights)
    ]


def zipper(cut: Cut, top: float) -> list[Part]:
    """A zip from `top` to the hem."""
    low = cut.hem[1] + cut.sag - 0.01
    strip = line((-0.014, top + 0.005), (0.014, top + 0.005), (0.014, low), (-0.014, low))
    return [Part("zipper", "zipper", "metal", strip, BODY + 3, seams=(line((0, top), (0, low)),))]


def front_closure(parts: list[Part], cut: Cut) -> list[Part]:
    """A row of buttons or a zip that closes the front of outwear, with the front's landmarks."""
    strip, *others = parts
    left, right, *_ = strip.outline
    down = np.array((0.0, cut.hem[1] + abs(cut.sag) + 0.1))
    points = landmarks.opening(line(right, right + down), line(left, left + down), whole_hem(cut))
    return [replace(strip, landmarks=points), *others]


def belt(design: Rng, cut: Cut) -> list[Part]:
    """A belt around the waist, with a buckle."""
    wide, y = design.uniform(0.035, 0.06), cut.waist[1]
    corners = [(side(cut, y + dy) + 0.004, y + dy) for dy in (-wide, 0, wide)]
    half = line((0, y - wide), *corners, (0, y + wide))
    frame = line((-0.06, y - wide), (0.06, y - wide), (0.06, y + wide), (-0.06, y + wide))
    pin = line((-0.06, y), (0.05, y))
    return [
        Part("belt", "belt", "belt", both_sides(half), BELT),
        Part("buckle", "buckle", "metal", frame, BELT + 1, seams=(pin,)),
    ]


# === Seams, folds and pockets ===


def hem_seam(cut: Cut) -> np.ndarray:
    """A stitched line a little above the hem."""
    return across(hem(cut)[::-1] - line((0, 0.05)) * np.linspace(1, 0.9, 12)[:, None])


def waist_seam(cut: Cut) -> np.ndarray:
    """A seam from side to side at the waist."""
    return across(line((0, cut.waist[1] + 0.015), cut.waist))


def patch_pocket(design: Rng) -> Part:
    """A pocket on the wearer's breast."""
    x, y, wide = design.uniform(0.12, 0.18), design.uniform(0.46, 0.56), design.uniform(0.16, 0.2)
    shape = line((x, y), (x + wide, y), (x + wide, y + wide), (x + wide / 2, y + 1.2 * wide),
                 (x, y + wide))  # fmt: skip
    mouth = line((x, y + 0.025), (x + wide, y + 0.025))
    return Part("pocket", "pocket", "main", shape, BODY + 1, seams=(closed(shape), mouth))


def print_on_chest(design: Rng, cut: Cut) -> Part:
    """Where a picture is printed on the chest: a square whose corners go round from upper left."""
    half, y = design.uniform(0.12, 0.2), cut.depth + design.uniform(0.14, 0.24)
    shape = line((-half, y), (half, y), (half, y + 2 * half), (-half, y + 2 * half))
    return Part("print", "print", "print", shape, BODY + 0.5)


def slanted_pockets(design: Rng, cut: Cut) -> list[Part]:
    """A pocket's mouth on each side below the waist, with or without a flap."""
    x, y = cut.waist[0] * design.uniform(0.5, 0.65), cut.waist[1] + design.uniform(0.08, 0.2)
    deep = 0.05 if design.random() < 0.6 else 0.012
    end = (x + 0.13, y + design.uniform(-0.02, 0.16))
    shape = line((x, y), end, end + line((0, deep))[0], (x, y + deep))
    right = Part("pocket_right", "pocket", "main", shape, BODY + 1, seams=(closed(shape),))
    return [right.mirrored(), right]


def pleats(top: tuple[float, float], low: tuple[float, float], count: int) -> list[Fold]:
    """Sharp folds from a waist down to a hem, both as (half width, height)."""
    spots = np.linspace(-0.85, 0.85, count)
    return [
        Fold(line((spot * top[0], top[1]), (spot * low[0], low[1])), 0.022, -1.0) for spot in spots
    ]
