"""Fabrics: which cloth a garment is of, and what it looks like at any of its points."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from aifashion.datasets.synthetic.fabrics.cloth import Fabric
from aifashion.datasets.synthetic.fabrics.palette import (
    CLOTHING,
    LEAVES,
    NEUTRALS,
    any_of,
    colour,
    contrasting,
    distance,
    matching,
)
from aifashion.datasets.synthetic.fabrics.prints import (
    CHECKS,
    DESIGNS,
    DOTS,
    FLORAL,
    STRIPES,
    stretch,
)
from aifashion.datasets.synthetic.fabrics.tiles import Tile
from aifashion.datasets.synthetic.fabrics.weaves import WEAVES

Rng = np.random.Generator
_ORANGE = np.array([206.0, 134.0, 60.0])
_HIDES = np.array([(30, 28, 28), (78, 50, 36), (134, 84, 52), (92, 34, 38), (44, 52, 66),
                   (58, 62, 46), (176, 160, 140), (30, 28, 28)], np.float64)  # fmt: skip
_WOOLS = np.array([(92, 84, 74), (120, 112, 102), (74, 78, 84), (104, 88, 66), (84, 92, 76),
                   (126, 96, 78), (58, 60, 68), (150, 136, 116)], np.float64)  # fmt: skip


# === Choosing ===


def fabric(rng: Rng) -> Fabric:
    """A garment's main fabric, of any of KINDS."""
    shares = list(_SHARES.values())
    kind = KINDS[rng.choice(len(KINDS), p=shares)]
    cloth = _CHOICES[kind](rng)
    cloth = replace(cloth, seed=int(rng.integers(2**31)))
    if cloth.material == "denim":
        return cloth
    tone = rng.random()
    thread = cloth.colours[0] * (0.8 if cloth.colours[0].mean() > 60 else 1.5)
    if tone < 0.2:
        thread = cloth.colours[1]
    elif tone < 0.3:
        thread = any_of(rng, NEUTRALS)
    return replace(cloth, thread=np.clip(thread, 0, 255))


def plain(rgb: np.ndarray) -> Fabric:
    """One colour, with a grain so faint that it may as well be paper or skin."""
    ground = np.asarray(rgb, np.float64)
    thread = np.clip(0.8 * ground, 0, 255)
    return Fabric("plain", np.stack([ground, ground]), weave="faint", thread=thread)


def _plain(rng: Rng) -> Fabric:
    return replace(_cotton(rng), colours=np.stack([colour(rng)] * 2))


def _cotton(rng: Rng) -> Fabric:
    """A woven cotton or a T-shirt's jersey, its colours still to come."""
    soft = rng.random() < 0.4
    stiffness = rng.uniform(0.08, 0.25) if soft else rng.uniform(0.35, 0.65)
    weave, gloss = "jersey" if soft else "plain", rng.uniform(0.03, 0.2)
    return Fabric("plain", np.zeros((2, 3)), weave=weave, gloss=gloss, stiffness=stiffness)


def _satin(rng: Rng) -> Fabric:
    """A satin of one colour."""
    ground = colour(rng)
    gloss, stiffness = rng.uniform(0.65, 1.0), rng.uniform(0.0, 0.2)
    return Fabric(
        "satin", np.stack([ground, np.clip(1.35 * ground + 25, 0, 255)]), material="satin",
        design="patina", weave="smooth", gloss=gloss, stiffness=stiffness,
    )  # fmt: skip


# A striped knit has no ribs: they would make checks or other stripes of its pattern.
_FLAT = {"cable": "jersey", "rib": "jersey"}


def _stripes(rng: Rng) -> Fabric:
    base = _knit(rng) if rng.random() < 0.22 else _cotton(rng)
    design = str(rng.choice(list(STRIPES)))
    least, most = {"pin": (0.06, 0.13), "even": (0.07, 0.24), "breton": (0.08, 0.2)}.get(
        design, (0.14, 0.4)
    )
    # Up and down, across, or on the bias; a pullover's stripes lie across.
    share = (0.0, 1.0, 0.0, 0.0) if base.material == "knit" else (0.44, 0.44, 0.06, 0.06)
    turn = rng.choice((0.0, np.pi / 2, np.pi / 4, -np.pi / 4), p=share)
    ground = colour(rng)
    return replace(
        base, kind="stripes", pattern="stripes", design=design, turn=float(turn),
        period=rng.uniform(least, most), weave=_FLAT.get(base.weave, base.weave),
        colours=np.vstack([ground, matching(rng, ground, 3, 60.0)]),
    )  # fmt: skip


def _checks(rng: Rng) -> Fabric:
    design = str(rng.choice(list(CHECKS), p=(0.2, 0.1, 0.13, 0.07, 0.24, 0.16, 0.1)))
    least, most = {"gingham": (0.05, 0.17), "houndstooth": (0.07, 0.14), "window": (0.14, 0.3),
                   "tattersall": (0.14, 0.26)}.get(design, (0.24, 0.5))  # fmt: skip
    base = _tweed(rng) if rng.random() < 0.2 else replace(_cotton(rng), weave="plain")
    ground = colour(rng)
    if design in ("gingham", "houndstooth", "tattersall") and rng.random() < 0.7:
        ground = any_of(rng, np.array([(243, 243, 240), (236, 228, 212)]), 3.0)
    turn = 0.0 if rng.random() < 0.9 else np.pi / 4
    return replace(
        base, kind="checks", pattern="checks", design=design, turn=turn,
        period=rng.uniform(least, most),
        colours=np.vstack([ground, matching(rng, ground, 3, 75.0)]),
    )  # fmt: skip


def _dots(rng: Rng) -> Fabric:
    design = str(rng.choice(list(DOTS)))
    base = _satin(rng) if rng.random() < 0.2 else _cotton(rng)
    ground, period = colour(rng), rng.uniform(0.1, 0.25)
    dot = matching(rng, ground, 2, 75.0)
    if rng.random() < 0.75:
        dot[1] = dot[0]
    return replace(
        base, kind="dots", pattern="dots", design=design, period=period,
        colours=np.vstack([ground, dot]),
    )  # fmt: skip


def _floral(rng: Rng) -> Fabric:
    design = str(rng.choice(FLORAL))
    base = _satin(rng) if rng.random() < 0.25 else _cotton(rng)
    ground = colour(rng)
    leaf = max((any_of(rng, LEAVES) for _ in range(5)), key=lambda rgb: distance(rgb, ground))
    petals = matching(rng, ground, 2, 75.0, [leaf])
    centre = contrasting(rng, [*petals], 60.0)
    least, most = (0.09, 0.12) if design == "ditsy" else (0.12, 0.21)
    return replace(
        base, kind="floral", pattern="floral", design=design, period=rng.uniform(least, most),
        colours=np.vstack([ground, petals, centre, leaf]),
    )  # fmt: skip


def _print(rng: Rng) -> Fabric:
    design = str(rng.choice(("camouflage", "leopard", "marble", "strokes", "confetti")))
    least, most = (0.09, 0.2) if design in ("strokes", "confetti") else (0.15, 0.32)
    base = _satin(rng) if rng.random() < 0.25 else _cotton(rng)
    ground = colour(rng)
    colours = np.vstack([ground, matching(rng, ground, int(rng.integers(2, 4)), 55.0)])
    if design == "leopard" and rng.random() < 0.7:
        tan = np.array([206, 168, 118]) * rng.uniform(0.8, 1.1)
        colours = np.stack([tan, 0.62 * tan, 0.22 * tan])
    return replace(
        base, kind="print", pattern="abstract", design=design, colours=colours,
        period=rng.uniform(least, most),
    )  # fmt: skip


def _denim(rng: Rng) -> Fabric:
    depth, kind = rng.random(), rng.random()
    blue = np.array([26.0, 36.0, 62.0]) + depth * np.array([88.0, 104.0, 108.0])
    if kind < 0.2:  # black, grey and white jeans
        blue = np.full(3, 34.0) + rng.choice((0.0, 60.0, 195.0)) * np.array([1, 1, 0.97])
    pale = blue + 0.55 * (np.array([226.0, 232.0, 236.0]) - blue)
    thread = _ORANGE * rng.uniform(0.85, 1.1) if rng.random() < 0.8 else 0.8 * pale
    return Fabric(
        "denim", np.stack([blue, pale]), material="denim", design="indigo", weave="twill",
        gloss=rng.uniform(0.02, 0.12), stiffness=rng.uniform(0.7, 0.95), thread=thread,
    )  # fmt: skip


def _knit(rng: Rng) -> Fabric:
    weave = str(rng.choice(("stockinette", "rib", "cable")))
    least, most = {"stockinette": (0.03, 0.055), "rib": (0.05, 0.1), "cable": (0.22, 0.4)}[weave]
    ground = colour(rng, 0.9)
    return Fabric(
        "knit", np.stack([ground, 0.8 * ground]), material="knit", weave=weave,
        gauge=rng.uniform(least, most), gloss=rng.uniform(0, 0.04), stiffness=rng.uniform(0.1, 0.4),
    )  # fmt: skip


def _corduroy(rng: Rng) -> Fabric:
    ground = colour(rng, 0.85)
    return Fabric(
        "corduroy", np.stack([ground, 0.75 * ground]), gauge=rng.uniform(0.022, 0.045),
        material="corduroy", weave="wale", gloss=rng.uniform(0.05, 0.18),
        stiffness=rng.uniform(0.5, 0.75),
    )  # fmt: skip


def _tweed(rng: Rng) -> Fabric:
    ground = any_of(rng, _WOOLS, 8.0)
    other = ground * rng.choice((0.45, 1.55))
    knots = np.stack([any_of(rng, CLOTHING) for _ in range(2)])
    return Fabric(
        "tweed", np.clip(np.vstack([ground, other, knots]), 8, 246), gauge=rng.uniform(0.1, 0.2),
        material="tweed", design="flecks", gloss=rng.uniform(0, 0.03),
        weave=str(rng.choice(("melange", "herringbone"))), stiffness=rng.uniform(0.55, 0.8),
    )  # fmt: skip


def _leather(rng: Rng) -> Fabric:
    ground = any_of(rng, _HIDES, 5.0)
    return Fabric(
        "leather", np.stack([ground, np.clip(1.4 * ground + 40, 0, 255)]), material="leather",
        design="patina", weave="grain", gloss=rng.uniform(0.5, 0.9),
        stiffness=rng.uniform(0.7, 0.95),
    )  # fmt: skip


_SHARES = {
    "plain": 0.24, "stripes": 0.14, "checks": 0.12, "dots": 0.06, "floral": 0.09, "print": 0.07,
    "denim": 0.09, "knit": 0.09, "corduroy": 0.03, "tweed": 0.03, "leather": 0.02, "satin": 0.02,
}  # fmt: skip
KINDS = tuple(_SHARES)
_CHOICES = {
    "plain": _plain, "stripes": _stripes, "checks": _checks, "dots": _dots, "floral": _floral,
    "print": _print, "denim": _denim, "knit": _knit, "corduroy": _corduroy, "tweed": _tweed,
    "leather": _leather, "satin": _satin,
}  # fmt: skip


# === Drawing ===


@dataclass(frozen=True)
class Swatch:
    """A square of cloth that repeats without a seam; rows along the threads, columns across."""

    colours: np.ndarray  # (T, T, 3) float32 RGB, 0 to 255
    relief: np.ndarray  # (T, T) float32, light and dark of threads and stitches, mean 1
    length: float  # of the side in garment units
    framed: np.ndarray  # (T + 2, T + 2, 3) float32: colours times relief, wrapped by one pixel


def swatch(cloth: Fabric, rng: Rng, unit: float) -> Swatch:
    """Draws a fabric for a resolution.

    Args:
        cloth: the fabric; its own seed decides where the things of its pattern lie.
        rng: how its threads vary.
        unit: pixels a garment unit.

    Returns:
        The square, about one garment unit long, of about the picture's resolution. What is finer
        than 2 pixels is averaged away.
    """
    length = _length(cloth)
    tile = Tile(max(8, round(length * unit)), length)
    colours = DESIGNS[cloth.design](tile, cloth, np.random.default_rng(cloth.seed))
    relief = WEAVES[cloth.weave](tile, cloth, rng).astype(np.float32)
    relief /= relief.mean()
    lit = cv2.multiply(colours, cv2.merge([relief, relief, relief]))
    np.clip(lit, 0, 255, out=lit)
    framed = cv2.copyMakeBorder(lit, 1, 1, 1, 1, cv2.BORDER_WRAP)
    return Swatch(colours, relief, length, framed)


def _length(cloth: Fabric) -> float:
    """The side of the tile in garment units: whole periods, and as long as repeats would show."""
    if cloth.design == "plain":
        return _SHORT.get(cloth.weave, 1.0)
    if cloth.design in (*STRIPES, *CHECKS, *DOTS):
        step = cloth.period * stretch(cloth.turn)
        return step * max(1, round(1 / step))
    return 1.0


# Where a tile has no more than threads it may repeat sooner, which is faster.
_SHORT = {"faint": 0.3, "plain": 0.6, "jersey": 0.5, "wale": 0.6, "stockinette": 0.6, "rib": 0.6}


def look_up(swatch: Swatch, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """The fabric at each point, light and dark of its threads included.

    Args:
        swatch: the drawn fabric.
        u, v: (h, w) float32, across and along the threads, in garment units.

    Returns:
        (h, w, 3) float32 RGB, 0 to 255.
    """
    if u.size == 0:
        return np.zeros((*u.shape, 3), np.float32)
    side = np.float32(1 / swatch.length)
    x, y = u * side, v * side
    for turns in (x, y):
        turns -= np.floor(turns)
        turns *= np.float32(len(swatch.relief))
        # Pixel centres are whole numbers for cv2, and the frame moves them by one.
        turns += np.float32(0.5)
    return cv2.remap(swatch.framed, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
