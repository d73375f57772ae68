"""What is sewn onto a garment: collars, belts, buttons, pockets, pleats. Frame: see `garments`."""

import numpy as np

from aifashion.datasets.synthetic.bodices import Cut, neckline, side
from aifashion.datasets.synthetic.garments import Part, both_sides, curve, ellipse, line, mirrored

Rng = np.random.Generator
_FLIP = np.array([-1.0, 1.0])


# === Necks ===


def collar(rng: Rng, cut: Cut) -> list[Part]:
    """A shirt's collar: two wings from the neckline's ends to its lowest point."""
    edge = neckline(cut)
    tip = (cut.neck + rng.uniform(0.02, 0.08), min(cut.depth, 0.3) * 0.6 + rng.uniform(0.1, 0.16))
    wing = Part("collar_right", "trim", np.concatenate([edge, line(tip)]))
    return [mirrored(wing), wing]


def neck_band(cut: Cut) -> Part:
    """A band along the neckline, inside the body, that ends on the shoulders."""
    upper = neckline(cut)
    end = upper[:, :1] / cut.neck
    lower = upper + (1 - end) * (0, 0.05) + end * (0.045, 0.015)
    return Part("neck_band", "trim", np.concatenate([_across(upper), _across(lower)[::-1]]))


def lapels(rng: Rng, cut: Cut, low: float) -> list[Part]:
    """Two lapels that fold back from the opening above `low`."""
    notch, wide = rng.uniform(0.18, 0.3), rng.uniform(0.26, 0.36)
    shape = line((cut.neck, 0), (cut.neck + 0.09, 0.07), (wide - 0.05, notch), (wide, notch + 0.05),
                 (0.02, low + 0.05), (0.0, low), (0.6 * cut.neck, 0.3 * low))  # fmt: skip
    wing = Part("lapel_right", "trim", shape)
    return [mirrored(wing), wing]


def stand_collar(cut: Cut, low: float) -> list[Part]:
    """A straight band along both sides of the opening above `low`."""
    shape = line((cut.neck, 0), (cut.neck + 0.07, 0.06), (0.1, low), (0.0, low),
                 (0.6 * cut.neck, 0.3 * low))  # fmt: skip
    wing = Part("collar_right", "trim", shape)
    return [mirrored(wing), wing]


def opening(cut: Cut, gap: float, low: float) -> Part:
    """The second garment seen in front: down to `low`, or, with a gap, down to the hem."""
    half = np.concatenate([neckline(cut), line((0.6 * cut.neck, 0.3 * low))])
    if gap == 0:
        return Part("opening", "second", both_sides(np.concatenate([half, line((0, low))])))
    hem = (0.0, cut.hem[1] + cut.sag)
    open_edge = curve((0.04, low), (0.04, low + 0.2), (gap, hem[1] - 0.3), (gap, hem[1]))
    return Part("opening", "second", both_sides(np.concatenate([half, open_edge, line(hem)])))


def hood(rng: Rng, cut: Cut) -> Part:
    """A hood lying behind the neck."""
    wide, high = cut.neck + rng.uniform(0.04, 0.12), rng.uniform(0.2, 0.34)
    half = curve((0, -high), (wide, -high), (wide + 0.06, 0.0), (cut.neck, 0.1))
    return Part("hood", "trim", both_sides(half))


# === Seams and buttons ===


def hem_seam(cut: Cut) -> np.ndarray:
    """A stitched line a little above the hem."""
    lift = 0.06
    (hx, hy), low = cut.hem, cut.hem[1] + cut.sag
    half = curve((0, low - lift), (0.3 * hx, low - lift), (0.6 * hx, low - lift), (hx, hy - lift))
    return _across(half)


def waist_seam(cut: Cut) -> np.ndarray:
    """A seam from side to side at the waist."""
    return _across(line((0, cut.waist[1] + 0.015), cut.waist))


def belt(rng: Rng, cut: Cut) -> list[Part]:
    """A belt around the waist, with a buckle."""
    wide, y = rng.uniform(0.035, 0.06), cut.waist[1]
    corners = [(side(cut, y + dy) + 0.004, y + dy) for dy in (-wide, 0, wide)]
    half = line((0, y - wide), *corners, (0, y + wide))
    buckle = line((-0.06, y - wide), (0.06, y - wide), (0.06, y + wide), (-0.06, y + wide))
    return [Part("belt", "second", both_sides(half)), Part("buckle", "trim", buckle)]


def buttons(rng: Rng, cut: Cut, top: float) -> list[np.ndarray]:
    """A closed front from `top` to the hem: a line, and buttons or a zip beside it."""
    low = cut.hem[1] + cut.sag
    front = [line((0.0, top), (0.0, low))]
    if rng.random() < 0.3:
        return [*front, line((0.03, top), (0.03, low))]
    heights = np.arange(top + 0.1, low - 0.08, rng.uniform(0.16, 0.3))
    return front + [_closed(ellipse((0.045, y), (0.018, 0.018), 8)) for y in heights]


def patch_pocket(rng: Rng) -> np.ndarray:
    """A pocket on the wearer's breast."""
    x, y, wide = rng.uniform(0.12, 0.18), rng.uniform(0.46, 0.56), rng.uniform(0.16, 0.2)
    return _closed(line((x, y), (x + wide, y), (x + wide, y + wide), (x + wide / 2, y + 1.2 * wide),
                        (x, y + wide)))  # fmt: skip


def slanted_pockets(rng: Rng, cut: Cut) -> list[np.ndarray]:
    """A pocket's mouth on each side below the waist."""
    x, y = cut.waist[0] * rng.uniform(0.5, 0.65), cut.waist[1] + rng.uniform(0.08, 0.2)
    mouth = line((x, y), (x + 0.13, y + rng.uniform(-0.02, 0.16)))
    flap = line(mouth[1], mouth[1] + (0, 0.05), mouth[0] + (0, 0.05), mouth[0])
    right = np.concatenate([mouth, flap]) if rng.random() < 0.5 else mouth
    return [right, right * _FLIP]


def pleats(top: tuple[float, float], hem: tuple[float, float], count: int) -> list[np.ndarray]:
    """Lines from a waist down to a hem, both as (half width, height)."""
    spots = np.linspace(-0.8, 0.8, count)
    return [line((spot * top[0], top[1]), (spot * hem[0], hem[1])) for spot in spots]


def _across(half: np.ndarray) -> np.ndarray:
    """A line from the middle to the right, continued to the left."""
    return np.concatenate([(half * _FLIP)[::-1], half[1:]])


def _closed(points: np.ndarray) -> np.ndarray:
    return np.concatenate([points, points[:1]])
