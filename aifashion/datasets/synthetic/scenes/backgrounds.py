"""What is behind a garment: places and surfaces as a camera sees them, out of focus.

Which backgrounds fit depends on how the garment is shown: worn by a person, on a mannequin, on a
hanger, or lying flat and seen from above.
"""

import cv2
import numpy as np

from aifashion.datasets.synthetic.scenes import interiors, places, surfaces
from aifashion.datasets.synthetic.scenes.backdrop import MARGIN, View, distances, lit

Rng = np.random.Generator
# How a garment is shown -> the kinds of background with their shares.
SETTINGS = {
    "worn": {"studio": 0.2, "street": 0.22, "shop": 0.12, "living_room": 0.13, "park": 0.11,
             "seaside": 0.04, "wall": 0.08, "bricks": 0.06, "tiles": 0.04},
    "mannequin": {"studio": 0.38, "shop_window": 0.37, "shop": 0.25},
    "hanger": {"wall": 0.3, "door": 0.27, "rail": 0.3, "bricks": 0.08, "tiles": 0.05},
    "flat": {"planks": 0.28, "marble": 0.15, "sheet": 0.22, "carpet": 0.16, "table": 0.19},
}  # fmt: skip
# What a shop takes its pictures in front of, and where people do.
PLACES = {
    "plain": {"studio": 0.75, "wall": 0.25},
    "outside": {"street": 0.28, "shop": 0.12, "living_room": 0.2, "park": 0.14, "seaside": 0.06,
                "wall": 0.06, "bricks": 0.08, "tiles": 0.06},
}  # fmt: skip
PAINTERS = {
    "studio": places.studio, "street": places.street, "shop": interiors.shop,
    "living_room": interiors.living_room, "park": places.park, "seaside": places.seaside,
    "shop_window": interiors.shop_window, "door": interiors.door, "rail": interiors.rail,
    "table": interiors.table,
    "wall": surfaces.plaster, "bricks": surfaces.bricks, "tiles": surfaces.tiles,
    "planks": surfaces.planks, "marble": surfaces.marble, "sheet": surfaces.sheet,
    "carpet": surfaces.carpet,
}  # fmt: skip
_SHARP = ("bricks", "tiles", "planks", "marble", "sheet", "carpet", "table")  # near the garment
_COARSE, _FINE = 144, 256  # the longer side of a canvas is at most this
_NEAR = 0.15  # a share of the picture may come nearer than MARGIN before its exposure changes
# Exposures in the order of preference: a factor for red, green and blue, and what is added.
EXPOSURES = np.array([
    (1.0, 1.0, 1.0, 0), (1.2, 1.2, 1.2, 0), (0.85, 0.85, 0.85, 0), (1.45, 1.45, 1.45, 0),
    (0.7, 0.7, 0.7, 0), (1.25, 1.25, 1.25, 45), (0.54, 0.54, 0.54, 0), (0.85, 0.85, 0.85, 40),
    (1.08, 0.88, 0.68, 0), (0.7, 0.88, 1.12, 0), (1.75, 1.75, 1.75, 0), (0.4, 0.4, 0.42, 0),
    (0.8, 0.6, 0.5, 0), (0.5, 0.6, 0.85, 0), (0.6, 0.6, 0.6, 100), (0.28, 0.28, 0.3, 0),
    (1.0, 0.55, 0.5, 20), (0.45, 0.75, 0.6, 20), (0.4, 0.4, 0.4, 145),
])  # fmt: skip
_PLACE = 0.02  # where none is clear, what a place further down the list counts
_UNNATURAL = 11  # from this exposure on a place looks dark, foggy or tinted
_SHOULDER, _WHITE = 190.0, 253.0  # brighter light than the first bends towards the second


def background(rng: Rng, shown: str, shape: tuple[int, int], avoid: list[np.ndarray]) -> np.ndarray:
    """A background that fits how a garment is shown and stays clear of its colours.

    Args:
        rng: the picture's generator.
        shown: a key of SETTINGS or PLACES.
        shape: height, width.
        avoid: (3,) RGB each; large areas stay at least MARGIN away, soft details may come nearer.
            From about four different colours on not everything can stay away.

    Returns:
        (H, W, 3) float32 RGB, 0 to 255.
    """
    canvas, cost = _drawn(rng, kind_of(rng, shown), shape, avoid)
    if cost >= _UNNATURAL:  # a grey garment leaves a street only night and fog: another place
        other, less = _drawn(rng, kind_of(rng, shown), shape, avoid)
        canvas = other if less < cost else canvas
    return _enlarged(canvas, shape)


def kind_of(rng: Rng, shown: str) -> str:
    """Which background, by the shares of SETTINGS or PLACES."""
    kinds = SETTINGS.get(shown) or PLACES[shown]
    bounds = np.cumsum(list(kinds.values()))
    return list(kinds)[int(np.searchsorted(bounds, rng.random() * bounds[-1], side="right"))]


def painted(rng: Rng, kind: str, shape: tuple[int, int], avoid: list[np.ndarray]) -> np.ndarray:
    """A background of one kind, a key of PAINTERS; otherwise as `background`."""
    return _enlarged(_drawn(rng, kind, shape, avoid)[0], shape)


def _drawn(
    rng: Rng, kind: str, shape: tuple[int, int], avoid: list[np.ndarray]
) -> tuple[np.ndarray, float]:
    """A small canvas, and how far its exposure is from what a photographer would choose."""
    shrink = -(-max(shape) // (_FINE if kind in _SHARP else _COARSE))
    small = (-(-shape[0] // shrink), -(-shape[1] // shrink))
    view = View(rng, small, np.array(avoid, np.float64).reshape(-1, 3))
    canvas = PAINTERS[kind](view)
    return _exposed(lit(canvas, _vignette(view)), view.avoid)


def _enlarged(canvas: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    canvas = cv2.resize(canvas, shape[::-1], interpolation=cv2.INTER_CUBIC)
    return np.clip(canvas, 0, 255, out=canvas)


def _vignette(view: View) -> np.ndarray:
    """A lens gives its corners less light, (h, w)."""
    return 1.02 - view.rng.uniform(0.05, 0.3) * ((view.x - 0.5) ** 2 + (view.y - 0.5) ** 2)


def _exposed(canvas: np.ndarray, avoid: np.ndarray) -> tuple[np.ndarray, float]:
    """The canvas at the first exposure that keeps it clear of the colours to avoid.

    Returns:
        The canvas, and the exposure's place in EXPOSURES; more where none keeps it clear.
    """
    h, w = canvas.shape[:2]
    best, cost = 0, 0.0
    if len(avoid):
        sample = canvas[h // 20 :: max(h // 10, 1), w // 20 :: max(w // 10, 1)].reshape(-1, 3)
        near = _near(sample, EXPOSURES[:1], avoid)
        if near[0] > _NEAR:
            near = _near(sample, EXPOSURES, avoid)
            clear = near < _NEAR
            worth = near + _PLACE * np.arange(len(near))
            best = int(clear.argmax() if clear.any() else worth.argmin())
            cost = float(best if clear.any() else len(near) * (1 + near[best]))
    *factors, added = EXPOSURES[best].astype(np.float32)
    return _developed(canvas * np.array(factors) + added), cost


def _near(sample: np.ndarray, exposures: np.ndarray, avoid: np.ndarray) -> np.ndarray:
    """The share of a sample (n, 3) that comes near the colours to avoid, for each exposure."""
    tried = _developed(sample * exposures[:, None, :3] + exposures[:, None, 3:])
    return (distances(tried, avoid) < MARGIN).mean(1)


def _developed(light: np.ndarray) -> np.ndarray:
    """Light as a camera keeps it: what is too bright nears white slowly instead of stopping."""
    span = _WHITE - _SHOULDER
    over = np.maximum(light - _SHOULDER, 0)
    return np.minimum(np.maximum(light, 0), _SHOULDER) + span * over / (over + span)
